"""Folders of images: any nesting, mixed sizes and formats, one sentence for what cannot be read."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from dgnet.core import pixels
from dgnet.core.errors import UserError
from dgnet.core.images import image_files, read_image
from eval.image_files import batches, files_by_folder, smooth_resized
from tests.eval.images.small_files import picture, write, write_set
from tests.messages import mentions


def test_folders_are_identities(tmp_path: Path) -> None:
    for name in ("0007/a.png", "0007/deep/b.png", "0012/a.png"):
        write(tmp_path / name, picture(0))
    groups = files_by_folder(tmp_path)
    assert {name: len(files) for name, files in groups.items()} == {"0007": 2, "0012": 1}
    write(tmp_path / "lonely.png", picture(0))
    with pytest.raises(ValueError, match=mentions("folder", "identity", "lonely.png")):
        files_by_folder(tmp_path)


@pytest.mark.parametrize("split", ["bounding_box_test", "query", "image_train"])
def test_a_split_is_no_identity(tmp_path: Path, split: str) -> None:
    write(tmp_path / "0001" / "1.png", picture(1))
    write(tmp_path / split / "1.png", picture(2))
    with pytest.raises(UserError, match=mentions(split, "split", "identity")):
        files_by_folder(tmp_path)


def test_the_folders_of_a_generated_set_are_identities(tmp_path: Path) -> None:
    for name in ("images/0007/a.png", "images/0007/b.png", "images/0012/a.png"):
        write(tmp_path / name, picture(0))
    groups = files_by_folder(tmp_path)
    assert {name: len(files) for name, files in groups.items()} == {"0007": 2, "0012": 1}
    write(tmp_path / "0020" / "a.png", picture(0))
    assert {name: len(files) for name, files in files_by_folder(tmp_path).items()} == {"images": 3, "0020": 1}


@pytest.mark.parametrize("size", [(80, 30), (21, 13), (40, 20)])
def test_resizing_is_pillows(size: tuple[int, int]) -> None:
    image = picture(3)
    height, width = size
    pillow = np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC))
    ours = pixels.resize(torch.from_numpy(image).permute(2, 0, 1)[None], height, width)[0].permute(1, 2, 0).numpy()
    assert np.abs(ours.astype(int) - pillow).max() <= 1
    channels = [
        np.asarray(Image.fromarray(image[..., c].astype(np.float32)).resize((width, height), Image.Resampling.BICUBIC))
        for c in range(3)
    ]
    smooth = smooth_resized(torch.from_numpy(image).permute(2, 0, 1), height, width).numpy()
    assert smooth == pytest.approx(np.stack(channels).clip(0, 255), abs=1e-2)
    if size == (80, 30):
        nearest = np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.NEAREST))
        assert np.abs(ours.astype(int) - nearest).max() > 1, "the comparison tells another filter"


def test_batches_and_workers_change_nothing(tmp_path: Path) -> None:
    files = image_files(write_set(tmp_path, 7))
    expected = torch.stack([read_image(path) for path in files])
    for batch, workers in ((1, 1), (3, 2), (50, None)):
        assert torch.equal(torch.cat(list(batches(files, batch=batch, workers=workers))), expected)
        assert torch.equal(torch.cat(list(batches(expected, batch=batch, workers=workers))), expected)


def test_bad_input_is_one_sentence(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "set", 3)
    cut = folder / "001.png"
    cut.write_bytes(cut.read_bytes()[:200])
    with pytest.raises(ValueError, match=r"001.png: not a readable image \("):
        list(batches(image_files(folder), batch=1))
    write(cut, picture(0, 30, 20))
    with pytest.raises(ValueError, match=mentions("images", 30, 20, 40)):
        list(batches(image_files(folder)))
    with pytest.raises(ValueError, match="at least one image"):
        list(batches([]))
    with pytest.raises(ValueError, match=mentions("batch", 1, 0)):
        list(batches(image_files(folder), batch=0))
