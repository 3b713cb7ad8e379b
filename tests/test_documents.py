"""What the documents name is there, and what is there is named."""

import argparse
import ast
import importlib
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

import dgnet
from dgnet.config import Config
from dgnet.core.section import resolved
from dgnet.data.datasets import LAYOUTS
from dgnet.models import registry as model_registry
from eval.images.fidelity import MEASURES
from reid_heads.config import ReIDConfig
from reid_heads.losses.metric_losses import METRIC_LOSSES
from reid_heads.losses.objective import Objective
from tests.tools.evaluation_tool import answer
from tools import bench

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("README.md", "CONTRIBUTING.md", "tests/README.md")
DOCUMENTS = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in [*(ROOT / name for name in PAGES), *sorted((ROOT / "docs").glob("*.md"))]
}
ALL = "\n".join(DOCUMENTS.values())
LONGEST_README = 120
REGISTRIES: tuple[dict[str, Any], ...] = (model_registry._classes, LAYOUTS, MEASURES, METRIC_LOSSES)


class SwapsNothing:
    """A generator that returns the structures."""

    def swap_all(self, appearances: np.ndarray, structures: np.ndarray) -> np.ndarray:
        return np.stack([structures] * len(appearances))


def test_the_front_page_is_short() -> None:
    assert len(DOCUMENTS["README.md"].splitlines()) <= LONGEST_README


@pytest.mark.parametrize("pattern", ["tools/*.py", "configs/**/*.yaml", "visual/show*.py"])
def test_every_tool_and_configuration_is_in_a_table(pattern: str) -> None:
    present = {str(path.relative_to(ROOT)) for path in ROOT.glob(pattern) if path.name != "__init__.py"}
    assert present
    assert present <= set(re.findall(r"^\| `([^`]+)`", ALL, re.MULTILINE))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_leads_somewhere(document: str) -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", DOCUMENTS[document])
    local = [link for link in links if "://" not in link]
    assert {link for link in local if not ((ROOT / document).parent / link).is_file()} == set()


def test_the_front_page_links_every_page() -> None:
    assert {f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")} <= set(
        re.findall(r"\]\(([^)#]+)\)", DOCUMENTS["README.md"])
    )


def test_every_file_that_is_named_is_there() -> None:
    named = set(re.findall(r"\b(?:tools|tests|visual|configs|dgnet|eval|reid_heads)/[\w/]+\.(?:py|yaml|ipynb)", ALL))
    assert {"tools/train_gan.py", "dgnet/core/old_keys.py"} <= named
    assert {name for name in named if not (ROOT / name).is_file()} == set()


def test_every_setting_that_is_named_exists() -> None:
    sections = resolved(Config())
    named = set(re.findall(rf"(?<![/\w])({'|'.join(sections)})\.(\w+)(?=[=`])", ALL))
    assert ("run", "precision") in named
    configurations = (sections, resolved(ReIDConfig()))
    known = {(section, name) for values in configurations for section in sections for name in values.get(section, ())}
    assert {".".join(setting) for setting in named - known} == set()


def python_blocks() -> list[str]:
    return re.findall(r"```python\n(.*?)```", ALL, re.DOTALL)


def test_what_the_python_examples_import_exists() -> None:
    imports = [
        node for code in python_blocks() for node in ast.walk(ast.parse(code)) if isinstance(node, ast.ImportFrom)
    ]
    assert len(imports) > 3
    for node in imports:
        module = importlib.import_module(str(node.module))
        assert all(hasattr(module, alias.name) for alias in node.names), ast.unparse(node)


def test_the_examples_of_extending_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One model, one loss, one layout, one metric and one picture are added as the page says, and then used."""
    for identity in (2, 5):
        (tmp_path / "photographs").mkdir(exist_ok=True)
        Image.new("RGB", (8, 16)).save(tmp_path / "photographs" / f"person{identity:04d}_camera1.png")
    monkeypatch.chdir(tmp_path)
    # Models are registered at the first look-up: an empty registry must not be what is put back.
    assert "ide" in model_registry.model_names()
    before = {id(registry): dict(registry) for registry in REGISTRIES}
    names: dict[str, Any] = {"people": np.zeros((2, 16, 8, 3), np.uint8), "generator": SwapsNothing()}
    try:
        for code in re.findall(r"```python\n(.*?)```", DOCUMENTS["docs/extending.md"], re.DOTALL):
            exec(compile(code, "docs/extending.md", "exec"), names)
        assert names["model"](torch.zeros(2, 3, 32, 16)).logits[0].shape == (2, 751)
        output = names["model"](torch.rand(4, 3, 32, 16))
        losses = Objective(names["model"], "CrossEntropy+2*Ratio")(output, torch.tensor([0, 0, 1, 1]))
        assert losses.weights["Ratio"] == 2 and losses.terms["Ratio"] > 0
        assert [record.identity for record in names["dataset"].train] == [2, 5]
        assert MEASURES["MAE"].compare(torch.full((1, 3, 2, 2), 7), torch.full((1, 3, 2, 2), 4)).tolist() == [3]
        assert names["picture"].dtype == np.uint8
    finally:
        for registry in REGISTRIES:
            registry.clear()
            registry.update(before[id(registry)])


def commands() -> dict[str, set[str]]:
    """Script -> the options that the documents type after it, in fenced blocks and in code spans."""
    shell = re.findall(r"```sh\n(.*?)```", ALL, re.DOTALL) + re.findall(r"`((?:python )?tools/\w+\.py [^`]+)`", ALL)
    typed: dict[str, set[str]] = {}
    for block in shell:
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            scripts = [word for word in words if re.fullmatch(r"(?:tools|visual)/\w+\.py", word)]
            if len(scripts) == 1:
                after = words[words.index(scripts[0]) :]
                options = {word.partition("=")[0] for word in after if word.startswith("--")}
                typed.setdefault(scripts[0], set()).update(options)
    return typed


@pytest.mark.parametrize("script", sorted(commands()))
def test_every_option_that_is_typed_exists(
    script: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if script == "tools/bench.py":
        kinds = argparse.ArgumentParser().add_subparsers()
        for module in bench.KINDS.values():
            module.add_parser(kinds)
        helped = "".join(kind.format_help() for kind in kinds.choices.values())
    else:
        tool = importlib.import_module(script.removesuffix(".py").replace("/", "."))
        status, helped, _ = answer(tool, monkeypatch, capsys, "--help")
        assert status == 0
    known = {option.replace("_", "-") for option in re.findall(r"--[\w-]+", helped)}
    assert {option for option in commands()[script] if option.replace("_", "-") not in known} == set()


def test_the_citation_is_readable() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == dgnet.__version__
    assert citation["preferred-citation"]["year"] == 2019
