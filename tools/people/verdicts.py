"""What the commands say of the threshold from which images are called the same person."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from dgnet.core.errors import UserError
from dgnet.models.calibration import OF_TRACKS, OTHER_DOMAIN, SAME, Calibration, Threshold, find_calibration
from eval.reid.embedding_model import preprocessing_of
from reid_heads.loaded_model import LoadedModel


@dataclass(frozen=True)
class Verdicts:
    """The calibration of a model, if it has one, and the threshold that is chosen from it."""

    weights: Path
    calibration: Calibration | None
    threshold: Threshold | None

    @classmethod
    def of(cls, model: LoadedModel, rate: float | None = None) -> "Verdicts":
        """Those of a model at a false-positive rate.

        `UserError` for a rate that the calibration does not hold, or without a calibration.
        """
        calibration = find_calibration(model.weights, preprocessing_of(model))
        found = cls(model.weights, calibration, calibration.at(rate) if calibration else None)
        if calibration is None and rate is not None:
            raise UserError(f"--false-positive-rate: {found.words(Path(), ())[0]}")
        return found

    def of_similarity(self, similarity: float) -> str:
        """In words; empty without a calibration."""
        return self.threshold.verdict(similarity) if self.threshold else ""

    def words(self, gallery: Path, content: Collection[str], *, tracks: bool = False) -> list[str]:
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
        sentences = [f"{SAME}: {self.threshold}, {about}"]
        if tracks:
            sentences.append(OF_TRACKS)
        if not self.calibration.is_of(gallery, content):
            sentences.append(OTHER_DOMAIN.format(gallery=gallery, data=self.calibration.data))
        return sentences
