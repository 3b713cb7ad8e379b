"""Features of image files as a file of features holds them: extracted, or read and compared with the images."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from dgnet.core.content import content_hashes
from dgnet.core.errors import UserError
from eval.extractor import features_of
from eval.reid.embedding_model import EmbeddingModel, extractor_of, preprocessing_of
from eval.reid.feature_file import SplitFeatures, StoredFeatures, load_features

SPLIT = "images"
# Files -> identity and camera of each, -1 where they are unknown.
Labels = Callable[[Sequence[Path]], Sequence[tuple[int, int]]]
_log = logging.getLogger(__name__)


def features_of_files(
    files: Sequence[Path],
    model: EmbeddingModel,
    checkpoint: str,
    labels: Labels,
    *,
    data: str,
    batch: int = 50,
    workers: int | None = None,
) -> StoredFeatures:
    """Features of files, as the split `SPLIT`.

    Args:
        checkpoint: the SHA-256 of the model's weights.
        data: where the images are from, for people.
        batch: images at a time; changes no feature.
        workers: threads that decode (default: all cores).

    Raises:
        UserError: an unreadable image.
    """
    identities, cameras = (np.array(column, np.int64) for column in zip(*labels(files), strict=True))
    content = content_hashes(files, workers)
    features = features_of(files, extractor_of(model), batch=batch, workers=workers)
    if len(set(content)) > 1 and bool((features == features[0]).all()):
        _log.warning(
            "warning: the features of all %d images are the same: %s tells none apart, and any order of them says "
            "nothing",
            len(files),
            model.name,
        )
    split = SplitFeatures(features, identities, cameras, tuple(map(str, files)), content)
    return StoredFeatures(model.name, data, checkpoint, preprocessing_of(model), {SPLIT: split})


def read_file_features(
    path: Path,
    model: EmbeddingModel,
    checkpoint: str,
    labels: Labels,
    *,
    batch: int = 50,
    workers: int | None = None,
) -> SplitFeatures:
    """The features in a file of `features_of_files`; of images that are not there any more, too.

    A file of version 0.2 or before cannot be compared with its images: they are extracted again, and the log says so.
    Arguments as `features_of_files`.

    Raises:
        UserError: a file of other weights or preprocessing, or of images that have changed.
    """
    stored = load_features(path, checkpoint=checkpoint, preprocessing=preprocessing_of(model))
    if SPLIT not in stored.splits:
        raise UserError(f"{path}: must be a file of tools/extract.py, its splits are {', '.join(stored.splits)}")
    split = stored.splits[SPLIT]
    files = [Path(name) for name in split.paths]
    if not split.content:
        _log.warning(
            "%s: holds no hashes of its images (version 0.2 or before), so whether they have changed cannot be "
            "checked; they are extracted again (tools/extract.py writes a file with hashes)",
            path,
        )
        again = features_of_files(files, model, checkpoint, labels, data=stored.data, batch=batch, workers=workers)
        return again.splits[SPLIT]
    there = [place for place, file in enumerate(files) if file.is_file()]
    hashes = content_hashes([files[place] for place in there], workers)
    changed = [files[place] for place, digits in zip(there, hashes, strict=True) if digits != split.content[place]]
    if changed:
        raise UserError(
            f"{path}: {changed[0]} and {len(changed) - 1} others of its {len(files)} images have changed since; "
            "extract them again"
        )
    return split
