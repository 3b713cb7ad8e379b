"""Ranked lists: a query with the most similar images, right and wrong ones framed where that is known.

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


def ranked_lists(
    queries: np.ndarray | Tensor,
    ranked: Sequence[np.ndarray | Tensor],
    similarities: Sequence[Sequence[float]],
    right: Sequence[Sequence[bool | None]] | None = None,
    below: Sequence[Sequence[str]] | None = None,
    *,
    scale: int = 1,
) -> Picture:
    """A line of headings and a row of images for each query, which stands at the left, framed in gray.

    Args:
        queries: uint8 `[query, ...]`, NumPy `[..., height, width, 3]` or torch `[..., 3, height, width]`.
        ranked: for each query `[rank, ...]`, the most similar image first; lists may differ in length.
        similarities: for each query the cosines of its images, written above them.
        right: for each image whether it shows the query's identity (framed in green) or another (orange); None where
            that is not known.
        below: for each image a few words that stand below it.

    Raises:
        UserError: the numbers do not agree.
    """
    lengths = [len(images) for images in ranked]
    if len(ranked) != len(queries) or [len(values) for values in similarities] != lengths:
        raise UserError(
            f"ranked and similarities must have one list for each of {len(queries)} queries, as long as each other, "
            f"got lengths {lengths} and {[len(values) for values in similarities]}"
        )
    known = [[None] * length for length in lengths] if right is None else right
    if [len(values) for values in known] != lengths:
        raise UserError(f"right must have lists of lengths {lengths}, got {[len(values) for values in known]}")
    words = [[""] * length for length in lengths] if below is None else below
    if [len(texts) for texts in words] != lengths:
        raise UserError(f"below must have lists of lengths {lengths}, got {[len(texts) for texts in words]}")
    ranks = max(lengths, default=0)
    tiles: list[list[Tile]] = []
    for query, images, values, truths, texts in zip(queries, ranked, similarities, known, words, strict=True):
        empty = [Tile()] * (ranks - len(images))
        captions = [Tile(text=f"{rank}: {value:.3f}") for rank, value in enumerate(values, 1)]
        tiles.append([Tile(text="query"), *captions, *empty])
        framed = [Tile(image, _FRAMES[truth], text) for image, truth, text in zip(images, truths, texts, strict=True)]
        tiles.append([Tile(query, REAL), *framed, *empty])
    # The query stands apart from its list.
    return grid(tiles, gaps=[8, 20, *[8] * (ranks - 1)][: ranks + 1], scale=scale)
