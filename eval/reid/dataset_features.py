"""Features of a data set's test images: extracted, or read from the file where they were saved."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from dgnet.core.errors import UserError
from eval.datasets import ImageRecord, TestSplits
from eval.images.extractor import features_of
from eval.reid.embedding_model import EmbeddingModel, extractor_of, preprocessing_of
from eval.reid.feature_file import SplitFeatures, StoredFeatures, load_features, save_features
from eval.reid.labeled_features import labels_of


def features_of_dataset(
    dataset: TestSplits,
    model: EmbeddingModel,
    checkpoint: str = "",
    *,
    network: str = "",
    more: Mapping[str, object] | None = None,
    multi_query: Sequence[ImageRecord] | None = None,
    file: Path | None = None,
    batch: int = 50,
    workers: int | None = None,
) -> StoredFeatures:
    """Features of the query and the gallery images, and of the `multi_query` images if they are given.

    Args:
        dataset: the test splits.
        model: what embeds images.
        checkpoint: the SHA-256 of its weights.
        network: its name for people; `model.name` by default.
        more: entries that belong to the preprocessing.
        file: the features are read from there if they are of these weights, this preprocessing and these images, and
            saved there if there is no such file.
        batch: images at a time; changes no feature.
        workers: threads that decode (default: all cores).

    Raises:
        UserError: a split is empty, an image unreadable, or the file of other images, weights or preprocessing.
    """
    splits: dict[str, Sequence[ImageRecord]] = {"query": dataset.query, "gallery": dataset.gallery}
    if multi_query is not None:
        splits["multi_query"] = multi_query
    for name, records in splits.items():
        if not records:
            raise UserError(f"{dataset.root}: this data set has no image of the split {name}")
    preprocessing = preprocessing_of(model) | dict(more or {})
    if file is not None and file.exists():
        stored = load_features(file, checkpoint=checkpoint, preprocessing=preprocessing)
        for name, records in splits.items():
            known = stored.splits[name].paths if name in stored.splits else ()
            if stored.data != dataset.root.name or known != _paths(dataset.root, records):
                raise UserError(
                    f"{file}: holds {len(known)} {name} images of {stored.data}, which are others than the "
                    f"{len(records)} of {dataset.root}; name another file"
                )
        return stored
    features = {}
    for name, records in splits.items():
        rows = features_of([record.path for record in records], extractor_of(model), batch=batch, workers=workers)
        features[name] = SplitFeatures.checked(name, rows, *labels_of(records), _paths(dataset.root, records))
    stored = StoredFeatures(network or model.name, dataset.root.name, checkpoint, preprocessing, features)
    if file is not None:
        save_features(file, stored)
    return stored


def query_and_gallery(stored: StoredFeatures) -> tuple[SplitFeatures, SplitFeatures]:
    """The two sides of `eval.rank_metrics`. `UserError` unless both are there."""
    for name in ("query", "gallery"):
        if name not in stored.splits:
            raise UserError(f"the features of {stored.network} on {stored.data} lack the split {name}")
    return stored.splits["query"], stored.splits["gallery"]


def _paths(root: Path, records: Sequence[ImageRecord]) -> tuple[str, ...]:
    """As seen from the data set: the same on every machine."""
    paths = (record.path.relative_to(root) if record.path.is_relative_to(root) else record.path for record in records)
    return tuple(path.as_posix() for path in paths)
