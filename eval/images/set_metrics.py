"""Metrics of two sets of images: Frechet and kernel distance, precision, recall, density and coverage."""

import logging
from pathlib import Path

from dgnet.core.errors import UserError
from dgnet.core.files import user_path
from eval.extractor import INCEPTION, Extractor
from eval.image_files import Images
from eval.images.frechet import FEWEST_IMAGES, frechet_distance
from eval.images.image_sets import ImageSet, check_source, read_set, shared_images
from eval.images.inception import FEATURES, inception_extractor
from eval.images.kid import kernel_distance
from eval.images.precision_recall import density_coverage, precision_recall
from eval.report.result import MetricValue

SECTION = "Distribution"
_log = logging.getLogger(__name__)


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
    real_set, generated_set = (read_set(source, extractor, name=name) for name, source in sources)
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
    real_set, generated_set = (read_set(source, extractor, name=name) for name, source in sources)
    return set_metrics(real_set, generated_set, extractor, precision_and_recall=False)[1]


def set_metrics(
    real: ImageSet, generated: ImageSet, extractor: Extractor, *, kid: bool = True, precision_and_recall: bool = True
) -> list[MetricValue]:
    """The Frechet distance; with `kid` the kernel distance; with `precision_and_recall` precision, recall, density and
    coverage.

    All but the first need features: `UserError` for a set of saved statistics; and for an extractor to which all images
    are the same.
    """
    if all(images.statistics.is_constant for images in (real, generated)):
        raise UserError(
            f"the features of all images of {real.name} are the same, and those of {generated.name}: {extractor.name} "
            "tells no images apart, or they are one image"
        )
    inception = extractor.space == INCEPTION
    suffix = "" if inception else f", {extractor.space}"
    protocol = f"{real.size} against {generated.size} images, {extractor.name}"
    # pytorch-fid's files do not name the network and its preparation: the reader has to know.
    unnamed = [images.name for images in (real, generated) if images.statistics.extractor is None]
    protocol += "".join(f", {name} by an extractor that its file does not name" for name in unnamed)
    few = real.statistics.warning or generated.statistics.warning
    note = f"fewer than {FEWEST_IMAGES} images: biased upwards" if few else "0 for identical sets"
    if shared := shared_images(real, generated):
        note += f"; {shared}"
        _log.warning("warning: %s", shared)
    copies = [words for images in (real, generated) if (words := images.copies())]
    for words in copies:
        _log.warning("warning: %s, each of which counts: nearest neighbors are copies", words)
    note += "".join(f"; {words}" for words in copies)
    value = frechet_distance(real.statistics, generated.statistics)
    name = "FID" if inception else f"Frechet distance{suffix}"
    metrics = [MetricValue(SECTION, name, value, protocol=protocol, note=note, better="lower")]
    if kid:
        distance = kernel_distance(real.required_features("KID"), generated.required_features("KID"))
        name = "KID" if inception else f"kernel distance{suffix}"
        metrics.append(
            MetricValue(SECTION, name, distance, protocol=protocol, note="over all pairs, without bias", better="lower")
        )
    if precision_and_recall:
        shares = precision_recall(real.required_features("precision"), generated.required_features("recall"))
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
        balls = density_coverage(real.required_features("density"), generated.required_features("coverage"))
        by_balls = f"{protocol}, {balls.neighbors} neighbors"
        note = "about 1 for one distribution"
        metrics.append(MetricValue(SECTION, f"density{suffix}", balls.density, "", by_balls, note, "higher"))
        note = f"real with a generated neighbor; about {100 * (1 - 2.0**-balls.neighbors):.0f} % for one distribution"
        metrics.append(MetricValue(SECTION, f"coverage{suffix}", 100 * balls.coverage, "%", by_balls, note, "higher"))
    return metrics


def _sources(
    real: Path | str | Images, generated: Path | str | Images, *, features: bool
) -> list[tuple[str, Path | Images]]:
    """Name and source of both sets, with paths as users write them. What can be refused is, before a network is loaded.

    `UserError` as `check_source`.
    """
    named: list[tuple[str, Path | Images]] = []
    for name, given in (("real", real), ("generated", generated)):
        source = user_path(given) if isinstance(given, (str, Path)) else given
        check_source(source, features=features, name=name, length=FEATURES)
        named.append((str(source) if isinstance(source, Path) else name, source))
    return named
