"""Images of a folder of any nesting, of mixed sizes and formats, decoded on several threads in a fixed order."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from dgnet.core.errors import UserError, check_count
from dgnet.core.folder_names import is_split
from dgnet.core.images import image_files, print_passed_over, read_image
from dgnet.core.machine import usable_cores
from eval.arrays import Array, checked_images

# Files of one data set each, or uint8 images [image, 3, height, width] that are in memory already.
Images: TypeAlias = Sequence[Path] | Array


def files_by_folder(folder: Path) -> dict[str, list[Path]]:
    """The images of each folder directly below `folder` (nested ones too): an identity each, by the folder's name.

    The folders may lie in `folder/images` alone, as generated sets keep them: "images" is no identity then.
    `UserError` where there is no image, one that lies in `folder` itself, or a folder that bears the name of a split.
    """
    folder, groups = Path(folder), dict[str, list[Path]]()
    files = image_files(folder)
    if all(parts[0] == "images" and len(parts) > 2 for parts in (path.relative_to(folder).parts for path in files)):
        return files_by_folder(folder / "images")
    for path in files:
        parts = path.relative_to(folder).parts
        if len(parts) == 1:
            raise UserError(f"{path}: must lie in a folder that bears its identity, {folder}/IDENTITY/")
        if is_split(parts[0]) and parts[0] != "images":
            raise UserError(
                f"{folder / parts[0]}: bears the name of a split, not of an identity; name a folder of identities"
            )
        groups.setdefault(parts[0], []).append(path)
    return groups


def files_of(paths: Iterable[Path]) -> list[Path]:
    """Files as they are, and all images of folders, each file once; what is passed over is said on stderr.

    `UserError` for a folder without images.
    """
    paths = list(paths)
    print_passed_over(*paths)
    files = (file for path in paths for file in (image_files(path) if path.is_dir() else [path]))
    return list({file.absolute(): file for file in files}.values())


def smooth_resized(image: UInt8[Tensor, "3 _h _w"], height: int, width: int) -> Float[Tensor, "3 height width"]:
    """Antialiased bicubic resize to float32, clipped to 0..255 and not rounded.

    Parmar et al., "On Aliased Resizing and Surprising Subtleties in GAN Evaluation", 2022.
    """
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
    `UserError` for an unreadable file, no images, and images that `prepare` leaves at several sizes.
    """
    check_count("batch", batch)
    if workers is not None:
        check_count("workers", workers)
    in_memory = isinstance(images, (np.ndarray, Tensor))
    sources = checked_images("images", images) if in_memory else [Path(path) for path in images]  # type: ignore[arg-type]
    count = len(sources)
    if not count:
        raise UserError("there must be at least one image, got none")
    ahead: deque[list[Future[Tensor]]] = deque()
    with ThreadPoolExecutor(workers or usable_cores()) as pool:
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
        several = " and ".join(f"{height} x {width}" for height, width in sizes[:2])
        raise UserError(f"the images must all have one size here, got {several}")
    return torch.stack(images)
