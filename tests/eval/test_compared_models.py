"""Several models on one data set: each name has the figures of its own features."""

from pathlib import Path

import numpy as np
import pytest

from dgnet.data.records import Dataset
from eval import rank_metrics
from eval.compared_models import compared_models
from eval.reid.color_histogram import ColorHistogram
from eval.reid.feature_file import SplitFeatures, StoredFeatures
from eval.reid.rerank import usual_reranking


def stored(name: str, noise: float) -> StoredFeatures:
    """Features of 12 people, four images of each; more noise, lower accuracy."""
    draws = np.random.default_rng(3)
    centers = draws.standard_normal((12, 16))
    splits = {}
    for camera, (split, images) in enumerate({"query": 1, "gallery": 3}.items()):
        people = np.arange(12).repeat(images)
        features = (centers[people] + noise * draws.standard_normal((len(people), 16))).astype(np.float32)
        paths = tuple(f"{split}/{number}.png" for number in range(len(people)))
        splits[split] = SplitFeatures(features, people, np.full(len(people), camera), paths)
    return StoredFeatures(name, "people", "aa", {}, splits)


def test_each_model_has_its_own_figures() -> None:
    features = {"good": stored("good", 1.2), "poor": stored("poor", 2.5)}
    # Features that are there are not extracted again: neither the model nor the data set is used.
    models = {name: (ColorHistogram(64, 32), f"the {name} one") for name in features}
    metrics = compared_models(models, Dataset("people", Path("people")), features)
    values = {metric.name: metric.value for metric in metrics}
    assert values["mAP, good"] > values["mAP, poor"] + 10
    for name, one in features.items():
        query, gallery = one.splits["query"], one.splits["gallery"]
        plain = rank_metrics(query, gallery, ranks=(1, 5, 10))
        again = rank_metrics(query, gallery, reranking=usual_reranking(query.identities, gallery.identities))
        expected = {f"rank {rank}, {name}": 100 * plain.cmc[rank] for rank in (1, 5, 10)}
        expected |= {f"mAP, {name}": 100 * plain.mAP, f"mAP, {name}, re-ranked": 100 * again.mAP}
        expected |= {f"rank 1, {name}, re-ranked": 100 * again.cmc[1]}
        assert {key: values[key] for key in expected} == pytest.approx(expected)
        assert again.mAP != plain.mAP
    assert len(metrics) == 12 and all(f"the {metric.name.split(', ')[1]} one" in metric.note for metric in metrics)
    assert {metric.unit for metric in metrics} == {"%"}
    assert all(("k-reciprocal" in metric.protocol) == ("re-ranked" in metric.name) for metric in metrics)
