"""Two sets of images in the space of one extractor: folders, arrays or saved statistics in, metrics out."""

import logging
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from torch import Tensor

from dgnet.core.content import content_digest, content_hashes
from dgnet.core.errors import UserError
from dgnet.core.files import user_path
from dgnet.core.images import image_files
from eval.arrays import Array
from eval.images.extractor import INCEPTION, Extractor, features_of
from eval.images.frechet import FEWEST_IMAGES, FeatureStatistics, frechet_distance, read_statistics, statistics_of
from eval.images.image_files import Images
from eval.images.inception import inception_extractor
from eval.images.kid import kernel_distance
from eval.images.precision_recall import density_coverage, precision_recall
from eval.report.result import MetricValue

SECTION = "Distribution"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ImageSet:
    """A set in an extractor's space. `features` `[image, feature]` are None where only statistics were saved; `hashes`
    are those of its files, of arrays and statistics none."""

    name: str
    statistics: FeatureStatistics = field(repr=False)
    features: np.ndarray | None = field(repr=False)
    hashes: frozenset[str] = field(repr=False, default=frozenset())


def check_source(source: Path, *, features: bool) -> None:
    """What `read_set` can refuse without a network, before one is loaded: `UserError` naming the set.

    `features`: whether a measure will ask for them, which saved statistics do not have.
    """
    if source.suffix == ".npz":
        read_statistics(source)
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
        return ImageSet(name, _of_today(source, read_statistics(source)), None)
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


def fid(
    real: Path | str | Images,
    generated: Path | str | Images,
    *,
    protocol: str = "pytorch-fid",
    weights: Path | None = None,
    device: str = "cpu",
) -> MetricValue:
    """The Frechet inception distance of two sets of images: 0 for identical sets, lower is better.

    Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium", 2017.

    Args:
        real: a folder of images of any nesting, an .npz file of statistics, a list of files, or uint8 images (NumPy
            `[image, height, width, 3]`, torch `[image, 3, height, width]`).
        generated: likewise.
        protocol: how images are resized: `pytorch-fid`, `dgnet` or `clean` (`eval.images.inception.MEANING`). It stands
            in the result; values of two protocols cannot be compared.
        weights: pytorch-fid's file of weights; without it the copy that torch keeps, or a download.
        device: where the network computes.

    Returns:
        A `MetricValue`: `value` is the distance, `protocol` how it was measured, `note` warns of small sets.

    Raises:
        UserError: an unreadable image, fewer than two images, an unknown protocol, or no weights.

    Example:
        >>> from eval import fid
        >>> fid("Market-1501/pytorch/train_all", "outputs/market/generated").value  # doctest: +SKIP
        18.24
    """
    sources = _sources(real, generated, features=False)
    extractor = inception_extractor(protocol, weights=weights, device=device)
    real_set, generated_set = (read_set(source, extractor) for source in sources)
    return set_metrics(real_set, generated_set, extractor, kid=False, precision_and_recall=False)[0]


def kid(
    real: Path | str | Images,
    generated: Path | str | Images,
    *,
    protocol: str = "clean",
    weights: Path | None = None,
    device: str = "cpu",
) -> MetricValue:
    """The kernel inception distance of two sets of images, the mean over all pairs: about 0 for one distribution.

    Binkowski et al., "Demystifying MMD GANs", 2018. Unlike the FID it is not biased by the number of images, and it
    may fall below 0. Arguments, result and errors as `fid`; statistics in a file are not enough.

    Example:
        >>> from eval import kid
        >>> kid("Market-1501/pytorch/train_all", "outputs/market/generated").value  # doctest: +SKIP
        0.0123
    """
    sources = _sources(real, generated, features=True)
    extractor = inception_extractor(protocol, weights=weights, device=device)
    real_set, generated_set = (read_set(source, extractor) for source in sources)
    return set_metrics(real_set, generated_set, extractor, precision_and_recall=False)[1]


def set_metrics(
    real: ImageSet, generated: ImageSet, extractor: Extractor, *, kid: bool = True, precision_and_recall: bool = True
) -> list[MetricValue]:
    """The Frechet distance; with `kid` the kernel distance; with `precision_and_recall` precision, recall, density and
    coverage.

    All but the first need features: `UserError` for a set of saved statistics.
    """
    inception = extractor.space == INCEPTION
    suffix = "" if inception else f", {extractor.space}"
    protocol = f"{_count(real)} against {_count(generated)} images, {extractor.name}"
    # pytorch-fid's files do not name the network and its preparation: the reader has to know.
    unnamed = [images.name for images in (real, generated) if images.statistics.extractor is None]
    protocol += "".join(f", {name} by an extractor that its file does not name" for name in unnamed)
    few = real.statistics.warning or generated.statistics.warning
    note = f"fewer than {FEWEST_IMAGES} images: biased upwards" if few else "0 for identical sets"
    if shared := _shared(real, generated):
        note += f"; {shared}"
        _log.warning("warning: %s", shared)
    copies = [words for images in (real, generated) if (words := _copies(images))]
    for words in copies:
        _log.warning("warning: %s, each of which counts: nearest neighbors are copies", words)
    note += "".join(f"; {words}" for words in copies)
    value = frechet_distance(real.statistics, generated.statistics)
    name = "FID" if inception else f"Frechet distance{suffix}"
    metrics = [MetricValue(SECTION, name, value, protocol=protocol, note=note, better="lower")]
    if kid:
        distance = kernel_distance(_features(real, "KID"), _features(generated, "KID"))
        name = "KID" if inception else f"kernel distance{suffix}"
        metrics.append(
            MetricValue(SECTION, name, distance, protocol=protocol, note="over all pairs, without bias", better="lower")
        )
    if precision_and_recall:
        shares = precision_recall(_features(real, "precision"), _features(generated, "recall"))
        by_shares = f"{protocol}, {shares.neighbors} neighbors"
        metrics += [
            MetricValue(
                SECTION,
                f"precision{suffix}",
                100 * shares.precision,
                "%",
                by_shares,
                "generated that look real",
                "higher",
            ),
            MetricValue(
                SECTION, f"recall{suffix}", 100 * shares.recall, "%", by_shares, "real that are covered", "higher"
            ),
        ]
        balls = density_coverage(_features(real, "density"), _features(generated, "coverage"))
        by_balls = f"{protocol}, {balls.neighbors} neighbors"
        note = "about 1 for one distribution"
        metrics.append(MetricValue(SECTION, f"density{suffix}", balls.density, "", by_balls, note, "higher"))
        note = f"real with a generated neighbor; about {100 * (1 - 2.0**-balls.neighbors):.0f} % for one distribution"
        metrics.append(MetricValue(SECTION, f"coverage{suffix}", 100 * balls.coverage, "%", by_balls, note, "higher"))
    return metrics


def _shared(real: ImageSet, generated: ImageSet) -> str:
    """What both sets have in common, in words; empty where that is nothing or cannot be known."""
    digest = real.statistics.content
    if digest is not None and digest == generated.statistics.content:
        return f"{real.name} and {generated.name} are the same images"
    both = len(real.hashes & generated.hashes)
    return f"{both} images are in {real.name} and in {generated.name}" if both else ""


def _copies(images: ImageSet) -> str:
    """How many files of a set have the content of others, in words; empty where that is none or cannot be known."""
    count = (images.statistics.images or 0) - len(images.hashes)
    more = f"{count} of {images.statistics.images} images of {images.name} are copies of others"
    return more if images.hashes and count > 0 else ""


def _of_today(file: Path, statistics: FeatureStatistics) -> FeatureStatistics:
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


def _sources(*sources: Path | str | Images, features: bool) -> list[Path | Images]:
    """The sources of sets, with paths as users write them; what can be refused is, before a network is loaded."""
    given = [user_path(source) if isinstance(source, (str, Path)) else source for source in sources]
    for source in given:
        if isinstance(source, Path):
            check_source(source, features=features)
    return given


def _enough(name: str, images: int) -> None:
    if images < 2:
        raise UserError(f"{name}: a set needs at least two images, this one has {images}")


def _features(images: ImageSet, wanted: str) -> Array:
    if images.features is None:
        raise UserError(f"{images.name}: {wanted} needs the images themselves, statistics are not enough")
    return images.features


def _count(images: ImageSet) -> str:
    return "an unknown number of" if images.statistics.images is None else str(images.statistics.images)
