"""Boxes against one obvious loop over pixels."""

import numpy as np
import pytest

from dgnet.video.boxes import boxes_of, pixels_of, visible_shares

HEIGHT, WIDTH = 48, 64


def slow_shares(places: np.ndarray) -> list[float]:
    """Pixel by pixel; a box may reach beyond the picture."""
    shares = []
    for left, top, width, height in places.astype(int):
        seen = 0
        for row in range(top, top + height):
            for column in range(left, left + width):
                nearer = [box for box in places.astype(int) if box[1] + box[3] > top + height]
                hidden = any(box[1] <= row < box[1] + box[3] and box[0] <= column < box[0] + box[2] for box in nearer)
                seen += 0 <= row < HEIGHT and 0 <= column < WIDTH and not hidden
        shares.append(seen / (width * height))
    return shares


def test_visible_shares_against_a_loop() -> None:
    draws = np.random.default_rng(0)
    places = np.column_stack([draws.integers(-10, 60, (12, 2)), draws.integers(3, 30, (12, 2))]).astype(float)
    shares = visible_shares(places, HEIGHT, WIDTH)
    assert np.allclose(shares, slow_shares(places))
    assert 0 < shares.min() + shares.max() <= 2 and len(set(shares)) > 5


@pytest.mark.parametrize("place", [[64, 0, 5, 5], [0, -9, 5, 9], [1e300, 0, 5, 5], [0, 0, 0.2, 9]])
def test_a_box_outside_has_no_pixels_and_no_share(place: list[float]) -> None:
    box = np.array(place, float)
    assert pixels_of(box, HEIGHT, WIDTH) is None
    assert visible_shares(box[None], HEIGHT, WIDTH).tolist() == [0]


def test_a_larger_box_is_clipped_to_the_picture() -> None:
    assert pixels_of(np.array([-5.0, -5, 1e9, 1e9]), HEIGHT, WIDTH) == (slice(0, HEIGHT), slice(0, WIDTH))


def test_boxes_are_chosen_together() -> None:
    boxes = boxes_of(np.arange(12.0).reshape(3, 4), np.array([0.1, 0.2, 0.3])).chosen(np.array([2, 0]))
    assert boxes.places[:, 0].tolist() == [8, 0] and boxes.scores.tolist() == [0.3, 0.1]
    assert boxes.rows.tolist() == [2, 0] and len(boxes_of(np.zeros((0, 4)))) == 0
