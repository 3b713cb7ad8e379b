"""Appearance in linking: people who meet keep their tracks, on scenes whose answer is plain to see."""

from collections.abc import Sequence
from types import SimpleNamespace

import numpy as np
import pytest

from dgnet.video.appearance import Appearance, AppearanceOverlap, EmbedCrops
from dgnet.video.boxes import Boxes, boxes_of
from dgnet.video.linking import TrackerLinker

RED, BLUE, GREEN = (200, 30, 30), (30, 30, 200), (30, 200, 30)
Person = tuple[float, float, tuple[int, int, int]]  # left, top, color


def mean_colors(crops: Sequence[np.ndarray]) -> np.ndarray:
    return np.stack([crop.reshape(-1, 3).mean(0) for crop in crops])


class Known(Appearance):
    """Features that are there already."""

    def __init__(self, features: np.ndarray, visible: np.ndarray) -> None:
        self.visible, self._known = visible, dict(enumerate(features))


class CountingColors:
    def __init__(self) -> None:
        self.crops = 0

    def __call__(self, crops: Sequence[np.ndarray]) -> np.ndarray:
        self.crops += len(crops)
        return mean_colors(crops)


def boxes_and_appearance(people: Sequence[Person], embed: EmbedCrops = mean_colors) -> tuple[Boxes, Appearance]:
    """People of 20 x 60 pixels; those whose box ends lower hide the others."""
    picture = np.zeros((120, 200, 3), np.uint8)
    for left, top, color in sorted(people, key=lambda person: person[1]):
        picture[round(top) : round(top) + 60, round(left) : round(left) + 20] = color
    boxes = boxes_of(np.array([(left, top, 20.0, 60.0) for left, top, _ in people]))
    return boxes, Appearance(picture, boxes, embed)


def linked(
    frames: Sequence[Sequence[Person]], kind: str, by_appearance: bool, embed: EmbedCrops = mean_colors
) -> list[list[int]]:
    linker = TrackerLinker(kind, similarity=0.7 if by_appearance else None)
    tracks = []
    for number, people in enumerate(frames):
        boxes, appearance = boxes_and_appearance(people, embed)
        tracks.append(linker.link(boxes, number / 10, appearance).tracks.tolist())
    return tracks


def turn_back(frames: int = 30) -> list[list[Person]]:
    """Two people walk towards each other, meet on the middle frame and turn back."""
    way = [4.0 * min(number, frames - 1 - number) for number in range(frames)]
    return [[(20 + x, 20, RED), (134 - x, 24, BLUE)] for x in way]


@pytest.mark.parametrize("kind", ["bytetrack", "ocsort"])
def test_people_who_turn_back_keep_their_tracks(kind: str) -> None:
    """Motion alone says that they pass each other."""
    tracks = linked(turn_back(), kind, True)
    assert tracks[-1] == tracks[5] and -1 not in tracks[5]
    moved = linked(turn_back(), kind, False)
    assert moved[-1] != moved[5]


def test_somebody_else_near_the_place_of_a_lost_person_is_another_track() -> None:
    def frames(later: tuple[int, int, int]) -> list[list[Person]]:
        alone: list[Person] = [(60, 20, RED)]
        other: list[Person] = [(150, 20, BLUE)]
        return [alone] * 6 + [other] * 3 + [[(68, 20, later), *other]] * 4

    for later, same in ((GREEN, False), (RED, True)):
        tracks = linked(frames(later), "bytetrack", True)
        assert tracks[-1][0] > 0 and (tracks[-1][0] == tracks[5][0]) == same
    tracks = linked(frames(GREEN), "bytetrack", False)
    assert tracks[-1][0] == tracks[5][0]


def test_somebody_else_who_comes_into_the_place_at_once_is_another_track() -> None:
    """The track of a person who was hidden by another went on with the other."""
    other: list[Person] = [(150, 20, BLUE)]

    def frames(later: tuple[int, int, int]) -> list[list[Person]]:
        return [[(60, 20, RED), *other]] * 6 + [[(68, 20, later), *other]] * 4

    for later, same in ((GREEN, False), (RED, True)):
        tracks = linked(frames(later), "bytetrack", True)
        assert tracks[-1][0] > 0 and (tracks[-1][0] == tracks[5][0]) == same


def test_nobody_is_looked_at_more_often_than_needed() -> None:
    """Alone, every third frame of ten a second; once on each frame where two are near."""
    embed = CountingColors()
    linked([[(60 + number, 20, RED)] for number in range(21)], "bytetrack", True, embed)
    assert 6 <= embed.crops <= 8
    embed = CountingColors()
    linked([[(60, 20, RED), (68, 24, BLUE)]] * 20, "bytetrack", True, embed)
    assert 2 * 17 <= embed.crops <= 2 * 20


def overlap(tracks: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """By the first column alone."""
    return np.clip(1 - np.abs(tracks[:, None, 0] - boxes[None, :, 0]) / 20, 0, 1)


def test_overlap_and_looks_against_a_plain_loop() -> None:
    """overlap + 2 * visible * (cosine - similarity), where there is a choice, overlaps under half, or a lost track."""
    draws = np.random.default_rng(0)
    visible = np.array([1.0, 0.3, 0.6, 0.9, 0.8])
    corners = np.array([[left, 0, left + 20, 60] for left in (0.0, 6.0, 50.0, 100.0, 200.0)])
    features = draws.normal(size=(5, 5))
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    shown = Known(features, visible)
    lefts, lost = [2.0, 9.0, 52.0, 103.0, 212.0, 60.0], [1, 1, 1, 2, 1, 1]
    states = [np.array([left, 0, left + 20, 60]) for left in lefts]
    tracks = [
        SimpleNamespace(tracker_id=number, time_since_update=since, get_state_bbox=lambda state=state: state)
        for number, (state, since) in enumerate(zip(states, lost, strict=True))
    ]
    tracker, rule = SimpleNamespace(tracks=tracks), AppearanceOverlap(overlap, 0.25)
    rule.begin_frame(tracker, corners, shown)
    rule.end_frame([0, 1, 2, 3, 4], 0.0)  # what boxes 0 to 4 look like is known of tracks 0 to 4, and nothing of 5
    order, some = [3, 0, 5, 1, 4, 2], [2, 0, 3, 4, 1]
    result = rule.compute(np.array(states)[order], corners[some])
    plain = overlap(np.array(states), corners)
    for row, track in enumerate(order):
        for column, box in enumerate(some):
            choice = (plain[track] >= 0.1).sum() > 1 or (plain[:, box] >= 0.1).sum() > 1 or lost[track] > 1
            expected = plain[track, box]
            choice |= expected < 0.5
            if track != 5 and choice and expected >= 0.1:
                expected += 2 * visible[box] * (features[track] @ features[box] - 0.25)
            assert result[row, column] == pytest.approx(expected)
    rule.begin_frame(tracker, corners, None)
    assert np.allclose(rule.compute(np.array(states), corners), plain)


def test_what_a_track_looked_like_fades_and_is_forgotten() -> None:
    track = SimpleNamespace(tracker_id=7, time_since_update=2, get_state_bbox=lambda: np.array([0.0, 0, 20, 60]))
    tracker, rule = SimpleNamespace(tracks=[track]), AppearanceOverlap(overlap, 0.0)
    corners = np.array([[0.0, 0, 20, 60]])

    def looks_like(feature: np.ndarray, visible: float = 1.0) -> Known:
        return Known(feature[None], np.array([visible]))

    for time, feature, visible in ((0.0, np.array([1.0, 0]), 1.0), (0.2, np.array([0.0, 1]), 0.8)):
        rule.begin_frame(tracker, corners, looks_like(feature, visible))
        rule.end_frame([7], time)
    memory = np.exp(-0.2) * np.array([1.0, 0]) + (1 - np.exp(-0.2)) * 0.8 * np.array([0.0, 1])
    rule.begin_frame(tracker, corners, looks_like(np.array([1.0, 0])))
    cosine = memory[0] / np.linalg.norm(memory)
    assert rule.compute(corners, corners)[0, 0] == pytest.approx(1 + 2 * cosine)
    tracker.tracks = []
    rule.begin_frame(tracker, corners, None)
    rule.end_frame([-1], 0.3)
    tracker.tracks = [track]
    rule.begin_frame(tracker, corners, looks_like(np.array([1.0, 0])))
    assert rule.compute(corners, corners)[0, 0] == 1


def test_a_track_does_not_come_to_look_like_who_hides_it() -> None:
    """The crop of a hidden person shows the one in front: the tracks of two who walk side by side changed over."""
    track = SimpleNamespace(tracker_id=7, time_since_update=2, get_state_bbox=lambda: np.array([0.0, 0, 20, 60]))
    tracker, rule = SimpleNamespace(tracks=[track]), AppearanceOverlap(overlap, 0.0)
    corners, own, front = np.array([[0.0, 0, 20, 60]]), np.array([1.0, 0]), np.array([0.0, 1])

    def cosine_after(shown: Sequence[tuple[np.ndarray, float]]) -> float:
        for number, (feature, visible) in enumerate(shown):
            rule.begin_frame(tracker, corners, Known(feature[None], np.array([visible])))
            rule.end_frame([7], number / 2)
        rule.begin_frame(tracker, corners, Known(own[None], np.array([1.0])))
        return float(rule.compute(corners, corners)[0, 0] - 1) / 2

    assert cosine_after([(own, 1.0), *[(front, 0.4)] * 20]) == pytest.approx(1)
    assert cosine_after([(front, 0.6)] * 20) < 0.1
    # A track that began hidden looks like its first box until more of it is seen.
    tracker.tracks = []
    rule.end_frame([-1], 20.0)
    tracker.tracks = [track]
    assert cosine_after([(front, 0.3)]) == pytest.approx(0)
    assert cosine_after([(front, 0.3), *[(own, 1.0)] * 20]) > 0.9


def test_features_have_unit_length_and_are_computed_once() -> None:
    embed = CountingColors()
    _, appearance = boxes_and_appearance([(10, 20, RED), (500, 20, BLUE), (40, 20, GREEN)], embed)
    assert not appearance.knows(0)
    first = appearance.features([0, 1])
    assert set(first) == {0} and first[0] == pytest.approx(np.array(RED) / np.linalg.norm(RED))
    assert set(appearance.features([2, 0])) == {0, 2} and embed.crops == 2
    assert appearance.features([1]) == {} and appearance.visible.tolist() == [1, 0, 1]
