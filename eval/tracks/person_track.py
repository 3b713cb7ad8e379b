"""Tracks of people as evaluations see them: where and when, and a feature."""

from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

Lane = tuple[int, str]  # camera, source


@runtime_checkable
class PersonTrack(Protocol):
    """A track of one person; `dgnet.video.tracks.Track` is one."""

    @property
    def source(self) -> str:
        """The film."""

    @property
    def track(self) -> int:
        """Its number within the source."""

    @property
    def camera(self) -> int:
        """The camera of the source."""

    @property
    def identity(self) -> int:
        """The number of its person in the gallery."""

    @property
    def feature(self) -> Float[np.ndarray, " feature"]:
        """Of unit length."""

    @property
    def first(self) -> int:
        """Its first frame."""

    @property
    def last(self) -> int:
        """Its last frame."""

    @property
    def begin(self) -> float | None:
        """Seconds from the beginning of the source to its first crop; None without a clock."""

    @property
    def end(self) -> float | None:
        """Likewise to its last crop."""

    @property
    def best(self) -> Path:
        """The file of the crop that shows the person best."""


def lane_of(track: PersonTrack) -> Lane:
    """Camera and source of a track."""
    return track.camera, track.source


def place_of(lane: Lane) -> str:
    """Camera and source in words.

    >>> place_of((2, "hall"))
    'camera 2 (hall)'
    """
    return f"camera {lane[0]} ({lane[1]})"


def is_timed(track: PersonTrack) -> bool:
    """Whether the source of a track has a clock."""
    return track.begin is not None and track.end is not None


def span_of(track: PersonTrack) -> tuple[float | int, float | int]:
    """Begin and end of a track in seconds; its first and last frame where the source has no clock."""
    if track.begin is None or track.end is None:
        return track.first, track.last
    return track.begin, track.end
