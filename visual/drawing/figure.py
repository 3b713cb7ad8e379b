"""A matplotlib figure as a picture."""

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from visual.drawing.grid import Picture


def plain(text: str) -> str:
    r"""Text of a user for a figure: matplotlib takes what stands between two dollar signs for a formula, and may fail.

    >>> print(plain("run_$a$"))
    run_\$a\$
    """
    return text.replace("$", r"\$")


def figure_picture(figure: Figure) -> Picture:
    """The figure in its own size and resolution, uint8 `[height, width, 3]`; no window is opened."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[:, :, :3].copy()
