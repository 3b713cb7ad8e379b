"""Films of built-in pedestrians: who is where, who hides whom, and boxes with stated errors."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest

from dgnet.core.errors import UserError
from dgnet.data.pedestrians.film.boxes import MIN_VISIBLE, detected_boxes
from dgnet.data.pedestrians.film.camera import FilmCamera, film_camera
from dgnet.data.pedestrians.film.frames import FilmFrame, FilmScenes
from dgnet.data.pedestrians.film.spec import FilmSpec
from dgnet.data.pedestrians.film.sprite import Walker
from dgnet.data.pedestrians.film.walks import Step, draw_walks
from tests.tools.evaluation_tool import answer
from tools import make_synthetic

SMALL = FilmSpec(seed=3, people=5, seconds=1.0, frame_rate=3.0, height=96, width=160)
CAMERAS = {number: film_camera(0, number, 2, 360, 640) for number in (1, 2)}


@pytest.fixture(scope="module")
def frames() -> list[FilmFrame]:
    return list(FilmScenes(SMALL).frames(1))


def _step(x: float, z: float, toward_x: float = 1.0, toward_z: float = 0.0) -> Step:
    return Step(x, z, float(toward_x), float(toward_z), 1.4, 0.0)


@pytest.mark.slow
def test_the_same_numbers_give_the_same_pictures(frames: list[FilmFrame]) -> None:
    again = list(FilmScenes(SMALL).frames(1))
    assert len(frames) == SMALL.frames == 3
    for first, second in zip(frames, again, strict=True):
        assert np.array_equal(first.picture, second.picture) and np.array_equal(first.places, second.places)
    other = next(FilmScenes(dataclasses.replace(SMALL, camera_seed=1)).frames(1))
    assert not np.array_equal(frames[0].picture, other.picture)


@pytest.mark.parametrize("point", [(0.0, 0.0, 8.0), (-2.5, 1.7, 9.0), (3.0, 0.4, 14.0)])
def test_a_point_lies_on_the_ray_of_its_pixel(point: tuple[float, float, float]) -> None:
    camera = CAMERAS[1]
    column, row = camera.project(*point)
    x, y, z = camera.rays(np.array([column]), np.array([row]))
    times = float(point[2] / z[0])
    assert (float(x[0]) * times, camera.stands + float(y[0]) * times) == pytest.approx(point[:2], abs=1e-9)


def test_who_is_farther_away_is_smaller_and_stands_higher() -> None:
    camera, walker = CAMERAS[1], Walker(0, 1)
    near, far = (walker.seen(camera, _step(0.0, z)) for z in (7.0, 14.0))
    heights = [np.flatnonzero((sprite.cover >= 0.5).any(axis=1)).size for sprite in (near, far)]
    assert heights[0] / heights[1] == pytest.approx(camera.depth(0.9, 14.0) / camera.depth(0.9, 7.0), rel=0.06)
    assert near.foot[1] > far.foot[1]
    # From head to foot as the camera projects a pole of this height.
    pole = camera.project(0.0, 0.0, 7.0)[1] - camera.project(0.0, walker.tall, 7.0)[1]
    assert heights[0] == pytest.approx(pole, rel=0.08)


@pytest.mark.parametrize(
    ("toward", "yaw"), [((0, -1), 0.0), ((1, 0), math.pi / 2), ((0, 1), math.pi), ((-1, 0), 1.5 * math.pi)]
)
def test_people_look_where_they_go(toward: tuple[float, float], yaw: float) -> None:
    structure = Walker(0, 1).structure(CAMERAS[1], _step(0.0, 8.0, *toward))
    assert math.cos(structure.yaw - yaw) == pytest.approx(1.0)


@pytest.mark.slow
def test_the_nearer_person_hides_the_farther(monkeypatch: pytest.MonkeyPatch) -> None:
    scenes = FilmScenes(SMALL)

    class Two:
        def at(self, camera: int, time: float) -> list:
            walk = dataclasses.make_dataclass("Walk", ["person"])
            return [(walk(1), _step(0.0, 8.0)), (walk(2), _step(0.0, 12.0)), (walk(3), _step(40.0, 12.0))]

    monkeypatch.setattr(scenes, "walks", Two())
    frame = next(scenes.frames(2))
    assert frame.people.tolist() == [1, 2]  # the third is outside
    near, far = frame.places
    assert frame.visible[0] > 0.99 and frame.visible[1] < 0.6
    assert near[3] > far[3] and near[1] + near[3] > far[1] + far[3]


def test_people_leave_come_back_and_meet_in_another_camera() -> None:
    walks = draw_walks(0, 12, 40.0, CAMERAS, {})
    ways = {person: [] for person in range(1, 13)}
    for number in CAMERAS:
        for walk in walks.of(number):
            ways[walk.person].append((walk.begin, walk.end, number))
    for person, visits in ways.items():
        visits.sort()
        assert all(before[1] < after[0] for before, after in zip(visits, visits[1:], strict=False)), person
    assert sum({1, 2} == {number for *_, number in visits} for visits in ways.values()) >= 10
    again = [sum(visit[2] == number for visit in visits) for visits in ways.values() for number in CAMERAS]
    assert sum(count > 1 for count in again) >= 5
    crossings = sum(len(walks.at(number, float(time))) > 2 for number in CAMERAS for time in range(40))
    assert crossings > 20


@pytest.mark.slow
def test_walks_lead_past_what_stands_there() -> None:
    camera: FilmCamera = CAMERAS[1]
    obstacle = (0.0, 0.5 * (camera.near + camera.far), 0.5)
    walks = draw_walks(1, 9, 30.0, {1: camera}, {1: [obstacle]})
    moments = [step for time in range(150) for _, step in walks.at(1, time / 5)]
    nearest = min(math.hypot(step.x - obstacle[0], step.z - obstacle[1]) for step in moments)
    assert nearest > 0.5


@pytest.mark.slow
def test_boxes_have_the_stated_errors() -> None:
    count = 40  # boxes of each of 25 frames
    places = np.tile([[100.0, 50.0, 20.0, 60.0]], (count, 1))
    frame = FilmFrame(np.zeros((96, 160, 3), np.uint8), np.arange(count), places, np.full(count, 0.8))
    spec = dataclasses.replace(SMALL, jitter=0.05, missed=0.2, invented=0.1)
    found = [detected_boxes(frame, number, 1, spec) for number in range(25)]
    right = [one.places[np.abs(one.places[:, 0] - 100) < 3.1] for one in found]
    # 1000 boxes: three standard deviations of a share of 0.2 are 0.038.
    assert sum(map(len, right)) / 1000 == pytest.approx(0.8, abs=0.04)
    invented = sum(len(one.places) for one in found) - sum(map(len, right))
    assert invented / 1000 == pytest.approx(0.1, abs=0.03)
    assert np.concatenate(right)[:, 0].std() == pytest.approx(0.05 * 20, rel=0.1)
    assert np.concatenate(right)[:, 1].std() == pytest.approx(0.05 * 60, rel=0.1)
    assert all(((one.scores >= 0.3) & (one.scores <= 1)).all() for one in found)
    assert np.array_equal(found[7].places, detected_boxes(frame, 7, 1, spec).places)


def test_without_errors_the_boxes_are_the_true_ones_that_can_be_seen() -> None:
    places = np.array([[10.0, 20, 30, 60], [50.0, 20, 30, 60]])
    visible = np.array([MIN_VISIBLE + 0.01, MIN_VISIBLE - 0.01])
    frame = FilmFrame(np.zeros((96, 160, 3), np.uint8), np.array([1, 2]), places, visible)
    found = detected_boxes(frame, 0, 1, dataclasses.replace(SMALL, jitter=0.0, missed=0.0, invented=0.0))
    assert found.places.tolist() == places[:1].tolist()


@pytest.mark.parametrize(
    ("name", "value"),
    [("people", 0), ("cameras", 0), ("height", 95), ("width", 161), ("missed", 1.5), ("seconds", 0.0)],
)
def test_impossible_films_are_refused(name: str, value: float) -> None:
    with pytest.raises(UserError, match=name):
        FilmScenes(dataclasses.replace(SMALL, **{name: value}))


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("films", "--video", "--junk", "3"), "--junk"),
        (("set", "--people", "3"), "--people"),
        (("--video",), "output folder"),
        (("films", "--video", "--missed", "1"), "missed"),
        (("films", "--video", "--height", "97"), "height"),
    ],
)
def test_the_tool_refuses(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
    named: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    status, _, said = answer(make_synthetic, monkeypatch, capsys, *options)
    assert (status, said.count("\n")) == (2, 1) and named in said
    assert list(tmp_path.iterdir()) == []
