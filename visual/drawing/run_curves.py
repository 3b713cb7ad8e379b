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
    titles = {name: plain_title(name) for name in shown}
    named = [{titles.get(name, name): value for name, value in row.items()} for row in rows]
    save_png(curves(named, terms=list(titles.values()), title=folder.name), folder / PICTURE)


def plain_title(column: str) -> str:
    """What a column of scalars.csv holds, in words.

    Example:
        >>> plain_title("loss/cross_entropy"), plain_title("learning_rate/trunk"), plain_title("accuracy")
        ('loss: cross entropy', 'learning rate: trunk', 'share of training images recognized')
    """
    if column == "accuracy":
        return "share of training images recognized"
    return column.replace("/", ": ").replace("_", " ")
