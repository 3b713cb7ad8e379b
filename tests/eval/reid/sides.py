"""The two sides of a ranking from six columns: features, identities and cameras of queries and gallery."""

from collections.abc import Sequence

from eval.arrays import Array
from eval.reid.labeled_features import LabeledFeatures


def sides(columns: Sequence[Array]) -> tuple[LabeledFeatures, LabeledFeatures]:
    return LabeledFeatures(*columns[:3]), LabeledFeatures(*columns[3:])
