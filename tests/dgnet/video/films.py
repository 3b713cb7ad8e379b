"""Tiny films: built-in pedestrians who walk along a gray wall, with the truth of where they are."""

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np

from dgnet.data.pedestrians import appearance_of, render, structure_of

HEIGHT, WIDTH = 64, 96
PERSON = (32, 16)  # height and width in pixels
Place = tuple[int, int, int, int]


@cache
def pedestrian(person: int) -> np.ndarray:
    """uint8 [height, width, 3]"""
    return render(appearance_of(0, person), structure_of(0, person, 1, 0), *PERSON).image


def place_of(person: int, frame: int) -> Place:
    """Left, top, width, height: two pixels a frame, every second person to the left, each on a line of its own."""
    left = 4 + 2 * frame if person % 2 else WIDTH - PERSON[1] - 4 - 2 * frame
    return left, 2 + (30 if person % 2 else 0), PERSON[1], PERSON[0]


def scene(frame: int, people: Sequence[int] = (1, 2)) -> np.ndarray:
    """A frame: uint8 [height, width, 3]."""
    picture = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    for person in people:
        left, top, width, height = place_of(person, frame)
        picture[top : top + height, left : left + width] = pedestrian(person)
    return picture


def write_film(
    path: Path,
    pictures: Sequence[np.ndarray],
    *,
    times: Sequence[Fraction | float] | None = None,
    rotation: int = 0,
    codec: str = "",
) -> Path:
    """A film of uint8 pictures, 5 a second unless `times` (seconds) are given. In .mkv and .avi without any loss."""
    codec = codec or ("mpeg4" if path.suffix in (".mp4", ".ts") else "ffv1")
    # AVI counts in frames.
    base = Fraction(1, 5) if path.suffix == ".avi" else Fraction(1, 1000)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=5)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "bgr0" if codec == "ffv1" else "yuv420p"
        stream.codec_context.time_base = base
        if codec == "mpeg4":
            stream.codec_context.bit_rate = 4_000_000
        if rotation:
            stream.set_display_rotation(rotation)
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.time_base = base
            frame.pts = round((number / 5 if times is None else times[number]) / base)
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    return path


def turned_midway(path: Path, *parts: tuple[Sequence[np.ndarray], str]) -> Path:
    """H.264 of some parts one after the other, the first frame of each with a display orientation as ffmpeg's filter
    `h264_metadata` takes it ("rotate=90")."""
    content = b""
    for pictures, orientation in parts:
        write_film(path.with_suffix(".mp4"), pictures, codec="libx264")
        metadata = f",h264_metadata=display_orientation=insert:{orientation}" if orientation else ""
        with av.open(str(path.with_suffix(".mp4"))) as container:
            stream = container.streams.video[0]
            chain = av.BitStreamFilterContext(f"h264_mp4toannexb{metadata}", stream)
            packets = [packet for packet in container.demux(stream) if packet.size]
            content += b"".join(bytes(part) for packet in [*packets, None] for part in chain.filter(packet))
    path.write_bytes(content)
    return path


def damage(path: Path, frame: int) -> Path:
    """The film with other bytes in the middle of a frame."""
    with av.open(str(path)) as container:
        packets = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    start, size = packets[frame]
    content = bytearray(path.read_bytes())
    part = slice(start + size // 3, start + size // 3 + size // 2)
    content[part] = bytes(255 - byte for byte in content[part])
    path.write_bytes(content)
    return path


def mot_lines(frames: int, people: Sequence[int] = (1, 2), tracks: bool = True) -> str:
    """The true boxes in the MOT-Challenge's form."""
    return "".join(
        f"{frame + 1},{person if tracks else -1},{','.join(map(str, place_of(person, frame)))},0.9,-1,-1,-1\n"
        for frame in range(frames)
        for person in people
    )
