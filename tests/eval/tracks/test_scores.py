"""Scores of tracks: on cases that can be counted by hand, and on random ones against plain counting."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torchvision.ops import box_iou

from dgnet.core.errors import UserError
from eval.tracks.scores import TrackedBoxes, overlaps, track_scores, track_scores_over_films
from eval.tracks.true_identities import NOBODY, LabeledTrack, Query, people_of_tracks, rank_one, true_identities


def walk(identity: int, frames: range, left: float = 0.0) -> TrackedBoxes:
    """Somebody who stands at a place of their own."""
    count = len(frames)
    places = np.tile([[left, 10.0, 20.0, 60.0]], (count, 1))
    return TrackedBoxes(np.array(frames, np.int64), np.full(count, identity), places)


def together(*walks: TrackedBoxes) -> TrackedBoxes:
    return TrackedBoxes(
        *(np.concatenate([getattr(one, name) for one in walks]) for name in ("frames", "identities", "places"))
    )


TRUTH = together(walk(1, range(10)), walk(2, range(10), 100.0))


def test_switches_are_counted_after_an_absence_too() -> None:
    result = together(walk(5, range(4)), walk(6, range(6, 10)), walk(7, range(10), 100.0))
    scores = track_scores([TRUTH], [result])
    assert (scores.switches, scores.true_boxes) == (1, 20)
    assert scores.mota == pytest.approx(1 - (2 + 1) / 20)
    # The first person's better half is 4 of 10 boxes: 14 right, 4 false, 6 missed.
    assert scores.idf1 == pytest.approx(2 * 14 / (2 * 14 + 4 + 6))
    assert 0.7 < scores.hota < 0.9
    joined = track_scores([TRUTH], [replace(result, identities=np.where(result.identities == 6, 5, result.identities))])
    assert joined.switches == 0 and joined.idf1 == pytest.approx(2 * 18 / (2 * 18 + 2)) and joined.hota > scores.hota


def test_false_boxes_and_order() -> None:
    result = together(walk(7, range(10), 100.0), walk(5, range(10)), walk(9, range(5), 300.0))
    scores = track_scores([TRUTH], [result])
    assert scores.mota == pytest.approx(1 - 5 / 20) and scores.switches == 0
    shuffled = np.random.default_rng(0).permutation(len(result.frames))
    mixed = TrackedBoxes(result.frames[shuffled], result.identities[shuffled], result.places[shuffled])
    assert track_scores([TRUTH], [mixed]) == scores


def test_films_are_summed_and_identities_hold_over_films_where_asked() -> None:
    apart = [walk(1, range(10)), walk(2, range(10))]
    same = [walk(1, range(10)), walk(1, range(10))]
    assert track_scores([*same], apart).idf1 == 1
    assert track_scores_over_films(same, same).idf1 == 1
    assert track_scores_over_films(same, apart).idf1 == pytest.approx(0.5)
    assert track_scores_over_films(same, apart).switches == 1


def test_nobody_found_is_a_score_and_no_truth_is_refused() -> None:
    nobody = walk(1, range(0))
    assert track_scores([TRUTH], [nobody]).mota == 0
    with pytest.raises(UserError, match="truth"):
        track_scores([nobody], [TRUTH])
    with pytest.raises(UserError, match="1 and 2"):
        track_scores([TRUTH], [TRUTH, TRUTH])


def test_overlaps_are_those_of_torchvision() -> None:
    random = np.random.default_rng(0)
    one, other = (random.uniform(1, 50, (number, 4)) for number in (7, 5))
    corners = [torch.tensor(np.column_stack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]])) for boxes in (one, other)]
    assert overlaps(one, other) == pytest.approx(box_iou(*corners).numpy())


def test_a_track_is_the_person_of_most_of_its_boxes() -> None:
    result = together(
        walk(5, range(6)), walk(5, range(6, 10), 100.0), walk(6, range(2), 300.0), walk(8, range(2), 104.0)
    )
    assert people_of_tracks(TRUTH, result) == {5: 1, 6: NOBODY, 8: 2}
    assert true_identities(TRUTH, result).tolist() == [1] * 6 + [2] * 4 + [NOBODY] * 2 + [2] * 2


def _tracks(*labels: tuple[int, int, tuple[float, float]]) -> list[LabeledTrack]:
    return [LabeledTrack(camera, person, np.array(feature)) for camera, person, feature in labels]


def test_a_person_is_looked_for_by_the_other_cameras() -> None:
    tracks = _tracks((1, 1, (1, 0.0)), (2, 1, (5, 0.1)), (2, 2, (0.0, 1)), (1, 3, (1, 1.0)))
    queries = [
        Query(1, 1, 0, np.array([1.0, 0.0])),
        Query(2, 1, 1, np.array([0.6, 0.8])),  # the third person of camera 1 is nearer
        Query(1, 3, 3, np.array([1.0, 1.0])),  # nowhere else: does not count
    ]
    assert rank_one(queries, tracks) == (1, 2)


def test_in_a_single_film_only_the_own_track_takes_no_part() -> None:
    tracks = _tracks((1, 1, (1, 0.0)), (1, 1, (1, 0.2)), (1, 2, (0.0, 1)))
    assert rank_one([Query(1, 1, 0, np.array([1.0, 0.0])), Query(1, 2, 2, np.array([0.0, 1.0]))], tracks) == (1, 1)


def test_numbers_of_frames_may_be_large() -> None:
    """Memory grew with the number of the last frame, of which a file may have times in milliseconds."""
    places = np.tile([[10.0, 20, 30, 60]], (3, 1))
    near = TrackedBoxes(np.array([0, 1, 2]), np.ones(3, np.int64), places)
    far = TrackedBoxes(np.array([0, 10**9, 10**15]), np.ones(3, np.int64), places)
    split = np.array([1, 1, 2])
    of_far = track_scores([far], [TrackedBoxes(far.frames, split, places)])
    assert of_far == track_scores([near], [TrackedBoxes(near.frames, split, places)]) and of_far.switches == 1
