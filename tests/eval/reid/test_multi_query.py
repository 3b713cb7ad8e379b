"""Multi-query means and query expansion against one query at a time."""

import numpy as np
import pytest
import torch

from eval.reid.distance import unit_features
from eval.reid.labeled_features import LabeledFeatures
from eval.reid.multi_query import mean_of_each_query
from eval.reid.query_expansion import QueryExpansion, expanded_queries
from eval.reid.ranking import rank_metrics
from tests.eval.reid.sides import sides
from tests.messages import mentions

RANDOM = np.random.default_rng(0)
FEATURES = RANDOM.standard_normal((40, 6)).astype(np.float32)
IDS, CAMERAS = RANDOM.integers(1, 4, 40), RANDOM.integers(0, 2, 40)
QUERY_IDS, QUERY_CAMERAS = np.array([1, 2, 3, 1]), np.array([0, 1, 1, 1])


def unit(features: np.ndarray) -> np.ndarray:
    return features / np.linalg.norm(features, axis=1, keepdims=True)


def test_the_mean_of_one_identity_and_camera() -> None:
    found = mean_of_each_query(LabeledFeatures(FEATURES * 3, IDS, CAMERAS), QUERY_IDS, QUERY_CAMERAS).numpy()
    for mean, identity, camera in zip(found, QUERY_IDS, QUERY_CAMERAS, strict=True):
        both = (identity == IDS) & (camera == CAMERAS)
        assert mean == pytest.approx(unit(FEATURES)[both].mean(axis=0), abs=1e-6)
        assert mean != pytest.approx(unit(FEATURES)[identity == IDS].mean(axis=0), abs=1e-3)


def test_the_order_of_the_images_changes_nothing() -> None:
    reverse = LabeledFeatures(*(part[::-1].copy() for part in (FEATURES, IDS, CAMERAS)))
    turned = mean_of_each_query(reverse, QUERY_IDS, QUERY_CAMERAS)
    assert torch.equal(turned, mean_of_each_query(LabeledFeatures(FEATURES, IDS, CAMERAS), QUERY_IDS, QUERY_CAMERAS))


def test_queries_that_nobody_asks_for() -> None:
    with pytest.raises(ValueError, match=mentions("query", "identity", 1, 2, 9)):
        mean_of_each_query(LabeledFeatures(FEATURES, IDS, CAMERAS), QUERY_IDS, np.array([0, 9, 1, 1]))
    with pytest.raises(ValueError, match=mentions("query", "features", 0)):
        mean_of_each_query(LabeledFeatures(np.full((40, 6), np.nan), IDS, CAMERAS), QUERY_IDS, QUERY_CAMERAS)
    # Images of unknown cameras would be left out of their person's mean, unsaid.
    unknown = np.where(np.arange(40) % 2, CAMERAS, -1)
    with pytest.raises(ValueError, match=mentions("cameras", "identity", 1, -1)):
        mean_of_each_query(LabeledFeatures(FEATURES, IDS, unknown), QUERY_IDS, QUERY_CAMERAS)


@pytest.mark.parametrize("expansion", [QueryExpansion(3), QueryExpansion(5, 2.5)])
def test_expanded_queries(expansion: QueryExpansion, monkeypatch: pytest.MonkeyPatch) -> None:
    query, gallery = unit_features("q", FEATURES[:9]), unit_features("g", FEATURES[9:])
    found = expanded_queries(query, gallery, expansion)
    for row, own in zip(found.numpy(), unit(FEATURES[:9].astype(float)), strict=True):
        cosines = unit(FEATURES[9:].astype(float)) @ own
        nearest = np.argsort(-cosines, kind="stable")[: expansion.neighbors]
        weights = np.maximum(cosines[nearest], 0) ** expansion.alpha
        mean = own + weights @ unit(FEATURES[9:].astype(float))[nearest]
        assert row == pytest.approx(mean / np.linalg.norm(mean), abs=1e-6)
        assert row != pytest.approx(own, abs=1e-3)
    monkeypatch.setattr("eval.reid.distance._BLOCK_ELEMENTS", 40)
    assert torch.equal(expanded_queries(query, gallery, expansion), found)


def test_expansion_is_named_and_sees_no_junk() -> None:
    arguments = (FEATURES[:9], IDS[:9], CAMERAS[:9], FEATURES[9:], IDS[9:], CAMERAS[9:])
    plain, expanded = rank_metrics(*sides(arguments)), rank_metrics(*sides(arguments), expansion=QueryExpansion(3))
    assert (plain.query_expansion, expanded.query_expansion) == ("none", "query expansion by 3 neighbors, average")
    assert plain.mAP != expanded.mAP
    # Junk beside every query would be all that joins it.
    gallery = np.concatenate([FEATURES[9:], FEATURES[:9], FEATURES[:9], FEATURES[:9]])
    ids = np.concatenate([IDS[9:], np.full(27, -1)])
    cameras = np.concatenate([CAMERAS[9:], np.zeros(27, int)])
    with_junk = LabeledFeatures(gallery, ids, cameras)
    assert rank_metrics(sides(arguments)[0], with_junk, expansion=QueryExpansion(3)).mAP == expanded.mAP


def test_bad_expansions() -> None:
    with pytest.raises(ValueError, match=mentions("neighbors", "at least 1", 0)):
        QueryExpansion(0)
    with pytest.raises(ValueError, match=mentions("alpha", "at least 0", -1.0)):
        QueryExpansion(3, -1.0)
    with pytest.raises(ValueError, match=mentions("gallery", "images", 31)):
        rank_metrics(
            LabeledFeatures(FEATURES[:9], IDS[:9], CAMERAS[:9]),
            LabeledFeatures(FEATURES[9:], IDS[9:], CAMERAS[9:]),
            expansion=QueryExpansion(32),
        )
