"""Images of a folder of any nesting, of mixed sizes and formats, decoded on several threads in a fixed order."""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from eval.arrays import Array, checked_images
from eval.errors import EvaluationError

# Files of one data set each, or uint8 images [image, 3, height, width] that are in memory already.
Images: TypeAlias = Sequence[Path] | Array
EXTENSIONS = (".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
# What Pillow raises for broken files, depending on the format and on where the damage is.
_DECODING_ERRORS = (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError)


def image_files(folder: Path) -> list[Path]:
    """All images below `folder`, however deep, in the order of their paths. `EvaluationError` where there is none."""
    folder = Path(folder)
    if not folder.is_dir():
        raise EvaluationError(f"{folder}: no such folder of images")
    found = [
        Path(place) / name
        for place, _, names in os.walk(folder, followlinks=True)
        for name in names
        if name.lower().endswith(EXTENSIONS) and not name.startswith(".")
    ]
    if not found:
        raise EvaluationError(f"{folder}: no image in it or below it (looked for {', '.join(EXTENSIONS)})")
    return sorted(found, key=lambda path: path.relative_to(folder).parts)


def files_by_folder(folder: Path) -> dict[str, list[Path]]:
    """The images of each folder directly below `folder` (nested ones too): an identity each, by the folder's name.

    The folders may lie in `folder/images` alone, as generated sets keep them: "images" is no identity then.
    `EvaluationError` where there is no image, or one that lies in `folder` itself.
    """
    folder, groups = Path(folder), dict[str, list[Path]]()
    files = image_files(folder)
    if all(parts[0] == "images" and len(parts) > 2 for parts in (path.relative_to(folder).parts for path in files)):
        return files_by_folder(folder / "images")
    for path in files:
        parts = path.relative_to(folder).parts
        if len(parts) == 1:
            raise EvaluationError(f"{path}: must lie in a folder that bears its identity, {folder}/IDENTITY/")
        groups.setdefault(parts[0], []).append(path)
    return groups


def read_image(path: Path) -> UInt8[Tensor, "3 height width"]:
    """The image as RGB, 0..255, at the size of the file. `EvaluationError` names a file that cannot be read."""
    try:
        with Image.open(path) as image:
            pixels = np.array(image.convert("RGB"))
    except _DECODING_ERRORS as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise EvaluationError(f"{path}: not a readable image ({reason})") from error
    return torch.from_numpy(pixels).permute(2, 0, 1)


def resized(image: UInt8[Tensor, "3 _h _w"], height: int, width: int) -> UInt8[Tensor, "3 height width"]:
    """Antialiased bicubic resize, rounded to 0..255: Pillow's filter, and that of the original's transforms."""
    if image.shape[1:] == (height, width):
        return image
    return F.interpolate(image[None], size=(height, width), mode="bicubic", antialias=True)[0]


def smooth_resized(image: UInt8[Tensor, "3 _h _w"], height: int, width: int) -> Float[Tensor, "3 height width"]:
    """The same as float32 0..255, cut off there and not rounded (Parmar et al., "On Aliased Resizing and Surprising
    Subtleties in GAN Evaluation", 2022)."""
    return F.interpolate(image[None].float(), size=(height, width), mode="bicubic", antialias=True)[0].clamp(0, 255)


def unchanged(image: Tensor) -> Tensor:
    """The image as it is: for sets whose images all have one size."""
    return image


def batches(
    images: Images, prepare: Callable[[Tensor], Tensor] = unchanged, *, batch: int = 50, workers: int | None = None
) -> Iterator[Tensor]:
    """Batches of prepared images in the order of `images`, the next one being decoded while one is worked on.

    `prepare` maps a uint8 image `[3, height, width]` to a tensor; it is called on `workers` threads (default: the cores
    of this process), on each image by itself, so that neither `batch` nor `workers` can change what comes out.
    `EvaluationError` for an unreadable file, no images, and images that `prepare` leaves at several sizes.
    """
    if batch < 1 or (workers is not None and workers < 1):
        raise EvaluationError(f"batch and workers must be at least 1, got {batch} and {workers}")
    in_memory = isinstance(images, (np.ndarray, Tensor))
    sources = checked_images("images", images) if in_memory else [Path(path) for path in images]  # type: ignore[arg-type]
    count = len(sources)
    if not count:
        raise EvaluationError("there must be at least one image, got none")
    ahead: deque[list[Future[Tensor]]] = deque()
    with ThreadPoolExecutor(workers or _cores()) as pool:
        try:
            for start in range(0, count, batch):
                places = range(start, min(start + batch, count))
                ahead.append([pool.submit(_prepared, sources[place], prepare) for place in places])
                if len(ahead) > 1:
                    yield _stacked(ahead.popleft())
            while ahead:
                yield _stacked(ahead.popleft())
        finally:
            pool.shutdown(cancel_futures=True)


def _prepared(source: Path | Tensor, prepare: Callable[[Tensor], Tensor]) -> Tensor:
    return prepare(read_image(source) if isinstance(source, Path) else source)


def _stacked(futures: list[Future[Tensor]]) -> Tensor:
    images = [future.result() for future in futures]
    sizes = sorted({tuple(image.shape[1:]) for image in images})
    if len(sizes) > 1:
        found = " and ".join(f"{height} x {width}" for height, width in sizes[:2])
        raise EvaluationError(f"the images must all have one size here, got {found}")
    return torch.stack(images)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
