"""Tiny image files, and tools run on them, for the tests of the readers and of what stands on them."""

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

# Folder -> names: three training identities (one with a single image), junk, a distractor, a camera of two digits.
MARKET = {
    "bounding_box_train": [
        "0002_c1s1_000451_03.png",
        "0002_c12s1_000551_01.png",
        "0007_c3s3_077419_03.jpg",
        "0007_c2s3_071052_01.JPEG",
        "0007_c2s3_071053_01.jpg",
        "0010_c6s3_077467_02.jpg",
    ],
    "query": ["0001_c1s1_001051_00.jpg", "0003_c12s6_015641_00.png"],
    "bounding_box_test": [
        "-1_c1s1_000401_03.jpg",
        "0000_c3s1_000451_03.jpg",
        "0001_c2s1_001051_03.jpg",
        "0003_c1s6_015641_02.jpg",
        "0003_c12s6_015641_02.jpg",
    ],
    "gt_bbox": ["0001_c1s1_001051_07.jpg", "0001_c4s1_002351_00.jpg", "0002_c1s1_000451_00.jpg"],
}


def write_image(path: Path, width: int = 8, height: int = 16) -> Path:
    """A picture of noise that depends on the file's name only, in color, coarse enough to survive JPEG."""
    seed = list(path.name.encode())
    noise = np.random.default_rng(seed).integers(0, 256, (max(height // 8, 1), max(width // 8, 1), 3), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC).save(path)
    return path


def write_market(root: Path, folders: dict[str, list[str]] = MARKET) -> Path:
    """Market-1501 in small; `root`."""
    for folder, names in folders.items():
        for name in names:
            write_image(root / folder / name)
    return root


def run_tool(tool: Path, arguments: list[str | Path], monkeypatch: pytest.MonkeyPatch) -> int:
    """Run `python tool arguments...` in this process, which has imported torch already; the exit status."""
    monkeypatch.setattr(sys, "argv", [str(tool), *map(str, arguments)])
    with pytest.raises(SystemExit) as leaving:
        runpy.run_path(str(tool), run_name="__main__")
    return int(leaving.value.code or 0)


def write_people(folder: Path) -> Path:
    """A folder for each of four people with four pictures of noise, 64x48, all different; `folder`."""
    draws = np.random.default_rng(0)
    for identity in range(4):
        (folder / str(identity)).mkdir(parents=True)
        for number in range(4):
            noise = draws.integers(0, 256, (64, 48, 3), np.uint8)
            Image.fromarray(noise).save(folder / str(identity) / f"{number}.png")
    return folder
