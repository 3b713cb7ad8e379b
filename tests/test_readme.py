"""What README.md names is there, and what is there is named."""

import ast
import importlib
import re
from pathlib import Path

import pytest

from dgnet.config import Config, resolved

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("pattern", ["tools/*.py", "configs/**/*.yaml", "visual/show*.py"])
def test_every_tool_and_configuration_is_in_a_table(pattern: str) -> None:
    there = {str(path.relative_to(ROOT)) for path in ROOT.glob(pattern) if path.name != "__init__.py"}
    assert there
    assert there <= set(re.findall(r"^\| `([^`]+)`", README, re.MULTILINE))


def test_every_tool_that_is_named_is_there() -> None:
    named = set(re.findall(r"(?:tools|tests)/[\w/]+\.py", README))
    assert "tools/train_gan.py" in named
    assert {name for name in named if not (ROOT / name).is_file()} == set()


def test_every_setting_that_is_named_exists() -> None:
    sections = resolved(Config())
    named = set(re.findall(rf"(?<![/\w])({'|'.join(sections)})\.(\w+)(?=[=`])", README))
    assert ("run", "precision") in named
    assert {f"{section}.{name}" for section, name in named if name not in sections[section]} == set()


def test_what_the_python_example_imports_exists() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    imports = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.ImportFrom)]
    assert len(imports) > 3
    for node in imports:
        module = importlib.import_module(str(node.module))
        assert all(hasattr(module, alias.name) for alias in node.names), ast.unparse(node)
