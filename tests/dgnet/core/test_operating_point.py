"""What a verdict on a gallery is said to be worth."""

from pathlib import Path

import pytest

from dgnet.core.calibration import Calibration, Threshold, write_calibration
from dgnet.core.checkpoint import file_hash
from dgnet.core.errors import UserError
from dgnet.core.operating_point import OperatingPoint
from tests.messages import mentions

PREPARED = {"height": 64, "width": 32}


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "model.pth"
    path.write_bytes(b"weights")
    return path


def calibrate(weights: Path) -> None:
    thresholds = (Threshold(0.1, 0.4, 0.3, 0.5, 0.9), Threshold(0.01, 0.6, 0.5, 0.7, 0.8))
    write_calibration(weights, Calibration(file_hash(weights), PREPARED, "market", "pairs", thresholds, {}, ("aa",)))


def test_a_verdict_at_the_chosen_rate(weights: Path) -> None:
    calibrate(weights)
    usual, chosen = OperatingPoint.of(weights, PREPARED), OperatingPoint.of(weights, PREPARED, 0.1)
    assert (usual.verdict(0.5), chosen.verdict(0.5)) == ("not the same person", "same person")
    with pytest.raises(UserError, match=mentions("0.2", "0.1", "0.01")):
        OperatingPoint.of(weights, PREPARED, 0.2)


def test_images_of_other_data_and_means_of_tracks_are_told(weights: Path) -> None:
    calibrate(weights)
    point = OperatingPoint.of(weights, PREPARED)
    own = point.remarks(Path("/data/copy"), ("aa", "bb"))
    assert len(own) == 1 and "market" in own[0]
    (_, elsewhere) = point.remarks(Path("/data/duke"), ("bb",))
    assert "/data/duke" in elsewhere and "market" in elsewhere
    (_, tracks) = point.remarks(Path("/data/copy"), ("aa",), tracks=True)
    assert "tracks" in tracks


def test_without_a_calibration_nobody_is_the_same_person(weights: Path) -> None:
    point = OperatingPoint.of(weights, PREPARED)
    (remark,) = point.remarks(Path("/data/market"), ("aa",))
    assert point.verdict(1.0) == "" and str(weights) in remark and "--calibrate" in remark
    with pytest.raises(UserError, match=mentions("--false-positive-rate", str(weights))):
        OperatingPoint.of(weights, PREPARED, 0.1)
    # One of other images is none.
    calibrate(weights)
    assert OperatingPoint.of(weights, PREPARED | {"height": 128}).calibration is None
