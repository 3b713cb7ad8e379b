"""The Frechet distance between two sets of features, each modeled as a normal distribution.

Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium", 2017 (FID, with the
features of an Inception network): d^2 = |m1 - m2|^2 + tr S1 + tr S2 - 2 tr (S1 S2)^1/2. The product S1 S2 has the
eigenvalues of the symmetric F' S2 F for any F with F F' = S1. Those are real and need no matrix root: a factor and the
eigenvalues of one symmetric matrix, in float64.
"""

import logging
import zipfile
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from scipy.linalg import LinAlgError, eigh, eigvalsh

from dgnet.core.errors import UserError
from dgnet.core.files import replacing
from eval.arrays import Array, as_numpy, checked_features

FEWEST_IMAGES = 2048
_ROWS = 4096  # at a time in float64: 64 MiB of 2,048 features
# What is larger has no square in float64.
_LARGEST = 1e150
_ENTRIES = ("mu", "sigma", "images", "extractor", "source", "content")  # of a file of statistics
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FeatureStatistics:
    """Mean `[feature]` and covariance `[feature, feature]` (divided by images - 1) of a set of features, float64."""

    mean: np.ndarray = field(repr=False)
    covariance: np.ndarray = field(repr=False)
    images: int | None = None  # None: statistics from a file that does not say
    extractor: str | None = None
    source: Path | None = None  # the folder of the images, where it is known
    content: str | None = None  # a hash of their content (`dgnet.core.content.content_digest`), likewise

    @property
    def is_constant(self) -> bool:
        """Whether all features are the same, but for rounding."""
        return float(np.trace(self.covariance)) <= 1e-12 * float(self.mean @ self.mean)

    @property
    def warning(self) -> str:
        """Why a distance from these is not to be trusted, or an empty string."""
        if self.images is None or self.images >= FEWEST_IMAGES:
            return ""
        reason = "the Frechet distance of few images is biased upwards"
        if self.images <= len(self.mean):
            reason += f", and {self.images} of them cannot fill a covariance of {len(self.mean)} features"
        return f"{self.images} images are fewer than {FEWEST_IMAGES}: {reason}; compare with equally many only"


def statistics_of(features: Array, extractor: str | None = None, *, warn: bool = True) -> FeatureStatistics:
    """Mean and covariance of features `[image, feature]`; a warning is logged for fewer than 2,048 images (`warn`).

    `UserError` for NaN, infinity, and fewer than two images.
    """
    matrix = as_numpy(checked_features("features", features))
    images = len(matrix)
    if images < 2:
        raise UserError(f"a covariance needs at least two images, got {images}")
    # Summed in parts, for a float64 copy of the whole would be twice the features. Sums of squares lose digits far from
    # 0: all is measured from the mean of the first part, which lies near the mean of all.
    origin = matrix[:_ROWS].astype(np.float64).mean(axis=0)
    total, squares = np.zeros_like(origin), np.zeros((len(origin), len(origin)))
    for start in range(0, images, _ROWS):
        moved = matrix[start : start + _ROWS].astype(np.float64) - origin
        total += moved.sum(axis=0)
        squares += moved.T @ moved
    offset = total / images
    covariance = (squares - images * np.outer(offset, offset)) / (images - 1)
    result = FeatureStatistics(origin + offset, covariance, images, extractor)
    if warn and result.warning:
        _log.warning("warning: %s", result.warning)
    return result


def frechet_distance(first: FeatureStatistics, second: FeatureStatistics) -> float:
    """d^2 of two sets, at least 0. `UserError` for other lengths, other extractors, and what is no covariance."""
    for name, statistics in (("first", first), ("second", second)):
        _check(name, statistics)
    if len(first.mean) != len(second.mean):
        raise UserError(f"both sets must have features of one length, got {len(first.mean)} and {len(second.mean)}")
    names = {first.extractor, second.extractor} - {None}
    if len(names) > 1:
        raise UserError(
            f"both sets must have features of one extractor, got {first.extractor!r} and {second.extractor!r}"
        )
    # The set of fewer images is the one to factor: singular, it leaves the smaller matrix.
    low, high = (first, second) if (first.images or 0) <= (second.images or 0) else (second, first)
    root = np.sqrt(np.maximum(_eigenvalues_of_product(high.covariance, low.covariance), 0)).sum()
    difference = first.mean - second.mean
    value = difference @ difference + np.trace(first.covariance) + np.trace(second.covariance) - 2 * root
    return max(float(value), 0.0)


def _eigenvalues_of_product(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Those of F' `first` F with F F' = `second`: by Cholesky's F, or of a singular `second` by its eigenvectors."""
    try:
        return eigvalsh(first, second, type=2, driver="gvx", check_finite=False)
    except LinAlgError:
        values, vectors = eigh(second, driver="evd", check_finite=False)
    # Rounding makes numbers of either sign and this size of eigenvalues that are 0.
    nothing = len(values) * np.finfo(np.float64).eps * abs(values).max()
    if values[0] < -100 * nothing:
        raise UserError(f"a covariance must have no negative eigenvalue, got {values[0]:.3g}")
    factor = vectors[:, values > nothing] * np.sqrt(values[values > nothing])
    return eigvalsh(factor.T @ first @ factor, check_finite=False) if factor.size else np.zeros(1)


def _check(name: str, statistics: FeatureStatistics) -> None:
    mean, covariance = statistics.mean, statistics.covariance
    if mean.dtype.kind not in "iuf" or covariance.dtype.kind not in "iuf":
        raise UserError(
            f"the {name} statistics must be real numbers, got a mean of {mean.dtype} and a covariance of "
            f"{covariance.dtype}"
        )
    if mean.ndim != 1 or covariance.shape != (len(mean), len(mean)):
        raise UserError(
            f"the {name} statistics must be a mean and a square covariance of its length, got shapes {mean.shape} and "
            f"{covariance.shape}"
        )
    if not (np.isfinite(mean).all() and np.isfinite(covariance).all()):
        raise UserError(f"the {name} statistics must be finite, they hold NaN or infinity")
    if (largest := float(max(abs(mean).max(initial=0), abs(covariance).max(initial=0)))) > _LARGEST:
        raise UserError(f"the {name} statistics must be numbers up to {_LARGEST:g}, they hold {largest:.3g}")
    if not np.allclose(covariance, covariance.T, rtol=1e-6, atol=1e-9 * abs(covariance).max(initial=0)):
        raise UserError(f"the {name} covariance must be symmetric")


def check_free(path: Path) -> None:
    """`UserError` unless statistics can be saved as `path`: a new .npz in a folder that is there."""
    if path.suffix != ".npz":
        raise UserError(f"{path}: statistics are saved as .npz")
    if path.exists():
        raise UserError(f"{path} already exists: name another file")
    if not path.parent.is_dir():
        raise UserError(f"{path}: the folder {path.parent} is not there")


def save_statistics(statistics: FeatureStatistics, path: Path) -> None:
    """Write an .npz that `read_statistics` and pytorch-fid read (`mu`, `sigma`). `UserError` as `check_free`."""
    path = Path(path)
    check_free(path)
    with replacing(path) as handle:
        np.savez(
            handle,
            mu=statistics.mean,
            sigma=statistics.covariance,
            images=np.int64(statistics.images or 0),
            extractor=np.str_(statistics.extractor or ""),
            source=np.str_(statistics.source.absolute() if statistics.source else ""),
            content=np.str_(statistics.content or ""),
        )


def read_statistics(path: Path) -> FeatureStatistics:
    """Statistics from an .npz of `save_statistics` or of pytorch-fid. `UserError` for anything else."""
    try:
        with np.load(path, allow_pickle=False) as content:
            arrays = {name: content[name] for name in content.files if name in _ENTRIES}
        mean, covariance = arrays["mu"], arrays["sigma"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: no .npz of statistics with mu and sigma ({error})") from error
    images = arrays.get("images", np.int64(0))
    if images.shape or images.dtype.kind not in "iu" or images < 0:
        raise UserError(f"{path}: its 'images' must be how many images there were, got {images!r}")
    texts = {name: arrays.get(name, np.str_("")) for name in ("extractor", "source", "content")}
    for name, text in texts.items():
        if text.shape or text.dtype.kind != "U":
            raise UserError(f"{path}: its {name!r} must be one text, got {text!r}")
    extractor, source, digest = (str(text) for text in texts.values())
    folder = Path(source) if source else None
    result = FeatureStatistics(mean, covariance, int(images) or None, extractor or None, folder, digest or None)
    _check(str(path), result)
    return replace(result, mean=mean.astype(np.float64), covariance=covariance.astype(np.float64))
