"""The examples in docstrings give what they say."""

import doctest
import importlib
from pathlib import Path

import pytest

from dgnet.data.datasets import LAYOUTS
from dgnet.models.model_file import save_model
from dgnet.models.registry import build_model
from tests.dgnet.data.photographs import write_market
from tests.dgnet.small_generator import IDENTITIES, small_generator, store

ROOT = Path(__file__).resolve().parents[1]
OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def modules() -> list[str]:
    """Those that show an example."""
    files = [path for room in ("dgnet", "eval", "reid_heads", "visual") for path in sorted((ROOT / room).rglob("*.py"))]
    shown = [path.relative_to(ROOT) for path in files if ">>> " in path.read_text(encoding="utf-8")]
    return [".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in shown]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which a reader of the examples stands: a data set, a trained generator and a re-ID model."""
    place = tmp_path_factory.mktemp("place")
    write_market(place / "data/Market-1501")
    (place / "configs").symlink_to(ROOT / "configs")
    store(place / "outputs/market", small_generator(), 30)
    (place / "outputs/bnneck").mkdir()
    save_model(place / "outputs/bnneck/mAP_85.9.pth", build_model("resnet18", len(IDENTITIES)), IDENTITIES, 64, 32)
    return place


@pytest.mark.parametrize("name", modules())
def test_examples(name: str, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.chdir(place)
    module = importlib.import_module(name)
    runner = doctest.DocTestRunner(optionflags=OPTIONS)
    layouts = dict(LAYOUTS)
    for example in doctest.DocTestFinder().find(module, name):
        runner.run(example)
    # What an example registers is gone after it.
    LAYOUTS.clear()
    LAYOUTS.update(layouts)
    assert not runner.failures, capsys.readouterr().out


def test_a_wrong_example_is_told() -> None:
    example = doctest.DocTestParser().get_doctest(">>> 1 + 1\n3\n", {}, "wrong", None, None)
    assert doctest.DocTestRunner(optionflags=OPTIONS).run(example, out=lambda text: None).failed == 1
