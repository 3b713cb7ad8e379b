"""mAP, CMC and mINP against published implementations' numbers and against an obvious loop."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from dgnet.core.errors import UserError
from eval.reid import distance
from eval.reid.labeled_features import LabeledFeatures
from eval.reid.ranking import PROTOCOLS, rank_metrics
from eval.reid.retrieval import retrieve
from eval.reid.single_gallery_shot import single_shot_metrics
from tests.eval.reid.sides import sides
from tests.messages import mentions

REFERENCE = Path(__file__).parents[2] / "reference"
NUMBERS = json.loads((REFERENCE / "evaluation_dev.json").read_text())
PARTS = [f"{side}_{part}" for side in ("query", "gallery") for part in ("features", "ids", "cameras")]


def reference_case(case: str) -> list[np.ndarray]:
    with np.load(REFERENCE / "evaluation_dev.npz") as arrays:
        return [arrays[f"{case}/{part}"] for part in PARTS]


def small_case(
    seed: int, queries: int = 12, gallery: int = 60, identities: int = 6, ties: bool = False
) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    centers = random.standard_normal((identities + 2, 5))

    def side(count: int, lowest: int) -> list[np.ndarray]:
        ids = random.integers(lowest, identities + 1, count)
        features = (centers[ids + 1] + random.standard_normal((count, 5))).astype(np.float32)
        if ties:  # few different features: many gallery images are equally far
            features = np.sign(features)
        return [features, ids, random.integers(0, 3, count)]

    return side(queries, 1) + side(gallery, -1)


def obvious(arguments: list[np.ndarray], protocol: str, *, stable: bool = True, drop_distractors: bool = False) -> dict:
    """One query, one gallery image at a time."""
    query_features, query_ids, query_cameras, gallery_features, gallery_ids, gallery_cameras = arguments
    aps, penalties, curves = [], [], []
    for feature, identity, camera in zip(query_features.astype(float), query_ids, query_cameras, strict=True):
        kept = []
        for place, other in enumerate(gallery_features.astype(float)):
            distance = np.linalg.norm(feature / np.linalg.norm(feature) - other / np.linalg.norm(other))
            junk = gallery_ids[place] == -1 or (drop_distractors and gallery_ids[place] == 0)
            if not junk and (gallery_ids[place], gallery_cameras[place]) != (identity, camera):
                kept.append((round(distance, 9), place if stable else -place, gallery_ids[place] == identity))
        hits = [hit for _, _, hit in sorted(kept)]
        if not any(hits):
            continue
        found, total = 0, 0.0
        for place, hit in enumerate(hits):
            if hit:
                before = found / place if place else 1.0
                found += 1
                precision = found / (place + 1)
                total += precision if protocol == "standard" else (before + precision) / 2
                last = place
        aps.append(total / found)
        penalties.append(found / (last + 1))
        curves.append([any(hits[: rank + 1]) for rank in range(10)])
    divisor = len(aps) if protocol == "standard" else len(query_ids)
    return {"mAP": sum(aps) / divisor, "mINP": sum(penalties) / divisor, "cmc": np.sum(curves, axis=0) / divisor}


def agrees(arguments: list[np.ndarray], protocol: str, expected: dict, **options) -> bool:
    result = rank_metrics(*sides(arguments), protocol=protocol, **options)
    figures = [result.mAP, result.mINP, *result.cmc_curve[:10]]
    return bool(np.allclose(figures, [expected["mAP"], expected["mINP"], *expected["cmc"]], rtol=0, atol=1e-9))


@pytest.mark.parametrize("case", NUMBERS)
@pytest.mark.parametrize("system", ["torchreid_market", "fastreid_market", "mgn", "dgnet_trapezoid"])
def test_published_implementations(case: str, system: str) -> None:
    expected = NUMBERS[case][system]
    protocol = "dgnet" if system == "dgnet_trapezoid" else "standard"
    result = rank_metrics(*sides(reference_case(case)), protocol=protocol, ranks=(1, 5, 10))
    assert result.protocol == protocol
    assert result.mAP == pytest.approx(expected["mAP"], abs=1e-6)
    assert result.cmc_curve[: len(expected["cmc"])] == pytest.approx(expected["cmc"], abs=1e-6)
    assert result.cmc == pytest.approx({rank: expected["cmc"][rank - 1] for rank in (1, 5, 10)}, abs=1e-6)
    if "mINP" in expected:
        assert result.mINP == pytest.approx(expected["mINP"], abs=1e-6)
    if "valid_queries" in expected:
        assert (result.valid_queries, result.queries) == (expected["valid_queries"], expected["queries"])


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("ties", [False, True])
def test_obvious_loop(protocol: str, ties: bool) -> None:
    for seed in range(4):
        arguments = small_case(seed, ties=ties)
        assert agrees(arguments, protocol, obvious(arguments, protocol))


def test_the_oracle_tells_wrong_versions() -> None:
    arguments = small_case(0)
    assert not agrees(arguments, "dgnet", obvious(arguments, "standard"))
    assert not agrees(arguments, "standard", obvious(arguments, "standard", drop_distractors=True))
    tied = small_case(0, ties=True)
    assert not agrees(tied, "standard", obvious(tied, "standard", stable=False))


@pytest.mark.parametrize("block", [1, 7, 1000])
def test_blocks_and_ties_change_nothing(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # Large enough for the matrix product to go different ways for different shapes, with every image three times.
    random = np.random.default_rng(1)
    features = np.tile(random.standard_normal((100, 300)).astype(np.float32), (3, 1))
    ids, cameras = random.integers(0, 20, 300), random.integers(0, 4, 300)
    both = sides([features[:90], ids[:90], cameras[:90], features, ids, cameras])
    whole = rank_metrics(*both)
    monkeypatch.setattr(distance, "_BLOCK_ELEMENTS", 300 * block)
    parts = rank_metrics(*both)
    # One match that changed places would show at 1e-6: only the last bit of the means may differ.
    assert parts.average_precisions == pytest.approx(whole.average_precisions, abs=1e-14, nan_ok=True)
    assert np.array_equal(whole.cmc_curve, parts.cmc_curve)
    assert parts.mINP == pytest.approx(whole.mINP, abs=1e-14)


def test_perfect_features_and_unit_of_features() -> None:
    features = np.eye(4, dtype=np.float32).repeat(2, axis=0)
    ids, cameras = np.arange(4).repeat(2), np.tile([0, 1], 4)
    result = rank_metrics(*sides([features, ids, cameras, features * 7, ids, cameras]), ranks=(1, 100))
    assert (result.mAP, result.mINP, result.cmc) == (1.0, 1.0, {1: 1.0, 100: 1.0})


def test_queries_without_a_match_by_protocol() -> None:
    features, cameras = np.eye(3, dtype=np.float32), np.array([0, 0, 0])
    gallery = [np.eye(3, dtype=np.float32), np.array([1, 1, 9]), np.array([1, 0, 0])]
    both = sides([features, np.array([1, 2, 9]), cameras, *gallery])
    standard = rank_metrics(*both)
    dgnet = rank_metrics(*both, protocol="dgnet")
    assert (standard.mAP, standard.valid_queries) == (1.0, 1)
    assert (dgnet.mAP, dgnet.cmc[1], dgnet.queries) == (pytest.approx(1 / 3), pytest.approx(1 / 3), 3)
    assert np.isnan(standard.average_precisions).tolist() == [False, True, True]


def spoiled(**changes: np.ndarray) -> list[np.ndarray]:
    return list((dict(zip(PARTS, small_case(0), strict=True)) | changes).values())


NAN = np.full((12, 5), np.nan, dtype=np.float32)


@pytest.mark.parametrize(
    ("arguments", "options", "sentence"),
    [
        (spoiled(query_features=NAN), {}, mentions("query.features", 0)),
        (spoiled(query_features=np.zeros((12, 4))), {}, mentions("columns", 4, 5)),
        (spoiled(query_features=np.zeros((0, 5))), {}, mentions("query", "features", "query.features")),
        (
            spoiled(gallery_ids=np.arange(59)),
            {},
            mentions("gallery.identities", 60),
        ),
        (spoiled(query_cameras=np.zeros(3, dtype=int)), {}, mentions("query.cameras", 12)),
        (spoiled(query_cameras=np.zeros(12)), {}, mentions("query.cameras", "torch.float64")),
        (spoiled(query_ids=np.full(12, -1)), {}, mentions("query", "identities", "query.identities")),
        (spoiled(query_ids=np.full(12, 99)), {}, "no query has an image of its identity"),
        (spoiled(gallery_ids=np.full(60, -1)), {}, "nothing but junk"),
        (
            spoiled(query_ids=np.ones(11, dtype=int), query_cameras=np.ones(11, dtype=int)),
            {},
            "query.identities must hold .* 12",
        ),
        (spoiled(), {"protocol": "trapezoid"}, mentions("protocol", "standard", "dgnet", "'trapezoid'")),
        (spoiled(), {"ranks": (0, 1)}, mentions("ranks", 1)),
    ],
)
def test_bad_input_is_one_sentence(arguments: list[np.ndarray], options: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        rank_metrics(*sides(arguments), **options)


def one_camera_in_truth(known: int, unknown: int) -> list[np.ndarray]:
    """Two persons, each with a query and two gallery images; the second gallery image's camera differs."""
    random = np.random.default_rng(0)
    features = random.standard_normal((6, 4))
    identities, cameras = np.array([1, 2, 1, 2, 1, 2]), np.array([known] * 4 + [unknown] * 2)
    return [features[:2], identities[:2], cameras[:2], features[2:], identities[2:], cameras[2:]]


def test_cameras_known_for_a_part_of_an_identity_are_refused() -> None:
    result = rank_metrics(*sides(one_camera_in_truth(3, 4)))
    for pair in ((3, -1), (-1, 3)):
        arguments = one_camera_in_truth(*pair)
        for measure in (rank_metrics, single_shot_metrics):
            with pytest.raises(UserError, match=mentions("cameras", "identity", 1, -1)):
                measure(*sides(arguments))
        with pytest.raises(UserError, match=mentions("cameras", "identity", 1, -1)):
            retrieve(result, [0], *sides(arguments))
    with pytest.raises(UserError, match="no query has"):
        rank_metrics(*sides(one_camera_in_truth(-1, -1)))  # nothing is known: nothing to measure
    assert rank_metrics(*sides(one_camera_in_truth(3, 4))).valid_queries == 2
    with pytest.raises(UserError, match=mentions("cameras", -2)):
        rank_metrics(*sides(one_camera_in_truth(-1, -2)))


def test_unknown_cameras_of_people_that_nobody_asks_for_are_no_trouble() -> None:
    arguments = one_camera_in_truth(3, 4)
    arguments[4] = np.append(arguments[4], [9, 9, -1, -1, 0, 0])  # a stranger, junk and distractors
    arguments[5] = np.append(arguments[5], [5, -1, 5, -1, 5, -1])
    arguments[3] = np.concatenate([arguments[3], -np.ones((6, 4))])
    assert rank_metrics(*sides(arguments)).valid_queries == 2
    # Another person may be without cameras altogether: that query has no match.
    arguments[2][1], arguments[5][[1, 3]] = -1, -1
    assert rank_metrics(*sides(arguments)).valid_queries == 1


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_features_that_are_all_the_same_are_said(value: float, caplog: pytest.LogCaptureFixture) -> None:
    """A network that died gives them; a figure comes out all the same, of the gallery's order."""
    gallery = LabeledFeatures(np.full((3, 4), value), np.array([7, 8, 9]), np.array([2, 2, 2]))
    query = LabeledFeatures(np.full((1, 4), 3 * value), np.array([8]), np.array([1]))
    assert rank_metrics(query, gallery).mAP == 0.5
    assert re.search(mentions("all 4 images are the same"), caplog.text)
    caplog.clear()
    rank_metrics(query, LabeledFeatures(np.eye(3, 4), gallery.identities, gallery.cameras))
    assert ("the features of 1 of 4 images are zeros" in caplog.text) == (value == 0)
    assert "are the same" not in caplog.text


def test_a_gallery_of_one_person_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """Every ranking of it is right: mAP is 100 % by any features."""
    features, ones = np.random.default_rng(0).normal(size=(4, 8)), np.ones(4, np.int64)
    query, gallery = (LabeledFeatures(features, ones, camera * ones) for camera in (1, 2))
    assert rank_metrics(query, gallery).mAP == 1 and "one identity alone" in caplog.text
    caplog.clear()
    rank_metrics(query, LabeledFeatures(features, np.array([1, 1, 1, 0]), 2 * ones))
    assert not caplog.text
