"""The numbers that describe a set of films."""

from dataclasses import asdict, dataclass

from dgnet.core.errors import UserError

_LEAST = {"people": 1, "cameras": 1, "height": 96, "width": 128}
_MOST = {"people": 200, "cameras": 20, "height": 2160, "width": 3840}


@dataclass(frozen=True)
class FilmSpec:
    """A set of films: the same people in each camera's film.

    Attributes:
        seed: draws the people, their walks and the errors of the boxes.
        camera_seed: draws the cameras: another number is another place.
        people, cameras: how many.
        seconds: length of each film.
        frame_rate: pictures a second.
        height, width: of a picture, in pixels; even numbers, as codecs want.
        jitter: standard deviation of each edge of a degraded box, as a share of the box's width or height.
        missed: share of the true boxes that are left out.
        invented: boxes of nobody, as a share of the true boxes.
    """

    seed: int = 0
    camera_seed: int = 0
    people: int = 12
    cameras: int = 2
    seconds: float = 30.0
    frame_rate: float = 10.0
    height: int = 360
    width: int = 640
    jitter: float = 0.04
    missed: float = 0.1
    invented: float = 0.1

    @property
    def frames(self) -> int:
        """Pictures of each film."""
        return max(1, round(self.seconds * self.frame_rate))

    def check(self) -> None:
        """Raise UserError for a number that no films can have."""
        for name, value in asdict(self).items():
            if isinstance(getattr(FilmSpec, name), float):
                most = {"seconds": 3600.0, "frame_rate": 120.0, "jitter": 0.5}.get(name, 0.9)
                least = 0.1 if name == "seconds" else 1.0 if name == "frame_rate" else 0.0
                if not least <= value <= most:
                    raise UserError(f"{name} must be a number from {least:g} to {most:g}, got {value!r}")
            elif not isinstance(value, int) or not _LEAST.get(name, 0) <= value <= _MOST.get(name, value):
                allowed = f"at least {_LEAST.get(name, 0)}" + (f" and at most {_MOST[name]}" if name in _MOST else "")
                raise UserError(f"{name} must be a whole number of {allowed}, got {value!r}")
        for name in ("height", "width"):
            if getattr(self, name) % 2:
                raise UserError(f"{name} of a film must be an even number of pixels, got {getattr(self, name)}")
