"""Writing a film by PyAV."""

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from jaxtyping import UInt8

from dgnet.video.film import require_av

# VP9: every browser plays it, and its encoder (libvpx) has a permissive licence.
_CODEC, _QUALITY = "libvpx-vp9", "24"


class FilmWriter:
    """A film (WebM, VP9) that is being written; one thread, so that the same pictures give the same bytes.

    Example:
        >>> with FilmWriter("walk.webm", 360, 640, 10.0) as film:  # doctest: +SKIP
        ...     film.add(picture)
    """

    def __init__(self, path: str | Path, height: int, width: int, rate: float) -> None:
        self._av = require_av()
        self._container = self._av.open(str(path), "w", format="webm", options={"fflags": "bitexact"})
        self._base = Fraction(1, 1000)  # of WebM
        self._rate, self._count = rate, 0
        options = {"crf": _QUALITY, "b": "0", "deadline": "realtime", "cpu-used": "6", "row-mt": "0"}
        stream: Any = self._container.add_stream(_CODEC, rate=Fraction(rate).limit_denominator(1000), options=options)
        stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
        stream.codec_context.thread_count = 1
        stream.codec_context.time_base = self._base
        self._stream = stream

    def __enter__(self) -> "FilmWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._container.mux(self._stream.encode(None))
        finally:
            self._container.close()

    def add(self, picture: UInt8[np.ndarray, "height width 3"]) -> None:
        """The next picture, RGB."""
        frame = self._av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.time_base, frame.pts = self._base, round(self._count / self._rate / self._base)
        self._count += 1
        self._container.mux(self._stream.encode(frame))
