"""Boxes become tracks, tracks become people: on scenes whose answer is plain to see."""

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dgnet.core.errors import UserError
from dgnet.video.box_files import mot_line
from dgnet.video.boxes import Boxes, boxes_of
from dgnet.video.claim import claim_source
from dgnet.video.gallery import BOXES, COLUMNS, read_gallery, read_table, write_table
from dgnet.video.joining import identities_of, join_tracks
from dgnet.video.linking import TrackerLinker, Unlinked, scores_are_probabilities
from dgnet.video.tracks import pooled_tracks
from tests.dgnet.video.films import place_of
from tests.messages import mentions

NOBODY = boxes_of(np.zeros((0, 4)))


def people_on(frame: int, scores: Sequence[float] = (0.9, 0.8), people: Sequence[int] = (2, 1)) -> Boxes:
    places = np.array([place_of(person, frame) for person in people], float)
    return boxes_of(places, np.array(scores[: len(people)]))


@pytest.mark.parametrize("kind", ["bytetrack", "ocsort"])
def test_two_people_are_two_tracks_and_boxes_stay_the_detector_s(kind: str) -> None:
    linker = TrackerLinker(kind)
    tracks = []
    for frame in range(8):
        boxes = people_on(frame)
        linked = linker.link(boxes, frame / 10)
        assert np.array_equal(linked.places, boxes.places) and np.array_equal(linked.scores, boxes.scores)
        tracks.append(linked.tracks.tolist())
    assert len({tuple(pair) for pair in tracks[4:]}) == 1 and set(tracks[-1]) == {1, 2}


@pytest.mark.parametrize(("seconds", "same"), [(0.5, True), (3.0, False)])
@pytest.mark.parametrize("rate", [5, 60])
def test_a_gap_is_in_seconds_whatever_the_rate(rate: int, seconds: float, same: bool) -> None:
    """Frames without boxes count: a person who was not seen for longer than the gap is another track."""
    linker = TrackerLinker("bytetrack", gap=1.5, rate=rate)
    times = [number / rate for number in range(round(seconds * rate) + 12)]
    seen = set(range(6)) | set(range(len(times) - 6, len(times)))
    one = people_on(0, people=(1,))
    linked = [linker.link(one if number in seen else NOBODY, time) for number, time in enumerate(times)]
    first, last = int(linked[1].tracks[0]), int(linked[-1].tracks[0])
    assert first > 0 and last > 0 and (first == last) == same


def test_a_tracker_is_told_the_usual_rate_of_the_film() -> None:
    def told(rate: float | int | None) -> float:
        return float(TrackerLinker("bytetrack", rate=rate)._tracker._frame_rate)

    assert [told(rate) for rate in (10.0, 25, None, 0.2, 1000.0)] == [10, 25, 30, 30, 30]


def test_scores_below_the_threshold_begin_no_track() -> None:
    def track(scores: tuple[float, float], **options: float) -> list[int]:
        linker = TrackerLinker("bytetrack", **options)
        return [linker.link(people_on(frame, scores), frame / 10) for frame in range(4)][-1].tracks.tolist()

    assert track((0.9, 0.5)) == [1, -1]
    assert -1 not in track((0.9, 0.5), begin_score=0.4)
    assert -1 not in track((0.2, 0.1), ignore_scores=True)
    assert -1 not in track((np.nan, np.nan))


def test_times_that_do_not_grow_end_no_tracking() -> None:
    linker = TrackerLinker("bytetrack")
    times = [0.0, 0.1, 0.2, 0.2, 0.05, 0.1, 0.2]
    tracks = [linker.link(people_on(frame), time).tracks.tolist() for frame, time in enumerate(times)]
    assert sorted(tracks[-1]) == [1, 2]


def test_what_cannot_be_linked_is_named() -> None:
    with pytest.raises(UserError, match=mentions("bytetrack", "ocsort", "sort")):
        TrackerLinker("sort")
    with pytest.raises(UserError, match="--frame-rate"):
        TrackerLinker("bytetrack").link(people_on(0), None)


def test_every_box_alone() -> None:
    linker = Unlinked()
    assert [linker.link(people_on(frame), None).tracks.tolist() for frame in range(2)] == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("scores", "right"),
    [([0.9, 0.4], True), ([1, 1], False), ([0.5, -0.1], False), ([np.nan, 0.4], False), ([], False)],
)
def test_scores_that_are_probabilities(scores: list[float], right: bool) -> None:
    assert scores_are_probabilities(np.array(scores, float)) == right


def test_identities_against_all_partitions() -> None:
    """Every pair of an identity is similar and none is apart; no two identities could be one."""
    draws = np.random.default_rng(0)
    for _ in range(30):
        features = draws.normal(size=(9, 3))
        features /= np.linalg.norm(features, axis=1, keepdims=True)
        apart = np.triu(draws.random((9, 9)) < 0.15, 1)
        apart = apart | apart.T
        threshold = float(draws.uniform(-0.5, 0.9))
        identities = identities_of(features, apart, threshold)
        alike = (features @ features.T >= threshold) & ~apart
        groups = {number: [place for place in range(9) if identities[place] == number] for number in identities}
        assert all(alike[one, other] for group in groups.values() for one, other in combinations(group, 2))
        assert not any(
            all(alike[one, other] for one in group for other in others)
            for group, others in combinations(groups.values(), 2)
        )
        assert list(dict.fromkeys(identities)) == list(range(1, len(groups) + 1))


def write_gallery(folder: Path, tracks: dict[tuple[str, int], tuple[tuple[int, int, int], Sequence[int]]]) -> Path:
    """(source, track) -> its color and the frames it is on."""
    rows = []
    for identity, ((source, track), (color, frames)) in enumerate(tracks.items(), 1):
        for frame in frames:
            path = f"{source}/{track}/{frame}.png"
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (4, 8), color).save(folder / path)
            values = (path, identity, 1, source, track, frame, frame / 10, 0, 0, 4, 8, 0.9, 1)
            rows.append(dict(zip(COLUMNS, values, strict=True)))
    write_table(folder, rows)
    for name in {source for source, _ in tracks}:
        of_source = [
            (frame, track) for (source, track), (_, frames) in tracks.items() for frame in frames if source == name
        ]
        place = np.array([0.0, 0, 4, 8])
        (folder / name / BOXES).write_text("".join(mot_line(*pair, place, 0.9) for pair in of_source))
    return folder


def colors(files: Sequence[Path]) -> np.ndarray:
    """A model of people who wear one color."""
    return np.stack([np.asarray(Image.open(file), np.float32).mean((0, 1)) for file in files])


RED, BLUE = (200, 0, 0), (0, 0, 200)


def test_tracks_of_a_person_are_joined_over_gaps_and_cameras(tmp_path: Path) -> None:
    gallery = write_gallery(
        tmp_path,
        {
            ("a", 1): (RED, range(5)),
            ("a", 2): (BLUE, range(5)),
            ("a", 3): (RED, range(20, 25)),
            ("b", 1): (BLUE, range(5)),
        },
    )
    before = [(row.path, row.place, row.time) for row in read_gallery(gallery)]
    assert join_tracks(gallery, colors, 0.9) == (4, 2)
    rows = list(read_gallery(gallery))
    assert [(row.path, row.place, row.time) for row in rows] == before
    assert {(row.source, row.track): row.identity for row in rows} == {
        ("a", 1): 1,
        ("a", 2): 2,
        ("a", 3): 1,
        ("b", 1): 2,
    }


def test_two_who_are_seen_at_once_are_two(tmp_path: Path) -> None:
    gallery = write_gallery(
        tmp_path, {("a", 1): (RED, range(5)), ("a", 2): (RED, range(4, 9)), ("b", 1): (RED, range(5))}
    )
    assert join_tracks(gallery, colors, 0.9) == (3, 2)
    identities = {(row.source, row.track): row.identity for row in read_gallery(gallery)}
    assert identities["a", 1] != identities["a", 2]
    assert {track.key for track in pooled_tracks(gallery, colors)} == set(identities)


def test_two_who_are_seen_at_once_are_two_although_no_frame_has_crops_of_both(tmp_path: Path) -> None:
    gallery = write_gallery(tmp_path, {("a", 1): (RED, range(5)), ("a", 2): (RED, range(2, 7))})
    some = [row for _, row in read_table(gallery) if int(row["frame"]) % 2 == int(row["track"]) % 2]
    write_table(gallery, some)
    assert join_tracks(gallery, colors, 0.9) == (2, 2)


def test_one_track_and_a_threshold_out_of_range(tmp_path: Path) -> None:
    gallery = write_gallery(tmp_path, {("a", 1): (RED, [0])})
    assert join_tracks(gallery, colors, 0.9) == (1, 1)
    with pytest.raises(UserError, match=mentions("threshold", 1.5)):
        join_tracks(gallery, colors, 1.5)
    # A calibration may have a threshold above every similarity.
    assert identities_of(np.array([[1.0, 0], [1.0, 0]]), np.zeros((2, 2), bool), 1 + 2**-20) == [1, 2]


def test_a_model_that_tells_no_tracks_apart_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    gallery = write_gallery(tmp_path, {("a", 1): (RED, [0]), ("b", 1): (BLUE, [0])})
    pooled_tracks(gallery, colors)
    assert "are the same" not in caplog.text
    pooled_tracks(gallery, lambda files: np.zeros((len(files), 2)))
    assert "the features of all 2 tracks of" in caplog.text


def test_nothing_is_added_while_tracks_are_joined(tmp_path: Path) -> None:
    """Tracks of a source that was added meanwhile had no identity, and the work failed at its end."""
    gallery = write_gallery(tmp_path, {("a", 1): (RED, [0])})

    def embed(files: Sequence[Path]) -> np.ndarray:
        with pytest.raises(UserError, match="another process"):
            claim_source(gallery, "b", {}, resume=False)
        return colors(files)

    assert join_tracks(gallery, embed, 0.9) == (1, 1)
    assert not (gallery / ".progress").exists()
