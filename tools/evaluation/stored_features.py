"""Features of a data set's test images: extracted, or read from the file where they were saved."""

from collections.abc import Mapping
from pathlib import Path

import torch

from dgnet.core import pixels
from dgnet.core.errors import UserError
from dgnet.data.records import Dataset, Record
from eval.images.extractor import features_of
from eval.reid.feature_file import SplitFeatures, StoredFeatures, load_features, save_features
from eval.reid.labeled_features import labels_of
from tools.evaluation.reid_extractor import ReidExtractor


def features_of_dataset(
    dataset: Dataset,
    extractor: ReidExtractor,
    checkpoint: str,
    *,
    network: str,
    more: Mapping[str, object] | None = None,
    multi_query: bool = False,
    file: Path | None = None,
    batch: int = 50,
    workers: int | None = None,
) -> StoredFeatures:
    """Features of the query and the gallery images, with `multi_query` of those that ask together, too.

    With `file` they are read from there if they are of these weights (`checkpoint`, a SHA-256), this preprocessing
    (`more` belongs to it) and these images, and saved there if there is no such file. `UserError` for other images and
    for a data set without the splits; `UserError` for a file of other weights or another preprocessing.
    """
    splits: dict[str, tuple[Record, ...]] = {"query": dataset.query, "gallery": dataset.gallery}
    if multi_query:
        splits["multi_query"] = dataset.multi_query
    for name, records in splits.items():
        if not records:
            raise UserError(f"{dataset.root}: this data set has no image of the split {name}")
    preprocessing = preprocessing_of(extractor) | dict(more or {})
    if file is not None and file.exists():
        stored = load_features(file, checkpoint=checkpoint, preprocessing=preprocessing)
        for name, records in splits.items():
            known = stored.splits[name].paths if name in stored.splits else ()
            if stored.data != dataset.root.name or known != _paths(dataset, records):
                raise UserError(
                    f"{file}: holds {len(known)} {name} images of {stored.data}, which are others than the "
                    f"{len(records)} of {dataset.root}; name another file"
                )
        return stored
    found = {}
    for name, records in splits.items():
        features = features_of([record.path for record in records], extractor, batch=batch, workers=workers)
        found[name] = SplitFeatures.checked(name, features, *labels_of(records), _paths(dataset, records))
    stored = StoredFeatures(network, dataset.root.name, checkpoint, preprocessing, found)
    if file is not None:
        save_features(file, stored)
    return stored


def preprocessing_of(extractor: ReidExtractor) -> dict[str, object]:
    """What an image goes through before a re-ID network of ours."""
    height, width = extractor.prepare(torch.zeros(3, 32, 16, dtype=torch.uint8)).shape[-2:]
    resize, flip = "antialiased bicubic", "added" if extractor.mirrored else "none"
    size = {"height": height, "width": width}
    return {**size, "resize": resize, "flip": flip, "mean": list(pixels.MEAN), "std": list(pixels.STD)}


def query_and_gallery(stored: StoredFeatures) -> tuple[SplitFeatures, SplitFeatures]:
    """The two sides of `eval.rank_metrics`. `UserError` unless both are there."""
    for name in ("query", "gallery"):
        if name not in stored.splits:
            raise UserError(f"the features of {stored.network} on {stored.data} lack the split {name}")
    return stored.splits["query"], stored.splits["gallery"]


def _paths(dataset: Dataset, records: tuple[Record, ...]) -> tuple[str, ...]:
    """As seen from the data set: the same on every machine."""
    within = (
        record.path.relative_to(dataset.root) if record.path.is_relative_to(dataset.root) else record.path
        for record in records
    )
    return tuple(path.as_posix() for path in within)
