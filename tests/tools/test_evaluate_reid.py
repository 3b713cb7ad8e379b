"""`tools/evaluate_reid.py` with features that are joined at test time, as its user types it."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from dgnet.data.datasets import read_dataset
from dgnet.generation.load import load_generator
from dgnet.generation.swap_pairs import one_image_per_identity
from eval.reid.centralization import NeighborCentralization
from eval.reid.dataset_features import features_of_dataset, query_and_gallery
from eval.reid.embedding_model import extractor_of
from eval.reid.labeled_features import LabeledFeatures
from eval.reid.ranking import rank_metrics
from eval.report.report import read_report
from reid_heads.load import load_model
from tests.dgnet.generation.small_run import write_people, write_run
from tests.messages import mentions
from tests.tools.evaluation_tool import answer
from tools import evaluate_reid

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("narrow")]

SECTION = "Re-identification"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small DG-Net and its teacher, their people, and seven others by two cameras to test them on."""
    place = tmp_path_factory.mktemp("place")
    write_run(place)
    write_people(place / "others", identities=range(11, 18), images=1)
    for folder in ("query", "bounding_box_test"):
        for file in (place / "others" / folder).iterdir():
            file.rename(file.with_name(file.name.replace("_c1", "_c1" if folder == "query" else "_c2")))
    return place


@pytest.fixture
def call(place: Path, monkeypatch, capsys):
    words = ("--name", "small_teacher", "--output-path", place, "--data", place / "others", "--device", "cpu")
    return lambda *more: answer(evaluate_reid, monkeypatch, capsys, *words, *more)


def test_swaps_and_centralization_stand_beside_plain_and_reranked(place: Path, call, tmp_path: Path) -> None:
    words = ("--generator", "small", "--swaps", 2, "--swap-gallery", "--swap-weight", 0.5, "--seed", 3)
    status, printed, said = call(*words, "--centralization", 2, "--centralization-k2", 3, "--report", tmp_path)
    assert status == 0, said
    report = read_report(tmp_path / "report.json")
    names = [metric.name for metric in report.metrics if metric.name.startswith("mAP")]
    kinds = ["", "re-ranked", "centralized", "centralized, re-ranked"]
    kinds += ["with swaps", "with swaps, re-ranked", "with swaps, centralized", "with swaps, centralized, re-ranked"]
    assert names == [", ".join(filter(None, ["mAP", kind])) for kind in kinds] + [
        f"mAP difference, {kind}" for kind in kinds[2:]
    ]
    assert {"standard", "with swaps", "centralized"} <= set(report.protocols)
    assert len(report.checkpoints) == 2 and any("outputs/small/" in file for file in report.checkpoints)

    # The figures are those of features that were joined by hand.
    model, dataset = load_model("small_teacher", output=place), read_dataset(place / "others")
    generator = load_generator(place / "outputs/small")
    trained_on = read_dataset(place / "people").train
    sides = query_and_gallery(features_of_dataset(dataset, model, workers=1))
    plain = [side.features / np.linalg.norm(side.features, axis=1, keepdims=True) for side in sides]
    metric = next(metric for metric in report.metrics if metric.name == "mAP, with swaps")
    assert "joined with 2 swaps each by small after 8 iterations, structures by seed 3, weight 0.5" in metric.protocol
    structures = one_image_per_identity(trained_on, 2, 3, "swaps of test images")
    assert len({record.identity for record in structures}) == 2
    joined = []
    for features, records in zip(plain, (dataset.query, dataset.gallery), strict=True):
        total = features.astype(float)
        for structure in structures:
            swapped = generator.swap(
                np.stack([_array(record.path) for record in records]),
                np.stack([_array(structure.path)] * len(records)),
            )
            seen = np.concatenate([_features(model, image) for image in swapped])
            total = total + 0.5 * seen / np.linalg.norm(seen, axis=1, keepdims=True)
        joined.append(total)
    by_hand = [LabeledFeatures(rows, side.identities, side.cameras) for rows, side in zip(joined, sides, strict=True)]
    parameters = NeighborCentralization(2, 3)
    for name, centralization, two in (
        ("mAP", None, sides),
        ("mAP, centralized", parameters, sides),
        ("mAP, with swaps", None, by_hand),
        ("mAP, with swaps, centralized", parameters, by_hand),
    ):
        expected = rank_metrics(*two, centralization=centralization).mAP
        assert report.value(SECTION, name) == pytest.approx(100 * expected, abs=1e-3), name
    difference = report.value(SECTION, "mAP difference, with swaps")
    assert difference == pytest.approx(report.value(SECTION, "mAP, with swaps") - report.value(SECTION, "mAP"))
    assert "minus plain; 95 % interval" in printed and "bootstrap of 7 identities" in printed

    # Another seed draws other structures; the queries alone are another protocol.
    assert call(*words[:4], "--seed", 4, "--report", tmp_path / "queries")[0] == 0
    other = read_report(tmp_path / "queries/report.json")
    metric = next(metric for metric in other.metrics if metric.name == "mAP, with swaps")
    assert ", queries joined with 2 swaps each by small after 8 iterations, structures by seed 4, weight 1" in (
        metric.protocol
    )


def _array(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def _features(model, image: np.ndarray) -> np.ndarray:
    extractor = extractor_of(model)
    return extractor.network(extractor.prepare(torch.from_numpy(image).permute(2, 0, 1))[None]).float().numpy()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--swaps", 2), mentions("--swaps", "--generator")),
        (("--swap-weight", 2), mentions("--swap-weight", "--generator")),
        (("--swap-gallery",), mentions("--swap-gallery", "--generator")),
        (("--centralization-k2", 2), mentions("--centralization-k2", "--centralization")),
        (("--centralization", 7), mentions("--centralization", 6, 7)),
        (("--centralization", 2, "--centralization-k2", 9), mentions("--centralization-k2", 6, 9)),
        (("--centralization", 2, "--leave-one-out"), mentions("--centralization", "--leave-one-out")),
        (("--seed", 1), mentions("--seed", "--generator", "single-gallery-shot")),
        (("--protocol", "single-gallery-shot", "--centralization", 2), mentions("--centralization", "single-gallery")),
        (("--protocol", "single-gallery-shot", "--generator", "small"), mentions("--generator", "single-gallery")),
        (("--generator", "nobody"), mentions("nobody", "run")),
        (("--generator", "small", "--swaps", 4), mentions("--swaps", 3, 4)),
        (("--generator", "small", "--swap-weight", 0), mentions("--swap-weight", "greater than 0")),
    ],
)
def test_bad_input_is_one_sentence(options, sentence: str, call, tmp_path: Path) -> None:
    status, printed, said = call(*options, "--report", tmp_path / "report")
    assert status == 2 and re.search(sentence, said), said
    assert not (tmp_path / "report").exists() and "mAP" not in printed
