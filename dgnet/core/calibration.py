"""The calibration of a model: from which similarity on two images are called the same person.

It stands beside the file of the weights, as `mAP_85.9.pth.calibration.json`, and names them by their SHA-256: the
weights' own file stays as it is, and so do features that were extracted by it. A threshold holds for images like those
that it was measured on; for others it may be far off, so whoever uses one says which data it is of.
"""

import json
import logging
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from dgnet.core.checkpoint import file_hash
from dgnet.core.errors import UserError
from dgnet.core.files import read_text, replace_text
from dgnet.core.json_files import parse_json

KIND = "calibration of a re-ID model"
SAME, OTHER = "same person", "not the same person"
OTHER_DOMAIN = (
    "{gallery} is not known to be of {data}: on other images the rate may be far from the one measured there "
    "(tools/transfer.py shows how far)"
)
USUAL_RATE = 1e-3
OF_TRACKS = (
    "the threshold was measured on pairs of single images: means of tracks are more alike than single images are, so "
    "its rate need not hold for tracks"
)
# A threshold may be one step of the counted similarities above every cosine: then no two images are one person.
HIGHEST = 1 + 2**-20
_SAMPLE = 64
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Threshold:
    """From `similarity` (a cosine) on, the share `rate` of pairs of two people is called one person.

    `low` and `high` are the 95 % interval of `similarity`, `true_positive_rate` the share of pairs of one person that
    is called so. Shares are 0 to 1.
    """

    rate: float
    similarity: float
    low: float
    high: float
    true_positive_rate: float

    def verdict(self, similarity: float) -> str:
        """`SAME` or `OTHER`.

        >>> Threshold(0.001, 0.7, 0.68, 0.72, 0.9).verdict(0.71)
        'same person'
        """
        return SAME if similarity >= self.similarity else OTHER

    def __str__(self) -> str:
        return f"similarity {self.similarity:.4f} ({self.low:.4f} to {self.high:.4f}) for FPR {self.rate:g}"


@dataclass(frozen=True)
class Calibration:
    """Thresholds of one model on one data set.

    Attributes:
        weights: the SHA-256 of the file of the weights.
        preprocessing: what an image goes through before the model, as in files of features.
        data: the data set's name.
        protocol: how it was measured, with its numbers of pairs.
        thresholds: one for each false-positive rate that can be measured, the largest rate first.
        not_measurable: what could not be measured -> the reason.
        sample: the SHA-256 of some images of the data set (`image_sample`): whether a gallery is of these images.
    """

    weights: str
    preprocessing: Mapping[str, object]
    data: str
    protocol: str
    thresholds: tuple[Threshold, ...]
    not_measurable: Mapping[str, str]
    sample: tuple[str, ...] = ()

    def at(self, rate: float | None = None) -> Threshold:
        """The threshold for a false-positive rate; by default 0.001, or the smallest that was measurable above it.

        `UserError` for a rate without one.
        """
        known = {threshold.rate: threshold for threshold in self.thresholds}
        if rate is None:
            return known[min(other for other in known if other >= min(USUAL_RATE, max(known)))]
        if rate not in known:
            reason = self.not_measurable.get(f"TPR at FPR {rate:g}")
            words = f" ({reason})" if reason else ""
            raise UserError(
                f"the calibration on {self.data} has thresholds for the false-positive rates "
                f"{', '.join(f'{other:g}' for other in known)}, none for {rate:g}{words}"
            )
        return known[rate]

    def is_of(self, gallery: Path, content: Collection[str]) -> bool:
        """Whether a gallery is of the calibration's data: some of its images (`content`, their SHA-256) are among the
        calibration's. Where either does not tell its images, whether a folder on its path has the name of the data set.
        """
        if self.sample and content:
            return not set(self.sample).isdisjoint(content)
        return self.data in gallery.absolute().parts


def calibration_file(weights: Path) -> Path:
    """Where the calibration of a file of weights stands."""
    return weights.with_name(f"{weights.name}.calibration.json")


def image_sample(content: Collection[str]) -> tuple[str, ...]:
    """The 64 smallest of the SHA-256 of a data set's images: of a large part of these images many are among them."""
    return tuple(sorted(set(content))[:_SAMPLE])


def write_calibration(weights: Path, calibration: Calibration) -> Path:
    """Write it beside the weights, whole or not at all, over an earlier one; the file's path."""
    path = calibration_file(weights)
    replace_text(path, json.dumps({"kind": KIND, **asdict(calibration)}, indent=2) + "\n")
    return path


def find_calibration(weights: Path, preprocessing: Mapping[str, object]) -> Calibration | None:
    """The calibration beside a file of weights; None where there is none, or (said in a warning) one of other weights
    or of another preprocessing (the mirror image). `UserError` for a file that is damaged or something else."""
    path = calibration_file(weights)
    if not path.exists():
        return None
    calibration = _read(path)
    if calibration.weights != file_hash(weights):
        _log.warning("warning: %s is of other weights and is not used: calibrate again", path)
        return None
    if dict(calibration.preprocessing) != dict(preprocessing):
        _log.warning("warning: %s is of images prepared otherwise and is not used: %s", path, calibration.preprocessing)
        return None
    return calibration


def _read(path: Path) -> Calibration:
    try:
        content = parse_json(read_text(path))
        if content.pop("kind") != KIND:
            raise KeyError("kind")
        thresholds = tuple(Threshold(**entry) for entry in content.pop("thresholds"))
        numbers = [value for threshold in thresholds for value in asdict(threshold).values()]
        if not thresholds or any(type(value) not in (int, float) for value in numbers):
            raise TypeError("thresholds are numbers")
        for one in thresholds:
            shares = (one.rate, one.true_positive_rate)
            cosines = (one.similarity, one.low, one.high)
            if not (all(0 <= share <= 1 for share in shares) and all(-1 <= cosine <= HIGHEST for cosine in cosines)):
                raise ValueError(f"rates are 0 to 1 and similarities cosines, got {one}")
        return Calibration(thresholds=thresholds, sample=tuple(content.pop("sample")), **content)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{path} must be a calibration written by tools/evaluate_reid.py, it does not read as one"
        ) from error
