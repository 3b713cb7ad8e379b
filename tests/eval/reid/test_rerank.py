"""k-reciprocal re-ranking against the published numbers and against the paper's sets, one at a time."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from dgnet.core.errors import UserError
from eval.reid import rerank as rerank_module
from eval.reid.ranking import rank_metrics
from eval.reid.rerank import KReciprocal, rerank
from tests.eval.reid.sides import sides
from tests.messages import mentions

REFERENCE = Path(__file__).parents[2] / "reference"
NUMBERS = json.loads((REFERENCE / "evaluation_dev.json").read_text())
PARTS = [f"{side}_{part}" for side in ("query", "gallery") for part in ("features", "ids", "cameras")]


def reference_case(case: str) -> list[np.ndarray]:
    with np.load(REFERENCE / "evaluation_dev.npz") as arrays:
        return [arrays[f"{case}/{part}"] for part in PARTS]


def features(seed: int, images: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    return (
        random.standard_normal((8, 6))[random.integers(0, 8, images)] + 0.7 * random.standard_normal((images, 6))
    ).astype("f")


def obvious(
    query: np.ndarray, gallery: np.ndarray, k1: int, k2: int, weight: float, share: float = 2 / 3
) -> np.ndarray:
    """The paper with sets and loops."""
    everyone = np.concatenate([query, gallery]).astype(float)
    everyone /= np.linalg.norm(everyone, axis=1, keepdims=True)
    squared = ((everyone[:, None] - everyone) ** 2).sum(axis=2)
    squared /= squared.max(axis=1, keepdims=True)
    order = squared.argsort(axis=1, kind="stable")

    def reciprocal(image: int, k: int) -> set[int]:
        return {int(other) for other in order[image, : k + 1] if image in order[other, : k + 1]}

    encodings = np.zeros_like(squared)
    for image in range(len(everyone)):
        core = reciprocal(image, k1)
        members = set(core)
        for other in core:
            candidate = reciprocal(other, round(k1 / 2))
            if len(candidate & core) > share * len(candidate):
                members |= candidate
        for member in members:
            encodings[image, member] = np.exp(-squared[image, member])
        encodings[image] /= encodings[image].sum()
    expanded = np.stack([encodings[order[image, :k2]].mean(axis=0) for image in range(len(everyone))])
    result = np.zeros((len(query), len(gallery)))
    for i in range(len(query)):
        for j in range(len(gallery)):
            one, two = expanded[i], expanded[len(query) + j]
            jaccard = 1 - np.minimum(one, two).sum() / np.maximum(one, two).sum()
            result[i, j] = (1 - weight) * jaccard + weight * squared[i, len(query) + j]
    return result


@pytest.mark.parametrize("case", NUMBERS)
@pytest.mark.parametrize("parameters", [KReciprocal(20, 6, 0.3), KReciprocal(10, 1, 0.5)])
def test_published_implementation(case: str, parameters: KReciprocal) -> None:
    query, _, _, gallery, gallery_ids, _ = reference_case(case)
    expected = NUMBERS[case][f"rerank_k{parameters.k1}_{parameters.k2}_{parameters.weight}"]
    distances = rerank(query, gallery[gallery_ids != -1], parameters)
    assert distances[0, :20].tolist() == pytest.approx(expected["first_query_first_20_distances"], abs=1e-6)
    # The published sum is over float32 distances.
    assert float(distances.mean()) == pytest.approx(expected["sum"] / distances.numel(), abs=1e-7)
    if "min" in expected:
        assert (float(distances.min()), float(distances.max())) == pytest.approx(
            (expected["min"], expected["max"]), abs=1e-6
        )


@pytest.mark.parametrize("case", NUMBERS)
def test_published_accuracy_after_reranking(case: str) -> None:
    expected = NUMBERS[case]["rerank_k20_6_0.3"]
    result = rank_metrics(*sides(reference_case(case)), reranking=KReciprocal())
    assert result.mAP == pytest.approx(expected["mAP"], abs=1e-6)
    assert result.cmc_curve[: len(expected["cmc"])] == pytest.approx(expected["cmc"], abs=1e-6)
    assert result.reranking == "k-reciprocal k1=20 k2=6 lambda=0.3"


@pytest.mark.parametrize("parameters", [(6, 3, 0.3), (5, 1, 0.0), (1, 2, 1.0), (9, 12, 0.5)])
def test_obvious_sets(parameters: tuple[int, int, float]) -> None:
    query, gallery = features(0, 9), features(1, 40)
    assert rerank(query, gallery, KReciprocal(*parameters)).numpy() == pytest.approx(
        obvious(query, gallery, *parameters), abs=1e-6
    )


def test_the_oracle_tells_wrong_versions() -> None:
    query, gallery = features(0, 9), features(1, 40)
    ours = rerank(query, gallery, KReciprocal(6, 3, 0.3)).numpy()
    for wrong in (
        obvious(query, gallery, 6, 3, 0.3, share=0.4),
        obvious(query, gallery, 6, 2, 0.3),
        obvious(query, gallery, 7, 3, 0.3),
    ):
        assert np.abs(ours - wrong).max() > 1e-3


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = reference_case("A")
    whole = rerank(arguments[0], arguments[3])
    whole_metrics = rank_metrics(*sides(arguments), reranking=KReciprocal())
    monkeypatch.setattr(rerank_module, "_JOIN_ENTRIES", 50)
    monkeypatch.setattr("eval.reid.distance._BLOCK_ELEMENTS", 3000)
    torch.testing.assert_close(rerank(arguments[0], arguments[3]), whole, rtol=0, atol=1e-6)  # float32's rounding
    assert rank_metrics(*sides(arguments), reranking=KReciprocal()).mAP == whole_metrics.mAP


def test_equal_images_are_no_trouble() -> None:
    same = np.ones((30, 4), dtype=np.float32)
    distances = rerank(same[:5], same)
    assert bool(torch.isfinite(distances).all())


@pytest.mark.parametrize(
    ("query", "gallery", "sentence"),
    [
        (features(0, 5), features(1, 15), mentions("images", "query", 21, 20)),
        (features(0, 5), np.full((30, 6), np.inf), mentions("gallery.features", 0)),
        (features(0, 5), np.ones((30, 7)), mentions("columns", 6, 7)),
    ],
)
def test_bad_input_is_one_sentence(query: np.ndarray, gallery: np.ndarray, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        rerank(query, gallery)


def test_bad_parameters() -> None:
    with pytest.raises(UserError, match=mentions("k1", "at least 1", 0)):
        KReciprocal(k1=0)
    with pytest.raises(UserError, match=mentions("k2", "whole number", -1)):
        KReciprocal(k2=-1)
    with pytest.raises(UserError, match=mentions("weight", "0 to 1", 1.5)):
        KReciprocal(weight=1.5)
