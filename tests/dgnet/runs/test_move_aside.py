"""An old run makes room for a new one and loses nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

from dgnet.core.errors import UserError
from dgnet.runs.folder import move_aside

HOLDER = """
import sys
from pathlib import Path
from dgnet.runs.folder_lock import lock_folder
lock = lock_folder(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def run_at(place: Path, text: str) -> tuple[Path, Path]:
    folder, curves = place / "outputs" / "one", place / "logs" / "one"
    for path in (folder, curves):
        path.mkdir(parents=True)
        (path / "file").write_text(text)
    return folder, curves


def test_every_old_run_gets_a_name_of_its_own(tmp_path: Path) -> None:
    for number in (1, 2):
        folder, curves = run_at(tmp_path, f"run {number}")
        moved = move_aside(folder, curves)
        assert moved == {path: path.with_name(f"one.old_{number}") for path in (folder, curves)}
        assert not folder.exists() and not curves.exists()
    for number in (1, 2):
        assert (tmp_path / "outputs" / f"one.old_{number}" / "file").read_text() == f"run {number}"
    assert move_aside(folder, curves) == {}


@pytest.mark.slow
def test_a_run_in_use_stays(tmp_path: Path) -> None:
    folder, curves = run_at(tmp_path, "busy")
    words = [sys.executable, "-c", HOLDER, str(folder)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        with pytest.raises(UserError, match="is in use by"):
            move_aside(folder, curves)
        process.communicate("")
    assert (folder / "file").read_text() == (curves / "file").read_text() == "busy"
