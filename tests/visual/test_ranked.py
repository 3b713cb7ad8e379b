"""Ranked lists: each image stands at its rank, framed by whether it is right."""

import numpy as np
import pytest
import torch

from dgnet.errors import UserError
from tests.visual.places import HEIGHT, WIDTH, images, places_of
from visual.ranked import RIGHT, WRONG, ranked_lists

RIGHTS = np.array([[True, False, True], [False, False, True]])


@pytest.mark.parametrize("labels", [(), ("0002", "0007")])
def test_every_image_stands_at_its_rank_in_its_colour(labels: tuple[str, ...]) -> None:
    queries, found = np.split(images(8), [2])
    found = found.reshape(2, 3, 3, HEIGHT, WIDTH)
    picture = ranked_lists(queries, found, RIGHTS, labels=labels)
    query_places = [places_of(picture, query) for query in queries]
    assert [len(places) for places in query_places] == [1, 1]
    for row in range(2):
        lefts = [query_places[row][0][1]]
        for rank in range(3):
            ((top, left),) = places_of(picture, found[row, rank])
            assert top == query_places[row][0][0]
            assert tuple(picture[top - 1, left]) == (RIGHT if RIGHTS[row, rank] else WRONG)
            lefts.append(left)
        assert lefts == sorted(lefts)
        # The query stands apart.
        assert lefts[1] - lefts[0] > lefts[2] - lefts[1]


def test_tensors_and_scale() -> None:
    queries, found = images(2), images(2, 3)
    arrays = ranked_lists(queries, found, RIGHTS, scale=2)
    tensors = ranked_lists(*map(torch.from_numpy, (queries, found, RIGHTS)), scale=2)
    assert np.array_equal(arrays, tensors)
    assert len(arrays) - len(ranked_lists(queries, found, RIGHTS)) == 2 * HEIGHT


def test_nothing_was_found() -> None:
    picture = ranked_lists(images(2), images(2, 0), np.zeros((2, 0), dtype=bool))
    assert len(places_of(picture, images(2)[1])) == 1


@pytest.mark.parametrize(
    ("shapes", "labels", "sentence"),
    [
        (((2,), (3, 3), (3, 3)), (), r"for 2 queries, got \(3, 3\)"),
        (((2,), (2, 3), (2, 4)), (), r"got \(2, 3\) and \(2, 4\)"),
        (((2,), (2, 3), (2, 3)), ("one",), "one for each of 2 queries, got 1"),
    ],
)
def test_bad_input(shapes: tuple, labels: tuple[str, ...], sentence: str) -> None:
    (queries, found, right) = shapes
    with pytest.raises(UserError, match=sentence):
        ranked_lists(images(*queries), images(*found), np.zeros(right, dtype=bool), labels=labels)
