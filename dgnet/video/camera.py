"""A camera's stream, reopened where it breaks off."""

import time
from collections.abc import Iterator
from dataclasses import replace

from dgnet.core.errors import UserError
from dgnet.video.film import Film
from dgnet.video.frames import Frame


class Camera:
    """The stream at an address (`rtsp://...`). One that breaks off is opened again, `attempts` times in a row with a
    pause before each, and ends then with what was seen.

    `Frame.time` counts from the first frame; after a break it goes on by the computer's clock. `UserError` where the
    stream cannot be opened at all.
    """

    def __init__(self, place: str, *, attempts: int = 5, pause: float | int = 2.0) -> None:
        film = Film(place)
        self.place, self.name, self._rate = place, film.name, film.rate()
        self._attempts, self._pause = attempts, pause
        self._breaks, self._count = 0, 0

    def rate(self) -> float | None:
        """The header's average."""
        return self._rate

    def expected(self) -> int | None:
        """Unknown: a camera goes on."""
        return None

    def frames(self) -> Iterator[Frame]:
        """The frames from now on."""
        begun, latest = time.monotonic(), 0.0
        self._breaks, self._count, failures = 0, 0, 0
        while True:
            # No time comes twice, whatever the clocks say.
            offset = max(time.monotonic() - begun, latest + 1e-3) if self._count else 0.0
            try:
                for frame in Film(self.place).frames():
                    failures = 0
                    seconds = None if frame.time is None else offset + frame.time
                    latest = latest if seconds is None else max(latest, seconds)
                    yield replace(frame, index=self._count, time=seconds)
                    self._count += 1
            except UserError:
                if not self._count:
                    raise
            failures += 1
            if failures > self._attempts:
                return
            self._breaks += 1
            time.sleep(self._pause)

    def remarks(self) -> list[str]:
        """How often it broke off."""
        return [f"{self.place}: broke off, and was asked for again {self._breaks} times"] if self._breaks else []
