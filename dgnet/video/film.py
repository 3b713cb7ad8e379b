"""A film decoded by PyAV: upright frames with the times of the container, one at a time."""

import importlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from dgnet.core.errors import UserError
from dgnet.video.frames import Frame, Picture

# What ffmpeg reads as a film and is none: still pictures (image2, png_pipe, ...) and text.
_NO_FILMS = ("image2", "_pipe", "tty")

Matrix = tuple[int, int, int, int]  # a, b, c, d of `rotated`
_AS_STORED: Matrix = (1, 0, 0, 1)
_SMALL = 16  # pixels
_FROM_ZERO = "matroska"
_TOLERANCE = 1.0  # seconds by which sound may be longer than the film
_SECONDS = 10.0  # that an address may take to answer


def require_av() -> Any:
    """The library PyAV. `UserError` where it is not installed."""
    try:
        return importlib.import_module("av")
    except ImportError as error:
        raise UserError("films are decoded by PyAV, which is not there: pip install av (the extra 'video')") from error


class Film:
    """A file that holds a film; its first stream of pictures is read.

    - The picture is turned and mirrored as the container says (phones film on their side).
    - `Frame.time` is the container's time of the frame since the stream began; None where the container has none. Where
      the container's times go back, as in two recordings in one file, they go on from the time before.
    - What does not decode is skipped and counted. A frame that the decoder calls corrupt is a frame, as other
      programs count it too, without a picture. A film that ends in the middle ends with its last frame.

    `endless` tells a camera's stream. `UserError` for what is no film: a still picture, a text, a file without
    pictures, a damaged file.

    Example:
        >>> film = Film("walk.mp4")  # doctest: +SKIP
        >>> [(frame.index, frame.time) for frame in film.frames()][:2]  # doctest: +SKIP
        [(0, 0.0), (1, 0.04)]
    """

    def __init__(self, place: str | Path) -> None:
        self.place = str(place)
        self.name = Path(place).stem
        self._undecodable, self._corrupt, self._decoded, self._ended_early, self._latest = 0, 0, 0, "", 0.0
        self._sizes: dict[tuple[int, int], int] = {}  # as stored, with the first frame of each
        self._backward: int | None = None  # the first frame whose time is before that of another
        self._matrices: dict[Matrix, int] = {}  # with the first frame of each
        self._av = require_av()
        with self._open() as container:
            stream = self._stream(container)
            self._header_frames = int(stream.frames) or None
            rate, duration = stream.average_rate, container.duration
            self._rate = float(rate) if rate else None
            # Matroska's duration counts from 0, and the film may begin later.
            before = container.start_time or 0 if _FROM_ZERO in container.format.name else 0
            self._seconds = (duration - before) / self._av.time_base if duration else None
            self._expected = self._header_frames
            self.endless = duration is None and "://" in self.place
            if self._expected is None and rate and self._seconds:
                self._expected = round(float(rate) * self._seconds)

    def rate(self) -> float | None:
        """The header's average."""
        return self._rate

    def expected(self) -> int | None:
        """The header's number of frames, or the one that its duration and rate give."""
        return self._expected

    def frames(self) -> Iterator[Frame]:
        """The frames from the first on. `UserError` where none decodes."""
        self._undecodable, self._corrupt, self._decoded, self._ended_early, self._latest = 0, 0, 0, "", 0.0
        self._sizes, self._backward, self._matrices = {}, None, {}
        with self._open() as container:
            stream = self._stream(container)
            start, base = stream.start_time or 0, stream.time_base
            shift, step = 0.0, 0.0
            for decoded in self._decode(container, stream):
                seconds = None if decoded.pts is None else float((decoded.pts - start) * (decoded.time_base or base))
                picture = None if decoded.is_corrupt else decoded
                self._corrupt += decoded.is_corrupt
                self._sizes.setdefault((decoded.width, decoded.height), self._decoded)
                if seconds is not None:
                    seconds += shift
                    if seconds < self._latest:
                        self._backward = self._decoded if self._backward is None else self._backward
                        shift += self._latest + step - seconds
                        seconds = self._latest + step
                    step, self._latest = seconds - self._latest or step, seconds
                self._decoded += 1
                yield Frame(self._decoded - 1, seconds, partial(self._upright, picture, self._decoded - 1))
        if not self._decoded:
            raise UserError(f"{self.place}: a film must have frames, and none of this one decodes")

    def remarks(self) -> list[str]:
        """Damage, sizes, rotations and times that change midway, and a header that tells another number of frames."""
        said = []
        if len(self._sizes) > 1:
            sizes = ", ".join(f"{width}x{height} from frame {first}" for (width, height), first in self._sizes.items())
            said.append(f"{self.place}: its picture changes its size ({sizes}), and boxes must be those of each")
        if len(self._matrices) > 1:
            changed = list(self._matrices.values())[1]
            said.append(
                f"{self.place}: its rotation changes at frame {changed}; each frame is turned as it says itself, and "
                "boxes must be those of upright pictures"
            )
        if self._backward is not None:
            said.append(f"{self.place}: its times go back at frame {self._backward}, and are counted on from there")
        if self._undecodable:
            said.append(f"{self.place}: {self._undecodable} packets do not decode and were passed over")
        if self._corrupt:
            said.append(f"{self.place}: {self._corrupt} frames are damaged and were passed over")
        if self._ended_early:
            said.append(f"{self.place}: ends in the middle, after {self._decoded} frames ({self._ended_early})")
        if self._header_frames not in (None, self._decoded):
            said.append(f"{self.place}: {self._decoded} frames decode, its header says {self._header_frames}")
        elif self._seconds is not None and self._latest + _TOLERANCE < self._seconds:
            said.append(
                f"{self.place}: {self._decoded} frames decode, the last at {self._latest:.3f} s, its header says "
                f"{self._seconds:.3f} s"
            )
        return said

    def _open(self) -> Any:
        try:
            return self._av.open(self.place, timeout=_SECONDS if "://" in self.place else None)
        except FileNotFoundError:
            raise UserError(f"{self.place}: no such film") from None
        except self._av.error.FFmpegError as error:
            raise UserError(f"{self.place}: not readable as a film ({error.strerror})") from error

    def _stream(self, container: Any) -> Any:
        cover = self._av.stream.Disposition.attached_pic
        streams = [stream for stream in container.streams.video if not stream.disposition & cover]
        form = container.format.name
        if form.endswith(_NO_FILMS):
            kind = "text" if form == "tty" else "a still picture"
            raise UserError(f"{self.place}: must be a film or a folder of frames, it is {kind} ({form})")
        if not streams:
            raise UserError(f"{self.place}: must be a film, it has no stream of pictures ({form})")
        return streams[0]

    def _decode(self, container: Any, stream: Any) -> Iterator[Any]:
        """The frames that decode."""
        packets = container.demux(stream)
        while True:
            try:
                packet = next(packets, None)
            except self._av.error.FFmpegError as error:
                self._ended_early = error.strerror
                return
            if packet is None:
                return
            try:
                decoded = packet.decode()
            except self._av.error.FFmpegError:
                self._undecodable += 1
                continue
            yield from decoded

    def _upright(self, decoded: Any, index: int) -> Picture | None:
        if decoded is None:
            return None
        matrix = self._display_matrix(decoded)
        self._matrices.setdefault(matrix, index)
        pixels = decoded.to_ndarray(format="rgb24")
        return pixels if matrix == _AS_STORED else np.ascontiguousarray(rotated(pixels, *matrix))

    def _display_matrix(self, decoded: Any) -> Matrix:
        """Of one frame: a stream may turn in the middle.

        A frame whose side data were read is in a reference cycle with them: its pixels stay until Python's
        collector comes, which counts objects and not bytes. So those of a small copy are read.
        """
        small = decoded.reformat(width=_SMALL, height=_SMALL, interpolation="POINT")
        side = small.side_data.get("DISPLAYMATRIX")
        if side is None:
            return _AS_STORED
        a, b, _, c, d = np.frombuffer(bytes(side), np.int32)[:5].tolist()
        return a, b, c, d


def rotated(pixels: Picture, a: int, b: int, c: int, d: int) -> UInt8[np.ndarray, "_height _width 3"]:
    """A picture as a display matrix shows it: the pixel right of another goes `(a, b)` to the right and down of it, the
    one below `(c, d)`.

    `UserError` for a matrix that is no quarter turn or mirror image.

    >>> import numpy as np
    >>> rotated(np.zeros((2, 3, 3), np.uint8), 0, -1, 1, 0).shape
    (3, 2, 3)
    """
    if a == d == 0 and b and c:
        upright, flips = pixels.transpose(1, 0, 2), (b < 0, c < 0)
    elif b == c == 0 and a and d:
        upright, flips = pixels, (d < 0, a < 0)
    else:
        raise UserError(f"a film must be turned by quarters, and its display matrix is {a}, {b}, {c}, {d}")
    return upright[:: -1 if flips[0] else 1, :: -1 if flips[1] else 1]
