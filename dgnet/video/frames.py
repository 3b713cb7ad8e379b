"""One frame of a source, and what every source of frames can do."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import UInt8

Picture = UInt8[np.ndarray, "height width 3"]


@dataclass(frozen=True)
class Frame:
    """A frame, whose picture is made when it is asked for.

    Attributes:
        index: counted from 0 over what decodes.
        time: seconds since the beginning of the source, by its own clock; None where it has none.
        read: the picture, upright RGB; None where the frame is damaged.
    """

    index: int
    time: float | None
    read: Callable[[], Picture | None]


@runtime_checkable
class Source(Protocol):
    """Frames of a film, a folder or a camera: `frames()` gives each once, in order.

    Attributes:
        name: what it is called in a gallery.
        place: where it is, as the user wrote it.
    """

    name: str
    place: str

    def frames(self) -> Iterator[Frame]:
        """The frames from the first on. `UserError` where there is none."""

    def rate(self) -> float | None:
        """Frames a second as a rule: for a tracker, never for a time."""

    def expected(self) -> int | None:
        """How many frames there should be: for a progress bar, as headers are wrong at times."""

    def remarks(self) -> list[str]:
        """What was wrong with the frames so far, a sentence each."""
