"""A set of images in the space of an extractor, from a folder, an array or a file of statistics."""

import logging
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from torch import Tensor

from dgnet.core.content import content_digest, content_hashes
from dgnet.core.errors import UserError
from dgnet.core.image_arrays import listed_files
from dgnet.core.images import image_files
from eval.arrays import checked_images
from eval.extractor import Extractor, features_of
from eval.image_files import Images
from eval.images.frechet import FeatureStatistics, read_statistics, statistics_of

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ImageSet:
    """A set in an extractor's space. `features` `[image, feature]` are None where only statistics were saved; `hashes`
    are those of its files, of arrays and statistics none."""

    name: str
    statistics: FeatureStatistics = field(repr=False)
    features: np.ndarray | None = field(repr=False)
    hashes: frozenset[str] = field(repr=False, default=frozenset())

    @property
    def size(self) -> str:
        """The number of images, in words."""
        return "an unknown number of" if self.statistics.images is None else str(self.statistics.images)

    def required_features(self, metric: str) -> np.ndarray:
        """The features. `UserError` where only statistics were saved."""
        if self.features is None:
            raise UserError(f"{self.name}: {metric} needs the images themselves, statistics are not enough")
        return self.features

    def copies(self) -> str:
        """How many files have the content of others, in words; empty where that is none or cannot be known."""
        count = (self.statistics.images or 0) - len(self.hashes)
        more = f"{count} of {self.statistics.images} images of {self.name} are copies of others"
        return more if self.hashes and count > 0 else ""


def check_source(source: Path | Images, *, features: bool, name: str = "the set", length: int | None = None) -> None:
    """What `read_set` can refuse without a network, before one is loaded: `UserError` naming the set.

    `features`: whether a metric needs them, which saved statistics do not have. `name` is that of a list or an array,
    `length` that of the features that saved statistics must be of, where it is known.
    """
    if isinstance(source, np.ndarray | Tensor):
        _enough(name, len(checked_images(name, source)))
    elif not isinstance(source, Path):
        files = listed_files(name, source)
        if missing := [file for file in files if not file.is_file()]:
            raise UserError(f"{name} must be files that are there, {missing[0]} is not")
        _enough(name, len(files))
    elif source.suffix == ".npz":
        held = len(read_statistics(source).mean)
        if length is not None and held != length:
            raise UserError(f"{source}: must hold statistics of {length} features, it holds those of {held}")
        if features:
            raise UserError(f"{source}: KID, precision and recall need the images, statistics are not enough")
    else:
        _enough(str(source), len(image_files(source)))


def read_set(
    source: Path | Images, extractor: Extractor, *, name: str = "", batch: int = 50, workers: int | None = None
) -> ImageSet:
    """The set of a folder (nested as it may be), of an .npz of statistics, of a list of files, or of an array.

    `UserError` names the set if it is missing, unreadable or has fewer than two images.
    """
    name = name or (str(source) if isinstance(source, Path) else "the set")
    if isinstance(source, Path) and source.suffix == ".npz":
        return ImageSet(name, _warn_if_changed(source, read_statistics(source)), None)
    images = image_files(source) if isinstance(source, Path) else source
    in_memory = isinstance(images, np.ndarray | Tensor)
    hashes = frozenset() if in_memory else frozenset(content_hashes([Path(path) for path in images], workers))
    features = features_of(images, extractor, batch=batch, workers=workers)
    _enough(name, len(features))
    statistics = replace(
        statistics_of(features, extractor.name),
        source=source if isinstance(source, Path) else None,
        content=content_digest(hashes) if hashes else None,
    )
    return ImageSet(name, statistics, features, hashes)


def _warn_if_changed(file: Path, statistics: FeatureStatistics) -> FeatureStatistics:
    """Saved statistics; a warning is logged where the images that they are of have changed since."""
    folder = statistics.source
    if folder is not None and statistics.content is not None and folder.is_dir():
        try:
            now = content_digest(content_hashes(image_files(folder)))
        except UserError:
            now = ""
        if now != statistics.content:
            _log.warning("warning: %s: the images of %s have changed since these statistics were saved", file, folder)
    return statistics


def _enough(name: str, images: int) -> None:
    if images < 2:
        raise UserError(f"{name}: a set needs at least two images, this one has {images}")


def shared_images(real: ImageSet, generated: ImageSet) -> str:
    """What both sets have in common, in words; empty where that is nothing or cannot be known."""
    digest = real.statistics.content
    if digest is not None and digest == generated.statistics.content:
        return f"{real.name} and {generated.name} are the same images"
    both = len(real.hashes & generated.hashes)
    return f"{both} images are in {real.name} and in {generated.name}" if both else ""
