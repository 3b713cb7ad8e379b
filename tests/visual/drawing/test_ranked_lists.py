"""Ranked lists: each image stands at its rank, framed by whether it is right."""

import numpy as np
import pytest
import torch

from dgnet.core.errors import UserError
from tests.messages import mentions
from tests.visual.places import HEIGHT, WIDTH, images, places_of
from visual.drawing.grid import Picture
from visual.drawing.ranked_lists import RIGHT, WRONG, ranked_lists

RIGHTS = [[True, None, False], [False, True]]
COSINES = [[0.9, 0.5, -0.1], [0.3, 0.2]]


def drawn(right: list | None = RIGHTS, scale: int = 1) -> tuple[Picture, np.ndarray, list[np.ndarray]]:
    queries, first, second = np.split(images(7), [2, 5])
    return ranked_lists(queries, [first, second], COSINES, right, scale=scale), queries, [first, second]


def test_every_image_stands_at_its_rank_in_its_color() -> None:
    picture, queries, found = drawn()
    for query, row, truths in zip(queries, found, RIGHTS, strict=True):
        ((height, left),) = places_of(picture, query)
        lefts = [left]
        for image, truth in zip(row, truths, strict=True):
            ((top, left),) = places_of(picture, image)
            assert top == height
            assert tuple(picture[top - 1, left]) == {True: RIGHT, False: WRONG, None: (255, 255, 255)}[truth]
            lefts.append(left)
        assert lefts == sorted(lefts)
        # The query stands apart.
        gaps = np.diff(lefts)
        assert gaps[0] > max(gaps[1:])


def test_nothing_is_framed_where_nothing_is_known() -> None:
    picture, _, found = drawn(None)
    assert not any((picture == color).all(axis=2).any() for color in (RIGHT, WRONG))
    assert all(len(places_of(picture, image)) == 1 for row in found for image in row)


def test_tensors_and_scale() -> None:
    picture, queries, found = drawn(scale=2)
    first, *others = [torch.from_numpy(part).movedim(-1, -3) for part in (queries, *found)]
    tensors = ranked_lists(first, others, COSINES, RIGHTS, scale=2)
    assert np.array_equal(picture, tensors)
    assert len(picture) - len(drawn()[0]) == 2 * HEIGHT and WIDTH < HEIGHT


def test_nothing_was_found() -> None:
    picture = ranked_lists(images(2), [images(0)] * 2, [[], []])
    assert len(places_of(picture, images(2)[1])) == 1


@pytest.mark.parametrize(
    ("lengths", "cosines", "right", "sentence"),
    [
        ((1, 1, 1), [[0.5]] * 3, None, mentions(2, "[1, 1, 1]")),
        ((1, 2), [[0.5], [0.5]], None, r"got lengths \[1, 2\] and \[1, 1\]"),
        ((1, 1), [[0.5], [0.5]], [[True]], mentions("right", "[1, 1]", "[1]")),
    ],
)
def test_bad_input(lengths: tuple[int, ...], cosines: list, right: list | None, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        ranked_lists(images(2), [images(length) for length in lengths], cosines, right)
