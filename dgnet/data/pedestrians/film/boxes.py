"""Boxes as a detector gives them: moved, missed and invented at stated rates."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from dgnet.data.pedestrians.film.frames import FilmFrame
from dgnet.data.pedestrians.film.spec import FilmSpec
from dgnet.data.pedestrians.random_choices import FILM_BOXES, Draws

MIN_VISIBLE = 0.25  # below this share nothing is detected, whatever the rates


@dataclass(frozen=True)
class DetectedBoxes:
    """`places` [box, 4]: left, top, width, height in pixels; `scores` [box], 0 to 1."""

    places: Float64[np.ndarray, "box 4"]
    scores: Float64[np.ndarray, " box"]


def detected_boxes(frame: FilmFrame, number: int, camera: int, spec: FilmSpec) -> DetectedBoxes:
    """The boxes of a frame (`number` from 0) with the errors that `spec` states; the same every time.

    - A person of whom less than `MIN_VISIBLE` can be seen has no box.
    - `missed`: each other box is left out with this probability.
    - `jitter`: each edge moves by a normal error of this share of the width or height, at most three times as far.
    - `invented`: for each true box with this probability one more, of a person's shape, anywhere on the ground.

    Scores of true boxes are 0.6 to 1, higher where more can be seen; of invented ones 0.3 to 0.9.
    """
    draws = Draws(spec.seed, FILM_BOXES, camera, number)
    places: list[np.ndarray] = []
    scores: list[float] = []
    for place, share in zip(frame.places, frame.visible, strict=True):
        if share < MIN_VISIBLE:
            continue
        missed, invented = draws.chance(spec.missed), draws.chance(spec.invented)
        moved = _moved(place, spec.jitter, draws)
        score = 0.6 + 0.4 * share * draws.uniform(0.5, 1.0)
        if not missed:
            places.append(moved)
            scores.append(score)
        if invented:
            places.append(_invented(place, spec, draws))
            scores.append(draws.uniform(0.3, 0.9))
    return DetectedBoxes(np.array(places, np.float64).reshape(-1, 4), np.array(scores, np.float64))


def _moved(place: np.ndarray, jitter: float, draws: Draws) -> np.ndarray:
    left, top, width, height = place
    # The sum of twelve uniforms has the variance 1: nearly normal, and the same everywhere.
    errors = [max(-3.0, min(3.0, sum(draws.unit() for _ in range(12)) - 6.0)) * jitter for _ in range(4)]
    right, bottom = left + width * (1 + errors[2]), top + height * (1 + errors[3])
    left, top = left + width * errors[0], top + height * errors[1]
    return np.array([left, top, max(2.0, right - left), max(2.0, bottom - top)])


def _invented(place: np.ndarray, spec: FilmSpec, draws: Draws) -> np.ndarray:
    """A box like another of the frame, elsewhere at the same height."""
    size = draws.uniform(0.8, 1.25)
    width, height = place[2] * size, place[3] * size
    return np.array(
        [draws.uniform(-0.2 * width, spec.width - 0.8 * width), place[1] + place[3] - height, width, height]
    )
