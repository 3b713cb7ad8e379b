"""CUHK03's single-gallery-shot protocol against drawing galleries one query at a time."""

import numpy as np
import pytest

from eval.reid.ranking import rank_metrics
from eval.reid.rerank import KReciprocal
from eval.reid.single_gallery_shot import single_shot_metrics
from tests.eval.reid.sides import sides
from tests.messages import mentions


def case(seed: int = 0, queries: int = 30, gallery: int = 150) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    centers = random.standard_normal((16, 6))

    def side(count: int, lowest: int) -> list[np.ndarray]:
        ids = random.integers(lowest, 14, count)
        return [centers[ids + 1] + random.standard_normal((count, 6)), ids, random.integers(0, 3, count)]

    return side(queries, 1) + side(gallery, -1)


def obvious(arguments: list[np.ndarray], repetitions: int, seed: int, *, own_camera: bool = False) -> np.ndarray:
    query_features, query_ids, query_cameras, features, ids, cameras = arguments
    features, ids, cameras = features[ids != -1], ids[ids != -1], cameras[ids != -1]
    places = []
    for repetition in range(repetitions):
        numbers = np.random.Generator(np.random.Philox(key=seed, counter=repetition << 128)).random(len(ids))
        for feature, identity, camera in zip(query_features, query_ids, query_cameras, strict=True):
            drawn = []
            for other in np.unique(ids):
                of = [i for i in range(len(ids)) if ids[i] == other]
                if other == identity and not own_camera:
                    of = [i for i in of if cameras[i] != camera]
                drawn += [max(of, key=lambda i: numbers[i])] if of else []
            unit = feature / np.linalg.norm(feature)
            order = sorted(drawn, key=lambda i: np.linalg.norm(unit - features[i] / np.linalg.norm(features[i])))
            found = [ids[i] == identity for i in order]
            if any(found):
                places.append(found.index(True))
    return np.array([np.mean(np.array(places) < rank) for rank in (1, 3, 5, 10)])


def test_obvious_drawing() -> None:
    arguments = case()
    result = single_shot_metrics(*sides(arguments), repetitions=4, seed=3)
    assert list(result.cmc.values()) == pytest.approx(obvious(arguments, 4, 3))
    assert (result.protocol, result.reranking, result.repetitions) == ("single-gallery-shot", "none", 4)
    assert result.identities == 14  # 13 persons and identity 0
    assert result.cmc_deviation[1] > 0


def test_the_oracle_tells_wrong_versions() -> None:
    arguments = case()
    ours = list(single_shot_metrics(*sides(arguments), repetitions=4, seed=3).cmc.values())
    assert not np.allclose(ours, obvious(arguments, 4, 4))
    assert not np.allclose(ours, obvious(arguments, 4, 3, own_camera=True))


def test_blocks_and_the_order_of_queries_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = case(1)
    whole = single_shot_metrics(*sides(arguments), repetitions=3)
    monkeypatch.setattr("eval.reid.distance._BLOCK_ELEMENTS", 500)
    turned = [part[::-1].copy() for part in arguments[:3]] + arguments[3:]
    assert single_shot_metrics(*sides(turned), repetitions=3).cmc_curve == pytest.approx(whole.cmc_curve, abs=1e-12)


def test_one_image_of_each_person_is_the_usual_ranking() -> None:
    arguments = case(2)
    places = [int(np.flatnonzero(arguments[4] == identity)[0]) for identity in range(1, 14)]
    single = [*arguments[:3], *(part[places] for part in arguments[3:])]
    single[2] = np.full(30, 7)  # queries by another camera
    expected = rank_metrics(*sides(single))
    assert single_shot_metrics(*sides(single), repetitions=2).cmc == pytest.approx(expected.cmc)
    reranked = single_shot_metrics(*sides(single), repetitions=2, reranking=KReciprocal(5, 2))
    assert reranked.cmc == pytest.approx(rank_metrics(*sides(single), reranking=KReciprocal(5, 2)).cmc)
    assert reranked.reranking == "k-reciprocal k1=5 k2=2 lambda=0.3"


def test_bad_input_is_one_sentence() -> None:
    arguments = case()
    with pytest.raises(ValueError, match=mentions("repetitions", 1)):
        single_shot_metrics(*sides(arguments), repetitions=0)
    with pytest.raises(ValueError, match="no query has an image of its identity"):
        single_shot_metrics(*sides([arguments[0], np.full(30, 99), *arguments[2:]]))
    with pytest.raises(ValueError, match=mentions("ranks", 1)):
        single_shot_metrics(*sides(arguments), ranks=(0,))
