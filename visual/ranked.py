"""Ranked lists: a query and what was found for it, best first, right and wrong framed. Arrays in, arrays out."""

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from dgnet.errors import UserError
from visual.grid import REAL, Picture, Tile, grid

# Told apart by readers who do not see red and green, too.
RIGHT, WRONG = (0, 158, 115), (213, 94, 0)


def ranked_lists(
    queries: np.ndarray | Tensor,
    found: np.ndarray | Tensor,
    right: np.ndarray | Tensor,
    *,
    labels: Sequence[str] = (),
    scale: int = 1,
) -> Picture:
    """A row for each query: its image in grey, then the gallery images found for it, best first.

    `queries` are uint8 `[query, 3, height, width]`, `found` `[query, rank, 3, height, width]`, `right` `[query, rank]`:
    whether that image shows the query's person (green) or not (orange); what the protocol ignores is left out by the
    caller. `labels` stand at the left, one for each query. Images are enlarged `scale` times. `UserError` when the
    numbers of queries, ranks or labels do not agree.
    """
    if len(found) != len(queries) or tuple(right.shape) != tuple(found.shape[:2]):
        raise UserError(
            f"ranked lists need found [query, rank] and right [query, rank] for {len(queries)} queries, "
            f"got {tuple(found.shape[:2])} and {tuple(right.shape)}"
        )
    if labels and len(labels) != len(queries):
        raise UserError(f"labels must be one for each of {len(queries)} queries, got {len(labels)}")
    ranks = found.shape[1]
    before = [Tile()] if labels else []
    tiles = [[*before, Tile(text="query"), *(Tile(text=str(rank + 1)) for rank in range(ranks))]]
    for row, query in enumerate(queries):
        line = [Tile(text=labels[row])] if labels else []
        line.append(Tile(query, REAL))
        line += [Tile(found[row, rank], RIGHT if right[row, rank] else WRONG) for rank in range(ranks)]
        tiles.append(line)
    # The query stands apart from what was found.
    gaps = [8] * len(tiles[0])
    if ranks:
        gaps[-ranks] = 20
    return grid(tiles, gaps=gaps, scale=scale)
