"""A run small enough for tests, with the same untrained weights each time, and the people that it looks at."""

import io
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from dgnet.config import parse_config, resolved
from dgnet.core.errors import command
from dgnet.data.pedestrians import SyntheticSpec, write_dataset
from tests.dgnet.small_generator import IDENTITIES, small_config, small_generator, store

PICTURES = Path(__file__).parent / "pictures"
SMALLER = 4  # stored pictures have a quarter of the width and the height
SPEC = SyntheticSpec(train_identities=3, test_identities=8, images_per_identity=3, cameras=3, distractors=0, junk=0)


def write_run(place: Path, name: str = "small", iteration: int = 30) -> Path:
    """`place/outputs/NAME` with one checkpoint, and `place/people`, which its configuration names; the run's folder."""
    if not (place / "people").exists():
        write_dataset(place / "people", SPEC)
    generator = small_generator()
    with torch.no_grad():  # fresh weights make nearly gray images: enough contrast to tell one from another
        generator.decoder.finish[2].convolution.weight.mul_(4)
    values = resolved(small_config()) | {"name": name}
    values["data"] |= {"root": str(place / "people"), "layout": "synthetic"}
    config = resolved(parse_config(values, "small"))
    store(place / "outputs" / name, generator, iteration, config=config, identities=list(IDENTITIES))
    return place / "outputs" / name


def looks_like_stored(content: bytes, name: str) -> None:
    """Compare a PNG with the stored picture of that name, a quarter as wide and high, within what rounding may change.

    `UPDATE_PICTURES=1 pytest ...` stores what is drawn now; look at it before it is committed.
    """
    picture = Image.open(io.BytesIO(content)).convert("RGB").reduce(SMALLER)
    if os.environ.get("UPDATE_PICTURES"):
        PICTURES.mkdir(exist_ok=True)
        picture.save(PICTURES / name, optimize=True)
    stored = Image.open(PICTURES / name)
    assert picture.size == stored.size
    difference = np.abs(np.asarray(picture, dtype=int) - np.asarray(stored, dtype=int))
    # A letter drawn by another version of the font library moves a few pixels far; a wrong image moves many.
    assert difference.mean() < 1.5, f"{name} differs by {difference.mean():.2f} gray levels"
    assert (difference.max(axis=2) > 40).mean() < 0.01, name


class Script:
    """A script's `main` in this process: its status, what it printed and what it complained of."""

    def __init__(self, patch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str]) -> None:
        self.patch, self.capture = patch, capture

    def __call__(self, main: Callable[[], int | None], *options: object) -> tuple[int, str, str]:
        self.patch.setattr(sys, "argv", ["script.py", *map(str, options)])
        self.capture.readouterr()
        with pytest.raises(SystemExit) as left:
            command(main)
        printed, said = self.capture.readouterr()
        return int(left.value.code or 0), printed, said
