"""At which threshold a model calls two images the same person, and what that is worth on other images."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from dgnet.core.calibration import OF_TRACKS, OTHER_DOMAIN, SAME, Calibration, Threshold, find_calibration
from dgnet.core.errors import UserError


@dataclass(frozen=True)
class OperatingPoint:
    """The calibration of a model, if it has one, and the threshold that is chosen from it."""

    weights: Path
    calibration: Calibration | None
    threshold: Threshold | None

    @classmethod
    def of(cls, weights: Path, preprocessing: Mapping[str, object], rate: float | None = None) -> "OperatingPoint":
        """That of a model at a false-positive rate (`Calibration.at`).

        `UserError` for a rate that the calibration does not hold, and for a rate without a calibration.
        """
        calibration = find_calibration(weights, preprocessing)
        point = cls(weights, calibration, calibration.at(rate) if calibration else None)
        if calibration is None and rate is not None:
            raise UserError(f"--false-positive-rate: {point.remarks(Path(), ())[0]}")
        return point

    def verdict(self, similarity: float) -> str:
        """Whether it is the same person, in words; empty without a calibration."""
        return self.threshold.verdict(similarity) if self.threshold else ""

    def remarks(self, gallery: Path, content: Collection[str], *, tracks: bool = False) -> list[str]:
        """What the verdicts on a gallery are worth, a sentence each.

        Args:
            content: the SHA-256 of its images.
            tracks: whether means of tracks are compared, not images.
        """
        if self.calibration is None:
            return [
                f"{self.weights} has no calibration, so nothing is called the {SAME}: tools/evaluate_reid.py "
                "--calibrate writes one"
            ]
        about = f"measured on {self.calibration.data} ({self.calibration.protocol})"
        remarks = [f"{SAME}: {self.threshold}, {about}"]
        if tracks:
            remarks.append(OF_TRACKS)
        if not self.calibration.is_of(gallery, content):
            remarks.append(OTHER_DOMAIN.format(gallery=gallery, data=self.calibration.data))
        return remarks
