"""IDF1, HOTA, MOTA and identity switches of tracks against the truth, computed by TrackEval (MIT)."""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Float64, Int64

from dgnet.core.errors import UserError

MATCH = 0.5  # least overlap (IoU) of a box with a true one, for IDF1, MOTA and switches


@dataclass(frozen=True)
class TrackedBoxes:
    """Boxes of one film, in any order.

    `frames` [box] counted from 0; `identities` [box], whole numbers of any size, each at most once on a frame;
    `places` [box, 4]: left, top, width, height in pixels.
    """

    frames: Int64[np.ndarray, " box"]
    identities: Int64[np.ndarray, " box"]
    places: Float64[np.ndarray, "box 4"]


@dataclass(frozen=True)
class TrackScores:
    """How well tracks follow people.

    Attributes:
        idf1: share of boxes with the right identity, when each identity of the result is given to at most one person
            (Ristani et al. 2016), 0 to 1.
        hota: mean over overlaps 0.05 to 0.95 of the geometric mean of detection and association (Luiten et al. 2021), 0
            to 1.
        mota: 1 - (missed + false boxes + switches) / true boxes (Bernardin and Stiefelhagen 2008), at most 1.
        switches: how often a person has another identity than when last found, also after an absence.
        true_boxes: how many.
    """

    idf1: float
    hota: float
    mota: float
    switches: int
    true_boxes: int


def track_scores(truth: Sequence[TrackedBoxes], result: Sequence[TrackedBoxes]) -> TrackScores:
    """The scores of several films together, as the MOT-Challenge sums sequences.

    Args:
        truth, result: of each film, in the same order. Identities of two films have nothing to do with each other.

    Raises:
        UserError: the numbers of films differ, there are no true boxes, or TrackEval is not installed.

    Example:
        >>> import numpy as np
        >>> walk = TrackedBoxes(np.arange(3), np.ones(3, np.int64), np.tile([[10.0, 20, 30, 60]], (3, 1)))
        >>> track_scores([walk], [walk])
        TrackScores(idf1=1.0, hota=1.0, mota=1.0, switches=0, true_boxes=3)
    """
    if len(truth) != len(result) or not any(len(film.frames) for film in truth):
        raise UserError(f"the truth must hold boxes of as many films as the result, got {len(truth)} and {len(result)}")
    metrics = _metrics()
    films = [_trackeval_data(one, other) for one, other in zip(truth, result, strict=True)]
    totals = {
        name: metric.combine_sequences({str(number): metric.eval_sequence(film) for number, film in enumerate(films)})
        for name, metric in metrics.items()
    }
    return TrackScores(
        idf1=float(totals["identity"]["IDF1"]),
        hota=float(np.mean(totals["hota"]["HOTA"])),
        mota=float(totals["clear"]["MOTA"]),
        switches=int(totals["clear"]["IDSW"]),
        true_boxes=sum(len(film.frames) for film in truth),
    )


def track_scores_over_films(truth: Sequence[TrackedBoxes], result: Sequence[TrackedBoxes]) -> TrackScores:
    """The same, with the films as one long film: an identity is the same person in all of them. As `track_scores`."""
    ends = [max(int(side.frames.max(initial=-1)) for side in sides) + 1 for sides in zip(truth, result, strict=True)]
    starts = [sum(ends[:number]) for number in range(len(ends))]
    return track_scores([_joined(truth, starts)], [_joined(result, starts)])


def _joined(films: Sequence[TrackedBoxes], starts: Sequence[int]) -> TrackedBoxes:
    return TrackedBoxes(
        np.concatenate([film.frames + start for film, start in zip(films, starts, strict=True)]),
        np.concatenate([film.identities for film in films]),
        np.concatenate([film.places for film in films]),
    )


def overlaps(one: Float64[np.ndarray, "a 4"], other: Float64[np.ndarray, "b 4"]) -> Float[np.ndarray, "a b"]:
    """Intersection over union of boxes (left, top, width, height), 0 to 1.

    >>> import numpy as np
    >>> overlaps(np.array([[0.0, 0, 2, 2]]), np.array([[1.0, 0, 2, 2], [5.0, 5, 1, 1]])).round(3).tolist()
    [[0.333, 0.0]]
    """
    first, second = one[:, None], other[None]
    near = np.maximum(first[..., :2], second[..., :2])
    far = np.minimum(first[..., :2] + first[..., 2:], second[..., :2] + second[..., 2:])
    common = np.clip(far - near, 0, None).prod(axis=-1)
    return common / (first[..., 2:].prod(axis=-1) + second[..., 2:].prod(axis=-1) - common)


def _metrics() -> dict[str, Any]:
    try:
        library = importlib.import_module("trackeval").metrics
    except ImportError as error:
        raise UserError("tracks are scored by TrackEval: pip install trackeval (the extra 'tracks')") from error
    options = {"THRESHOLD": MATCH, "PRINT_CONFIG": False}
    return {"hota": library.HOTA(), "clear": library.CLEAR(options), "identity": library.Identity(options)}


def _trackeval_data(truth: TrackedBoxes, result: TrackedBoxes) -> dict[str, Any]:
    """One film as TrackEval's metrics take it: identities numbered from 0, and what belongs to each frame."""
    # A frame without boxes counts in no score, and numbers of frames may be as large as times in milliseconds.
    frames = np.union1d(truth.frames, result.frames)
    sides, data = {}, dict[str, Any](num_timesteps=len(frames))
    for name, boxes in (("gt", truth), ("tracker", result)):
        known, numbers = np.unique(boxes.identities, return_inverse=True)
        order = np.argsort(boxes.frames, kind="stable")
        cuts = np.searchsorted(boxes.frames[order], frames[1:])
        data[f"{name}_ids"] = np.split(numbers[order], cuts)
        data[f"num_{name}_ids"], data[f"num_{name}_dets"] = len(known), len(numbers)
        sides[name] = np.split(boxes.places[order], cuts)
    data["similarity_scores"] = [overlaps(*pair) for pair in zip(sides["gt"], sides["tracker"], strict=True)]
    return data
