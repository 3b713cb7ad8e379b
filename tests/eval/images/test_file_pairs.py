"""Pairs of files by their names: what they are is said."""

from pathlib import Path

import pytest

from eval.images.file_pairs import files_by_name
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
