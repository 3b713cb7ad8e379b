"""Accuracy of several models on one data set, side by side."""

from collections.abc import Mapping

from eval.datasets import TestSplits
from eval.reid.dataset_features import features_of_dataset, query_and_gallery
from eval.reid.embedding_model import EmbeddingModel
from eval.reid.feature_file import StoredFeatures
from eval.reid.ranking import rank_metrics
from eval.reid.rerank import usual_reranking
from eval.report.accuracy import protocol_of
from eval.report.result import MetricValue

SECTION = "Re-identification"


def compared_models(
    models: Mapping[str, tuple[EmbeddingModel, str]],
    dataset: TestSplits,
    features: Mapping[str, StoredFeatures | None] | None = None,
) -> list[MetricValue]:
    """mAP and ranks 1, 5 and 10 of each model, and mAP and rank 1 after re-ranking, in per cent.

    Args:
        models: name -> the model, and what it is in a few words.
        features: of models whose features have been extracted before.

    Raises:
        UserError: as `eval.evaluate_reid`.
    """
    metrics = []
    for name, (model, meaning) in models.items():
        stored = (features or {}).get(name) or features_of_dataset(dataset, model)
        query, gallery = query_and_gallery(stored)
        reranking = usual_reranking(query.identities, gallery.identities)
        for suffix, result in (
            ("", rank_metrics(query, gallery, ranks=(1, 5, 10))),
            (", re-ranked", rank_metrics(query, gallery, ranks=(1,), reranking=reranking)),
        ):
            values = {"mAP": result.mAP} | {f"rank {rank}": share for rank, share in result.cmc.items()}
            for metric, value in values.items():
                label, note = f"{metric}, {name}{suffix}", f"{_sentence(metric)}, {meaning}"
                metrics.append(MetricValue(SECTION, label, 100 * value, "%", protocol_of(result), note, "higher"))
    return metrics


def _sentence(metric: str) -> str:
    if metric == "mAP":
        return "how early all images of the query's person stand in its list"
    return f"queries with their person among the first {metric.removeprefix('rank ')}"
