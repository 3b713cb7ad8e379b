"""The notebook runs from its first cell to its last, shortened, and is stored without what it once printed."""

from pathlib import Path

import pytest

from dgnet.runs.checkpoint import checkpoint_iteration, latest_checkpoint
from tests.tools.gan_tool import ITERATIONS, write_config

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "visual/hosted_session.ipynb"


@pytest.fixture
def notebook():
    nbformat = pytest.importorskip("nbformat", reason="no nbformat: pip install nbclient ipykernel")
    read = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(read)
    return read


def test_it_is_stored_without_outputs(notebook) -> None:
    codes = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert len(codes) >= 7
    assert all(not cell.outputs and cell.execution_count is None for cell in codes)


def said(cell) -> str:
    return "".join(output.get("text", "") for output in cell.outputs)


@pytest.mark.timeout(600)
def test_from_nothing_to_pictures(notebook, tmp_path: Path) -> None:
    nbclient = pytest.importorskip("nbclient", reason="no nbclient: pip install nbclient ipykernel")
    pytest.importorskip("ipykernel", reason="no ipykernel: pip install nbclient ipykernel")
    write_config(tmp_path)
    codes = [cell for cell in notebook.cells if cell.cell_type == "code"]
    settings, first, rest = codes[0], codes[3], codes[4]
    assert settings.metadata.tags == ["parameters"]
    settings.source = "\n".join(
        (f"CONFIG = {str(tmp_path / 'tiny.yaml')!r}", 'NAME = "short"', "SETTINGS = []", f"OUTPUT = {str(tmp_path)!r}")
    )
    # The first part ends after one iteration: not of DG-Net yet, but of its teacher.
    settings.source += "\nFIRST_HOURS = 1e-7\nHOURS = 1"
    client = nbclient.NotebookClient(notebook, timeout=500, resources={"metadata": {"path": str(ROOT / "visual")}})
    client.execute()

    assert "continue with:" in said(first) and "stopped" in said(first)
    assert "going on from checkpoint" in said(rest) and f"finished: {ITERATIONS} iterations" in said(rest)
    newest = latest_checkpoint(tmp_path / "outputs/short/checkpoints")
    assert newest is not None and checkpoint_iteration(newest) == ITERATIONS
    shown = [output for cell in codes for output in cell.outputs if output.output_type == "display_data"]
    kinds = [kind for output in shown for kind in output.data if kind.startswith("image/")]
    assert kinds == ["image/png", "image/png", "image/png", "image/gif"]
