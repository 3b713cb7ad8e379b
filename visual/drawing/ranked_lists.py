"""Ranked lists: a query with the images most like it, how alike they are, right and wrong framed where that is known.

Arrays in, arrays out.
"""

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from dgnet.core.errors import UserError
from visual.drawing.grid import REAL, Picture, Tile, grid

# Told apart by readers who do not see red and green, too.
RIGHT, WRONG = (0, 158, 115), (213, 94, 0)
_FRAMES = {True: RIGHT, False: WRONG, None: None}


def found_lists(
    queries: np.ndarray | Tensor,
    found: Sequence[np.ndarray | Tensor],
    similarities: Sequence[Sequence[float]],
    right: Sequence[Sequence[bool | None]] | None = None,
    *,
    scale: int = 1,
) -> Picture:
    """A line of headings and a row of images for each query, which stands at the left, framed in gray.

    `queries` are uint8 `[query, 3, height, width]`; `found[i]` `[rank, 3, height, width]` are the images for query i,
    best first, and `similarities[i]` their cosines, written above them. `right[i]` says whether each shows the query's
    person (framed in green) or not (orange), or None where nobody knows. Lists may differ in length. `UserError` when
    numbers do not agree.
    """
    lengths = [len(images) for images in found]
    if len(found) != len(queries) or [len(values) for values in similarities] != lengths:
        raise UserError(
            f"found and similarities must have one list for each of {len(queries)} queries, as long as each other, "
            f"got lengths {lengths} and {[len(values) for values in similarities]}"
        )
    known = [[None] * length for length in lengths] if right is None else right
    if [len(values) for values in known] != lengths:
        raise UserError(f"right must have lists of lengths {lengths}, got {[len(values) for values in known]}")
    ranks = max(lengths, default=0)
    tiles: list[list[Tile]] = []
    for query, images, values, truths in zip(queries, found, similarities, known, strict=True):
        empty = [Tile()] * (ranks - len(images))
        said = [Tile(text=f"{rank}: {value:.3f}") for rank, value in enumerate(values, 1)]
        tiles.append([Tile(text="query"), *said, *empty])
        framed = [Tile(image, _FRAMES[truth]) for image, truth in zip(images, truths, strict=True)]
        tiles.append([Tile(query, REAL), *framed, *empty])
    # The query stands apart from what was found.
    return grid(tiles, gaps=[8, 20, *[8] * (ranks - 1)][: ranks + 1], scale=scale)
