"""The thresholds for "the same person" that a data set can resolve, measured for a model's features."""

from dgnet.core.calibration import Calibration, Threshold, image_sample
from dgnet.core.content import content_hashes
from dgnet.core.errors import UserError
from eval.datasets import TestSplits
from eval.reid.dataset_features import query_and_gallery
from eval.reid.pair_scores import pair_scores
from eval.reid.threshold_intervals import threshold_intervals
from eval.reid_accuracy import ReIDAccuracy
from eval.report.verification import pairs_in_words


def calibrate(accuracy: ReIDAccuracy, dataset: TestSplits, split: str = "", workers: int | None = None) -> Calibration:
    """The calibration of the model whose accuracy was measured on a data set: a threshold with its interval for each
    false-positive rate.

    Args:
        split: how queries and gallery were taken from the data, where that is not usual.
        workers: threads that read the images (default: all cores).

    Raises:
        UserError: the data set has too few pairs for any threshold.
    """
    features, found = accuracy.features, accuracy.verification
    query, gallery = query_and_gallery(features)
    intervals = threshold_intervals(query, gallery, pair_scores(query, gallery), list(found.thresholds))
    reasons = dict(found.not_measurable)
    thresholds = []
    for rate, interval in intervals.items():
        if interval is None:
            reasons[f"TPR at FPR {rate:g}"] = "too few people to tell how certain its threshold is"
        else:
            thresholds.append(Threshold(rate, found.thresholds[rate], *interval, found.tpr[rate]))
    if not thresholds:
        raise UserError(f"{dataset.root}: no threshold can be measured: {next(iter(reasons.values()))}")
    numbers = f"{found.positives:,} of one person, {found.negatives:,} of two"
    return Calibration(
        weights=features.checkpoint,
        preprocessing=features.preprocessing,
        data=dataset.root.absolute().name,
        protocol=", ".join(filter(None, (f"pairs of {pairs_in_words(found, split)}: {numbers}", split))),
        thresholds=tuple(thresholds),
        not_measurable=reasons,
        sample=image_sample(content_hashes([record.path for record in (*dataset.query, *dataset.gallery)], workers)),
    )
