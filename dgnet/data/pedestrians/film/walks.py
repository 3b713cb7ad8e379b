"""Who walks where and when: people cross the scene of a camera, stop, leave, and come back there or elsewhere."""

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dgnet.data.pedestrians.film.camera import FilmCamera
from dgnet.data.pedestrians.random_choices import FILM_WALK, Draws

_OUTSIDE = 0.9  # meters beyond the border of the picture where walks begin and end
_STEP = 0.1  # seconds
_TRIALS = 30


@dataclass(frozen=True)
class Step:
    """A moment of a walk: where, which way, and how fast (meters, seconds); `walked`: meters since its beginning."""

    x: float
    z: float
    toward_x: float
    toward_z: float
    speed: float
    walked: float


@dataclass(frozen=True)
class Walk:
    """One way of a person through the scene of a camera.

    Attributes:
        person, camera: numbers, from 1.
        begin, end: seconds.
        start, goal: x and z in meters; the way between them bends to the side by `bend`.
        speed: meters a second.
        stop: seconds, after `stop_at` of the way (0 to 1).
    """

    person: int
    camera: int
    begin: float
    start: tuple[float, float]
    goal: tuple[float, float]
    bend: float
    speed: float
    stop: float
    stop_at: float

    @property
    def length(self) -> float:
        """Meters from start to goal, the bend left aside."""
        return math.hypot(self.goal[0] - self.start[0], self.goal[1] - self.start[1])

    @property
    def end(self) -> float:
        """Seconds."""
        return self.begin + self.length / self.speed + self.stop

    def at(self, time: float) -> Step | None:
        """Where the person is; None before and after the walk."""
        if not self.begin <= time < self.end:
            return None
        seconds, before = time - self.begin, self.stop_at * self.length / self.speed
        speed = self.speed
        if self.stop and before < seconds:
            left = before + self.stop - seconds
            speed = self.speed if left < 0 else 0.0
            seconds = max(before, seconds - self.stop)
        walked = seconds * self.speed
        part = walked / self.length
        across, away = self.goal[0] - self.start[0], self.goal[1] - self.start[1]
        side = self.bend * math.sin(2 * math.pi * part)
        turn = self.bend * 2 * math.pi * math.cos(2 * math.pi * part)
        return Step(
            x=self.start[0] + across * part,
            z=self.start[1] + away * part + side,
            toward_x=across,
            toward_z=away + turn,
            speed=speed,
            walked=walked,
        )


class Walks:
    """All walks of a set of films, by camera and time."""

    def __init__(self, walks: Sequence[Walk]) -> None:
        self._of: dict[int, list[Walk]] = {}
        for walk in sorted(walks, key=lambda one: (one.camera, one.begin, one.person)):
            self._of.setdefault(walk.camera, []).append(walk)
        self._begins = {camera: [walk.begin for walk in some] for camera, some in self._of.items()}

    def of(self, camera: int) -> Sequence[Walk]:
        """The walks of a camera, in the order of their beginnings."""
        return self._of.get(camera, [])

    def at(self, camera: int, time: float) -> list[tuple[Walk, Step]]:
        """Who is in the scene of a camera, and where."""
        begun = self.of(camera)[: bisect_right(self._begins.get(camera, []), time)]
        steps = ((walk, walk.at(time)) for walk in begun)
        return [(walk, step) for walk, step in steps if step is not None]


def draw_walks(
    seed: int, people: int, seconds: float, cameras: Mapping[int, FilmCamera], obstacles: Mapping[int, Sequence[tuple]]
) -> Walks:
    """The walks of `people` in films of so many seconds.

    Everybody appears in one camera after the other, and often comes back to the same. Every fourth person walks with
    the one before.

    Args:
        cameras: number -> camera.
        obstacles: number of a camera -> `(x, z, radius)` of what stands in its scene, in meters: nobody walks into it.
    """
    walks: list[Walk] = []
    for person in range(1, people + 1):
        draws = Draws(seed, FILM_WALK, person)
        if person % 4 == 0:
            walks += [_beside(walk, person) for walk in walks if walk.person == person - 1]
            continue
        time, place = draws.uniform(-7.0, 5.0), person % len(cameras)
        while time < seconds:
            number = sorted(cameras)[place]
            walk = _walk(draws, person, time, cameras[number], obstacles.get(number, ()))
            walks.append(walk)
            if draws.chance(0.6):
                time, place = walk.end + draws.uniform(3.0, 7.0), (place + 1) % len(cameras)
            else:
                time = walk.end + draws.uniform(1.5, 5.0)
    return Walks(walks)


def _walk(draws: Draws, person: int, time: float, camera: FilmCamera, obstacles: Sequence[tuple]) -> Walk:
    """A way from one side to the other that leads past the obstacles: the last one tried where none does."""
    for _ in range(_TRIALS):
        start = draws.uniform(camera.near, camera.far)
        goal = min(camera.far, max(camera.near, start + draws.bell(0.0, 4.5)))
        side = draws.one_of((-1, 1))
        turns_back = draws.chance(0.12)
        walk = Walk(
            person=person,
            camera=camera.number,
            begin=time,
            start=(side * (camera.edge(start) + _OUTSIDE), start),
            goal=((side if turns_back and abs(goal - start) > 2.0 else -side) * (camera.edge(goal) + _OUTSIDE), goal),
            bend=draws.bell(0.0, 0.5),
            speed=draws.bell(1.4, 0.35),
            stop=draws.uniform(1.5, 3.5) if draws.chance(0.3) else 0.0,
            stop_at=draws.uniform(0.3, 0.7),
        )
        if all(_clear(walk, *obstacle) for obstacle in obstacles):
            break
    return walk


def _clear(walk: Walk, x: float, z: float, radius: float) -> bool:
    moments = range(int((walk.end - walk.begin) / _STEP))
    steps = [step for step in (walk.at(walk.begin + _STEP * moment) for moment in moments) if step is not None]
    return all(math.hypot(step.x - x, step.z - z) > radius + 0.35 for step in steps)


def _beside(walk: Walk, person: int) -> Walk:
    """The walk of who walks at another's side, half a step behind and half a meter farther away."""
    across, away = walk.goal[0] - walk.start[0], walk.goal[1] - walk.start[1]
    aside = (-0.25 * across / walk.length, -0.25 * away / walk.length + 0.6)
    return Walk(
        person=person,
        camera=walk.camera,
        begin=walk.begin,
        start=(walk.start[0] + aside[0], walk.start[1] + aside[1]),
        goal=(walk.goal[0] + aside[0], walk.goal[1] + aside[1]),
        bend=walk.bend,
        speed=walk.speed,
        stop=walk.stop,
        stop_at=walk.stop_at,
    )
