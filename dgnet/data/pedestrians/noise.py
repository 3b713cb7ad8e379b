"""Smooth noise: random grids enlarged bilinearly. Slices and multiplications only, so it is the same everywhere."""

import numpy as np

from dgnet.data.pedestrians.canvas import Plane
from dgnet.data.pedestrians.random_choices import Draws


def enlarged(grid: Plane, rows: int, columns: int) -> Plane:
    """`grid` [..., any, any] stretched over [..., rows, columns], bilinear between cell corners."""
    return _stretched(_stretched(grid, rows).swapaxes(-1, -2), columns).swapaxes(-1, -2)


def _stretched(grid: Plane, rows: int) -> Plane:
    """The last dimension but one brought to `rows`."""
    cells = grid.shape[-2] - 1
    position = (np.arange(rows, dtype=np.float32) + np.float32(0.5)) * np.float32(cells / rows)
    low = np.minimum(position.astype(np.int64), cells - 1)
    part = (position - low.astype(np.float32))[:, None]
    below = grid[..., low, :]
    return below + part * (grid[..., low + 1, :] - below)


def noise(draws: Draws, cells_down: int, cells_across: int, rows: int, columns: int) -> Plane:
    """Smooth noise [rows, columns], 0..1, with about this many bumps."""
    return enlarged(draws.field(cells_down + 1, cells_across + 1), rows, columns)
