"""What the house asks of every file."""

import ast
import configparser
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import jaxtyping
import pytest
import torch

from dgnet.core.old_configs import current_key
from dgnet.core.pixels import gray
from dgnet.losses.identity import identity_loss

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("dgnet", "eval", "reid_heads", "tests", "tools", "visual")
LONGEST = 350


def python_files() -> list[Path]:
    return [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]


def too_long(paths: list[Path]) -> list[str]:
    counted = ((path, len(path.read_text(encoding="utf-8").splitlines())) for path in paths)
    return [f"{path.name}: {lines} lines" for path, lines in counted if lines > LONGEST]


def test_no_file_is_too_long_to_read() -> None:
    files = python_files()
    assert ROOT / "dgnet" / "core" / "pixels.py" in files
    assert too_long(files) == []


def test_a_file_that_is_too_long_is_named(tmp_path: Path) -> None:
    (tmp_path / "short.py").write_text("x = 1\n" * LONGEST)
    (tmp_path / "long.py").write_text("x = 1\n" * (LONGEST + 1))
    assert too_long(sorted(tmp_path.iterdir())) == ["long.py: 351 lines"]


def test_no_tool_hides_a_library() -> None:
    """A tool's folder comes first on sys.path: `tools/lpips.py` would be imported by every tool instead of lpips."""
    tools = {path.stem for path in (ROOT / "tools").glob("*.py")}
    # Nobody imports Python's own test suite, and `tools/test.py` is the name that users know.
    importable = set(ROOMS) | set(packages_distributions()) | sys.stdlib_module_names - {"test"}
    assert {"lpips", "json"} <= importable
    assert tools & importable == set()


def test_annotations_are_checked_while_testing() -> None:
    """The import hook of conftest.py is at work: a wrong shape and a wrong type are refused."""
    gray(torch.zeros(2, 3, 4, 4))
    with pytest.raises(jaxtyping.TypeCheckError):
        gray(torch.zeros(2, 1, 4, 4))
    with pytest.raises(jaxtyping.TypeCheckError):
        gray("not a tensor")
    with pytest.raises(jaxtyping.TypeCheckError, match="batch=4"):  # sizes of one name, each fine alone
        identity_loss(torch.zeros(4, 3), torch.zeros(6, dtype=torch.int64))
    with pytest.raises(jaxtyping.TypeCheckError):  # no shapes here
        current_key(3)  # type: ignore[arg-type]


@pytest.mark.parametrize("package", ["dgnet", "eval", "reid_heads", "visual"])
def test_installed_packages_say_that_they_have_types(package: str) -> None:
    assert (ROOT / package / "py.typed").is_file()
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    assert settings["options.package_data"]["*"].split() == ["py.typed"]


def test_nothing_stands_beside_the_fixed_folders() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("no git checkout")
    folders = {name.partition("/")[0] for name in listed.stdout.splitlines() if "/" in name}
    assert folders == {*ROOMS, "configs", "docs", ".ci"}


def missing_tests(text: str) -> list[str]:
    """The tests that a text names by file and function, and that are not there."""
    missing = []
    for file, name in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text):
        path = ROOT / file
        tree = ast.parse(path.read_text(encoding="utf-8") if path.is_file() else "")
        if name not in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}:
            missing.append(f"{file}::{name}")
    return missing


def test_every_test_that_is_named_is_there() -> None:
    table = (ROOT / "tests" / "README.md").read_text(encoding="utf-8")
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= 17
    assert [row for row in rows if not re.search(r"`tests/[\w/]+\.py::test_\w+` \|$", row)] == []
    assert missing_tests(table) == []
    assert missing_tests(
        "`tests/gone.py::test_a`, `tests/README.py::x`, `tests/test_repository.py::missing_tests`"
    ) == [
        "tests/gone.py::test_a",
        "tests/README.py::x",
    ]


def test_json_is_read_in_one_place() -> None:
    """`json.loads` raises RecursionError where it is nested deeply, and takes the last of a key's values."""
    readers = [path for path in python_files() if "json.load" in path.read_text(encoding="utf-8")]
    packages = [path.relative_to(ROOT).as_posix() for path in readers if "tests" not in path.parts]
    assert packages == ["dgnet/core/json_files.py"]
