"""Pairs of files by their names: what they are is said."""

import math
from pathlib import Path

import pytest

from eval.images.fidelity import MEASURES, Measure, fidelity_metrics
from eval.images.file_pairs import files_by_name, pairs_of_files
from eval.images.psnr import psnr
from tests.eval.images.small_files import picture, write


def test_pairs_of_one_file_twice_are_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A folder against itself is perfect (SSIM 1), and so is an image that was copied where none was made."""
    for number in range(4):
        write(tmp_path / "real" / f"{number}.bmp", picture(number, 16, 8))
        write(tmp_path / "made" / f"{number}.bmp", picture(100 + number, 16, 8))
    files_by_name(tmp_path / "made", tmp_path / "real")
    assert not caplog.text
    (tmp_path / "made" / "2.bmp").write_bytes((tmp_path / "real" / "2.bmp").read_bytes())
    assert len(files_by_name(tmp_path / "made", tmp_path / "real")) == 4
    assert "in 1 of 4 pairs both files are the same" in caplog.text and "made/2.bmp" in caplog.text
    caplog.clear()
    files_by_name(tmp_path / "real", tmp_path / "real")
    assert "in 4 of 4 pairs both files are the same" in caplog.text


def test_an_image_that_agrees_exactly_does_not_make_the_mean_infinite(tmp_path: Path) -> None:
    """One perfect image of many: their PSNR was infinite, whatever the others were."""
    for number in range(3):
        write(tmp_path / "real" / f"{number}.bmp", picture(number, 16, 16))
        write(tmp_path / "made" / f"{number}.bmp", picture(number + 100 * (number > 0), 16, 16))
    pairs = list(pairs_of_files(files_by_name(tmp_path / "made", tmp_path / "real")))
    measures = [MEASURES["PSNR"], MEASURES["SSIM, gaussian window"]]
    ratio, similarity = fidelity_metrics(pairs, measures, "pairs")
    assert ratio.value == pytest.approx(sum(float(psnr(*pair)) for pair in pairs[1:]) / 2)
    assert ratio.note == "over the 2 of 3 pairs that differ" and not similarity.note
    assert math.isinf(fidelity_metrics(pairs[:1], measures, "pairs")[0].value)
    assert not fidelity_metrics(pairs[1:], measures, "pairs")[0].note
    values = iter([math.nan, 2.0, math.inf])
    partly = Measure("unknown", lambda made, real: psnr(made, real) * 0 + next(values))
    assert math.isnan(fidelity_metrics(pairs[1:] + pairs[1:2], [partly], "pairs")[0].value)
