"""Features of a data set's test images: extracted, or read from the file where they were saved."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from dgnet.core import pixels
from dgnet.core.errors import UserError
from dgnet.data.records import Dataset, Record
from eval.images.extractor import features_of
from eval.reid.feature_file import SplitFeatures, StoredFeatures, load_features, save_features
from tools.evaluation.reid_extractor import ReidExtractor

RankingColumns = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


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
        ids, cameras = (torch.tensor([getattr(record, c) for record in records]) for c in ("identity", "camera"))
        found[name] = SplitFeatures.checked(name, features, ids, cameras, _paths(dataset, records))
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


def ranking_columns(stored: StoredFeatures) -> RankingColumns:
    """The arguments of `eval.reid.ranking.rank_metrics`. `UserError` unless both splits are there."""
    missing = [name for name in ("query", "gallery") if name not in stored.splits]
    if missing:
        raise UserError(f"the features of {stored.network} on {stored.data} lack the split {missing[0]}")
    query, gallery = stored.splits["query"], stored.splits["gallery"]
    return (
        query.features,
        query.identities,
        query.cameras,
        gallery.features,
        gallery.identities,
        gallery.cameras,
    )


def _paths(dataset: Dataset, records: tuple[Record, ...]) -> tuple[str, ...]:
    """As seen from the data set: the same on every machine."""
    within = (
        record.path.relative_to(dataset.root) if record.path.is_relative_to(dataset.root) else record.path
        for record in records
    )
    return tuple(path.as_posix() for path in within)
