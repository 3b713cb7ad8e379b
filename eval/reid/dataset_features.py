"""Features of a data set's test images: extracted, or read from the file where they were saved."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from dgnet.core.content import content_hashes
from dgnet.core.errors import UserError
from eval.datasets import ImageRecord, TestSplits
from eval.extractor import features_of
from eval.reid.embedding_model import EmbeddingModel, extractor_of, preprocessing_of
from eval.reid.feature_file import SplitFeatures, StoredFeatures, load_features, save_features
from eval.reid.labeled_features import labels_of
from eval.reid.labels import check_rankable

_log = logging.getLogger(__name__)


def features_of_dataset(
    dataset: TestSplits,
    model: EmbeddingModel,
    checkpoint: str = "",
    *,
    network: str = "",
    data: str = "",
    more: Mapping[str, object] | None = None,
    multi_query: Sequence[ImageRecord] | None = None,
    file: Path | None = None,
    batch: int = 50,
    workers: int | None = None,
) -> StoredFeatures:
    """Features of the query and the gallery images, and of the `multi_query` images if they are given.

    Identities and cameras are those of the data set now, wherever the features come from.

    Args:
        dataset: the test splits.
        model: what embeds images.
        checkpoint: the SHA-256 of its weights; needed with `file`.
        network: its name for people; `model.name` by default.
        data: the data set's, likewise; the name of its folder by default.
        more: further entries of the preprocessing.
        file: the features are read from there if they are of these weights, this preprocessing and, by their content,
            of these images; and saved there if there is no such file. A file without hashes of its images (version 0.2
            and before) cannot be checked: the features are computed again and replace it, and the log says so.
        batch: images at a time; changes no feature.
        workers: threads that decode (default: all cores).

    Raises:
        UserError: a split is empty, its labels cannot be ranked, an image is unreadable, or the file is of other
            images, weights or preprocessing.
    """
    splits: dict[str, Sequence[ImageRecord]] = {"query": dataset.query, "gallery": dataset.gallery}
    if multi_query is not None:
        splits["multi_query"] = multi_query
    for name, records in splits.items():
        if not records:
            raise UserError(f"{dataset.root}: this data set has no image of the split {name}")
    check_rankable(dataset.query, dataset.gallery)
    preprocessing = preprocessing_of(model) | dict(more or {})
    content: dict[str, tuple[str, ...]] = {}
    rows: dict[str, np.ndarray] = {}
    if file is not None:
        if not checkpoint:
            raise UserError(f"{file}: features in a file need the SHA-256 of their weights, checkpoint must not be ''")
        content = {name: content_hashes([r.path for r in records], workers) for name, records in splits.items()}
        if file.exists():
            rows = _stored_rows(file, checkpoint, preprocessing, dataset.root, splits, content)
    save = file is not None and not rows
    if not rows:
        paths = {name: [record.path for record in records] for name, records in splits.items()}
        extractor = extractor_of(model)
        rows = {name: features_of(files, extractor, batch=batch, workers=workers) for name, files in paths.items()}
    features = {
        name: SplitFeatures.checked(
            name, rows[name], *labels_of(records), _paths(dataset.root, records), content.get(name, ())
        )
        for name, records in splits.items()
    }
    stored = StoredFeatures(network or model.name, data or dataset.root.name, checkpoint, preprocessing, features)
    if file is not None and save:
        save_features(file, stored, overwrite=True)
    return stored


def query_and_gallery(stored: StoredFeatures) -> tuple[SplitFeatures, SplitFeatures]:
    """The two sides of `eval.rank_metrics`. `UserError` unless both are there."""
    for name in ("query", "gallery"):
        if name not in stored.splits:
            raise UserError(f"the features of {stored.network} on {stored.data} lack the split {name}")
    return stored.splits["query"], stored.splits["gallery"]


def _stored_rows(
    file: Path,
    checkpoint: str,
    preprocessing: Mapping[str, object],
    root: Path,
    splits: Mapping[str, Sequence[ImageRecord]],
    content: Mapping[str, Sequence[str]],
) -> dict[str, np.ndarray]:
    """The stored features of each split's images, found by their content; nothing of a file without hashes."""
    stored = load_features(file, checkpoint=checkpoint, preprocessing=preprocessing)
    if not stored.checkable:
        _log.warning(
            "%s: holds no hashes of its images (version 0.2 or before), so whether they have changed cannot be "
            "checked; the features are computed again and replace it",
            file,
        )
        return {}
    known: dict[str, np.ndarray] = {}
    for split in stored.splits.values():
        known |= zip(split.content, split.features, strict=True)
    others = [
        path
        for name, records in splits.items()
        for path, digits in zip(_paths(root, records), content[name], strict=True)
        if digits not in known
    ]
    if others:
        raise UserError(
            f"{file}: holds features of other images than {root}: it lacks {len(others)} of "
            f"{sum(map(len, content.values()))} by their content, {others[0]} is the first; name another file, or "
            "delete it to extract again"
        )
    return {name: np.stack([known[digits] for digits in hashes]) for name, hashes in content.items()}


def _paths(root: Path, records: Sequence[ImageRecord]) -> tuple[str, ...]:
    """As seen from the data set: the same on every machine."""
    paths = (record.path.relative_to(root) if record.path.is_relative_to(root) else record.path for record in records)
    return tuple(path.as_posix() for path in paths)
