"""The curves of a run, from its scalars.csv."""

from pathlib import Path

from dgnet.runs.scalars import read_scalars
from visual.drawing.curves import curves
from visual.drawing.grid import save_png

PICTURE = Path("images", "curves.png")


def draw_run_curves(folder: Path) -> None:
    """Draw losses, accuracy, learning rate and test figures of the run in `folder` as `images/curves.png` there."""
    rows = [{"iteration": iteration, **values} for iteration, values in read_scalars(folder / "scalars.csv")]
    shown = [
        name
        for name in dict.fromkeys(name for row in rows for name in row)
        if name == "accuracy" or name.startswith(("loss/", "learning_rate/")) or "mAP" in name or "Rank" in name
    ]
    save_png(curves(rows, terms=shown, title=folder.name), folder / PICTURE)
