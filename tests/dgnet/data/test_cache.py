"""Images in memory equal the files; resizing equals Pillow's."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from dgnet.core.errors import UserError
from dgnet.core.images import read_image
from dgnet.data.cache import ImageCache
from tests.dgnet.data.photographs import write_image


def by_pillow(path: Path, height: int, width: int, mirrored: bool = False) -> torch.Tensor:
    """The official transforms: flip, then bicubic resize.

    Row by row first, then column by column, as Pillow did when the official code was written. Pillow 13 begins with the
    columns where that is cheaper, and what is clipped between the passes then differs.
    """
    image = Image.open(path).convert("RGB")
    if mirrored:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    for size in ((width, image.height), (width, height)):
        image = image.resize(size, Image.Resampling.BICUBIC)
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)


@pytest.mark.parametrize("sizes", [[(24, 48)] * 4, [(24, 48), (24, 48), (100, 211), (17, 30)]])
def test_gather_equals_pillow_in_the_order_asked_for(tmp_path: Path, sizes: list[tuple[int, int]]) -> None:
    paths = [write_image(tmp_path / f"{i}.png", *size) for i, size in enumerate(sizes)]
    cache = ImageCache(paths, workers=2)
    order, mirrored = [3, 0, 0, 2, 1], [True, False, True, False, True]
    images = cache.gather(torch.tensor(order), 64, 32, torch.tensor(mirrored))
    assert images.shape == (5, 3, 64, 32) and images.dtype == torch.uint8
    assert images.is_contiguous(memory_format=torch.channels_last)
    for image, index, flip in zip(images, order, mirrored, strict=True):
        difference = (image.int() - by_pillow(paths[index], 64, 32, flip).int()).abs()
        assert difference.max() <= 1
    assert cache.nbytes == sum(3 * width * height for width, height in sizes)


def test_gather_never_changes_the_cache(tmp_path: Path) -> None:
    for folder, sizes in (("same", [(8, 16)] * 2), ("mixed", [(8, 16), (9, 16)])):
        paths = [write_image(tmp_path / folder / f"{i}.png", *size) for i, size in enumerate(sizes)]
        cache = ImageCache(paths)
        before = cache.image(0)
        assert torch.equal(before, read_image(paths[0]))
        everywhere = torch.tensor([0, 1])
        first = cache.gather(everywhere, 16, 8, torch.tensor([True, True]))
        first.zero_()
        assert torch.equal(cache.gather(everywhere, 16, 8)[0], before)


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_broken_files_are_named(tmp_path: Path, suffix: str) -> None:
    good = write_image(tmp_path / f"good.{suffix}", 64, 128)
    truncated, empty, text = (tmp_path / f"{name}.{suffix}" for name in ("truncated", "empty", "text"))
    truncated.write_bytes(good.read_bytes()[: good.stat().st_size // 2])
    empty.touch()
    text.write_text("not an image")
    absent = tmp_path / f"absent.{suffix}"
    for bad in (truncated, empty, text, absent):
        with pytest.raises(UserError, match=f"{bad}: {'no such file' if bad == absent else 'not a readable image'}"):
            ImageCache([good, bad, good])
