"""Which person a track shows, and whether a person is found among tracks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int64
from scipy.optimize import linear_sum_assignment

from eval.tracks.scores import MATCH, TrackedBoxes, overlaps

NOBODY = -1
_MOST = 0.5  # of a track's boxes must be of one person


def true_identities(truth: TrackedBoxes, result: TrackedBoxes) -> Int64[np.ndarray, " box"]:
    """The person of each box of a result: of the true box that it overlaps (IoU 0.5 and more), each given once on a
    frame so that the sum of overlaps is the largest; `NOBODY` without one."""
    found = np.full(len(result.frames), NOBODY, np.int64)
    for frame in np.unique(result.frames):
        own, true = np.flatnonzero(result.frames == frame), np.flatnonzero(truth.frames == frame)
        shared = overlaps(result.places[own], truth.places[true])
        shared = np.where(shared >= MATCH, shared, 0.0)
        rows, columns = linear_sum_assignment(-shared)
        fits = shared[rows, columns] > 0
        found[own[rows[fits]]] = truth.identities[true[columns[fits]]]
    return found


def people_of_tracks(truth: TrackedBoxes, result: TrackedBoxes) -> dict[int, int]:
    """Track -> the person of more than half of its boxes, `NOBODY` where there is none.

    >>> import numpy as np
    >>> places = np.tile([[10.0, 20, 30, 60]], (3, 1))
    >>> truth = TrackedBoxes(np.arange(3), np.full(3, 7), places)
    >>> people_of_tracks(truth, TrackedBoxes(np.arange(3), np.array([1, 1, 2]), places))
    {1: 7, 2: 7}
    """
    of_boxes, people = true_identities(truth, result), {}
    for track in np.unique(result.identities):
        persons, counts = np.unique(of_boxes[result.identities == track], return_counts=True)
        best = int(counts.argmax())
        people[int(track)] = int(persons[best]) if counts[best] > _MOST * counts.sum() else NOBODY
    return people


@dataclass(frozen=True)
class LabeledTrack:
    """A track of a gallery: of which camera, of which person (`NOBODY`: of none, or of several), and its feature."""

    camera: int
    person: int
    feature: Float[np.ndarray, " feature"]


@dataclass(frozen=True)
class Query:
    """A picture of a person: the camera, the person, the track that it was cut from, and its feature."""

    camera: int
    person: int
    track: int
    feature: Float[np.ndarray, " feature"]


def rank_one(queries: Sequence[Query], tracks: Sequence[LabeledTrack]) -> tuple[int, int]:
    """How many queries have a track of their person as the most similar one (cosine), and how many queries count.

    With several cameras the tracks of the query's own do not take part, as in Market-1501; with one camera only the
    query's own track does not. A query whose person has no track left does not count. `Query.track` is a position in
    `tracks`.
    """
    several = len({track.camera for track in tracks}) > 1
    features = np.stack([track.feature for track in tracks])
    features = features / np.linalg.norm(features, axis=1, keepdims=True)
    persons, cameras = (np.array([getattr(track, name) for track in tracks]) for name in ("person", "camera"))
    right, counted = 0, 0
    for query in queries:
        takes_part = cameras != query.camera if several else np.arange(len(tracks)) != query.track
        if not (takes_part & (persons == query.person)).any():
            continue
        similarity = np.where(takes_part, features @ query.feature, -np.inf)
        right, counted = right + int(persons[similarity.argmax()] == query.person), counted + 1
    return right, counted
