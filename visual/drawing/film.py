"""Films of frames: GIF by Pillow, MP4 by imageio-ffmpeg (the extra `video`). Arrays in, bytes out."""

import io
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from dgnet.core.errors import UserError
from visual.drawing.grid import Picture

FORMATS = ("gif", "mp4")


def there_and_back(steps: int) -> list[int]:
    """The order in which `steps` frames make a film without a jump: 0, 1, ..., last, ..., 1."""
    return [*range(steps), *range(steps - 2, 0, -1)]


def gif(frames: Sequence[Picture], frames_per_second: float | int = 12) -> bytes:
    """An endless GIF of uint8 frames `[height, width, 3]` of one size, in 256 colors that suit all of them.

    A GIF counts in hundredths of a second: other paces are rounded.
    """
    _check(frames, frames_per_second)
    pictures = [Image.fromarray(frame) for frame in frames]
    # One palette for the whole film: with one for each frame, still parts would flicker.
    sample = Image.fromarray(np.concatenate(list(frames[:: max(1, len(frames) // 8)])))
    palette = sample.quantize(256, method=Image.Quantize.MEDIANCUT)
    first, *others = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    target = io.BytesIO()
    duration = max(2, round(100 / frames_per_second)) * 10
    first.save(target, "GIF", save_all=True, append_images=others, loop=0, duration=duration, optimize=False)
    return target.getvalue()


def mp4(frames: Sequence[Picture], frames_per_second: float | int = 12) -> bytes:
    """An MP4 (H.264, yuv420p: every player and LaTeX viewer shows it) of uint8 frames `[height, width, 3]` of one size.

    Odd heights and widths are padded by one white row or column, which H.264 asks for. `UserError` without the library.
    """
    _check(frames, frames_per_second)
    try:
        import imageio_ffmpeg
    except ImportError as error:
        raise UserError("MP4 needs the extra 'video': pip install imageio-ffmpeg; GIF needs nothing") from error
    height, width = frames[0].shape[:2]
    even = [np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), constant_values=255) for frame in frames]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        writer = imageio_ffmpeg.write_frames(
            str(path),
            (width + width % 2, height + height % 2),
            fps=frames_per_second,
            quality=8,
            macro_block_size=2,
            # One thread, no date: the same frames make the same file.
            output_params=["-threads", "1", "-fflags", "+bitexact", "-movflags", "+faststart"],
        )
        writer.send(None)
        for frame in even:
            writer.send(np.ascontiguousarray(frame))
        writer.close()
        return path.read_bytes()


def films(frames: Sequence[Picture], choice: str, frames_per_second: float | int) -> list[tuple[str, bytes]]:
    """The films that --film asks for ("gif", "mp4", "both" or "none"), each with the suffix of its file."""
    writers = {"gif": gif, "mp4": mp4}
    chosen = {"both": FORMATS, "none": ()}.get(choice, (choice,))
    return [(f".{kind}", writers[kind](frames, frames_per_second)) for kind in chosen]


def _check(frames: Sequence[Picture], frames_per_second: float | int) -> None:
    shapes = {frame.shape for frame in frames}
    if len(shapes) != 1 or {frame.dtype for frame in frames} != {np.dtype(np.uint8)}:
        raise UserError(f"a film needs uint8 frames of one size, got {len(frames)} of {sorted(shapes)}")
    if not 0 < frames_per_second <= 50:
        raise UserError(f"frames per second must be above 0 and at most 50, got {frames_per_second:g}")
