"""A calibration beside a model's file: written, found, and not used where it does not belong."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from dgnet.core.calibration import (
    Calibration,
    Threshold,
    calibration_file,
    find_calibration,
    image_sample,
    write_calibration,
)
from dgnet.core.checkpoint import file_hash
from dgnet.core.errors import UserError
from tests.messages import mentions

PREPARED = {"height": 64, "width": 32, "mean": [0.5, 0.5, 0.5], "flip": "none"}


@pytest.fixture
def stored(tmp_path: Path) -> tuple[Path, Calibration]:
    weights = tmp_path / "mAP_85.9.pth"
    weights.write_bytes(b"weights")
    thresholds = (Threshold(0.1, 0.4, 0.35, 0.45, 0.99), Threshold(0.01, 0.6, 0.5, 0.65, 0.9))
    reasons = {"TPR at FPR 0.001": "it needs 30,000 pairs"}
    calibration = Calibration(file_hash(weights), PREPARED, "market", "pairs", thresholds, reasons, ("aa", "bb"))
    write_calibration(weights, calibration)
    return weights, calibration


def test_what_was_written_is_found(stored: tuple[Path, Calibration], caplog: pytest.LogCaptureFixture) -> None:
    weights, calibration = stored
    assert calibration_file(weights).name == "mAP_85.9.pth.calibration.json"
    assert find_calibration(weights, PREPARED) == calibration
    assert find_calibration(weights.with_name("other.pth"), PREPARED) is None and not caplog.text
    assert find_calibration(weights, PREPARED | {"flip": "added"}) is None and "prepared otherwise" in caplog.text
    weights.write_bytes(b"others")
    assert find_calibration(weights, PREPARED) is None and "other weights" in caplog.text


def test_thresholds_by_rate(stored: tuple[Path, Calibration]) -> None:
    _, calibration = stored
    assert calibration.at(0.1).similarity == 0.4
    assert calibration.at().rate == 0.01  # 0.001 could not be measured
    finer = replace(calibration, thresholds=(*calibration.thresholds, Threshold(1e-3, 0.7, 0.6, 0.8, 0.5),
                                             Threshold(1e-4, 0.8, 0.7, 0.9, 0.4)))  # fmt: skip
    assert finer.at().rate == 1e-3
    with pytest.raises(UserError, match=mentions("market", "0.1", "0.01", "0.001", "30,000")):
        calibration.at(0.001)
    threshold = calibration.at(0.01)
    assert threshold.verdict(0.6) == "same person" and threshold.verdict(0.59) == "not the same person"


def test_whether_a_gallery_is_of_the_data(stored: tuple[Path, Calibration]) -> None:
    _, calibration = stored
    assert calibration.is_of(Path("/data/market/query"), ())
    assert not calibration.is_of(Path("/data/market/films"), ("cc",))  # another data set below a folder of its name
    assert not calibration.is_of(Path("/data/market2"), ("cc",))
    assert calibration.is_of(Path("/data/copy"), ("cc", "bb"))
    assert image_sample([f"{number:03}" for number in range(200)] * 2) == tuple(f"{number:03}" for number in range(64))


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: "no json",
        lambda content: json.dumps([]),
        lambda content: json.dumps(content | {"kind": "else"}),
        lambda content: json.dumps(content | {"thresholds": []}),
        lambda content: json.dumps(content | {"thresholds": [{"rate": 0.1}]}),
        lambda content: json.dumps(content | {"more": 1}),
        lambda content: json.dumps({key: value for key, value in content.items() if key != "weights"}),
    ],
)
def test_a_damaged_file_is_named(damage, stored: tuple[Path, Calibration]) -> None:
    weights, _ = stored
    path = calibration_file(weights)
    path.write_text(damage(json.loads(path.read_text())))
    with pytest.raises(UserError, match=mentions(path.name)):
        find_calibration(weights, PREPARED)


@pytest.mark.parametrize(
    ("name", "value"), [("similarity", float("nan")), ("similarity", 1.1), ("low", -2.0), ("rate", 2.0)]
)
def test_numbers_that_no_calibration_has(stored: tuple[Path, Calibration], name: str, value: float) -> None:
    """A threshold that is no number called nobody the same person, without a word."""
    weights, calibration = stored
    first = replace(calibration.thresholds[0], **{name: value})
    write_calibration(weights, replace(calibration, thresholds=(first, *calibration.thresholds[1:])))
    with pytest.raises(UserError, match=mentions(calibration_file(weights).name)):
        find_calibration(weights, PREPARED)
    # Where copies of other people's images are too many, the threshold lies above every similarity.
    above = replace(calibration.thresholds[0], similarity=1 + 2**-20, high=1 + 2**-20)
    write_calibration(weights, replace(calibration, thresholds=(above,)))
    assert find_calibration(weights, PREPARED)
