"""A run with a small untrained generator, its teacher and a small data set in Market-1501's layout, made in a blink."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from dgnet.config import override_config, resolved
from dgnet.data.datasets import read_dataset
from dgnet.generation.request import SetRequest
from dgnet.models.build import build_discriminator, build_teacher
from dgnet.models.model_file import save_model
from dgnet.training.teacher import TEACHER_FILE
from tests.dgnet.small_generator import IDENTITIES, small_config, small_generator, store

SETTINGS = [
    "teacher.backbone=resnet18",
    "teacher.upsample_below_height=0",
    "discriminator.channels=2",
    "discriminator.residual_blocks=0",
]


def write_people(root: Path, identities=IDENTITIES, images=4) -> Path:
    draws = np.random.default_rng(0)
    for folder, count in (("bounding_box_train", images), ("query", 1), ("bounding_box_test", 1)):
        (root / folder).mkdir(parents=True)
        for identity in identities:
            for number in range(count):
                pixels = draws.integers(0, 256, (8, 6, 3), np.uint8).repeat(8, 0).repeat(8, 1)
                name = f"{identity:04d}_c{number + 1}s1_{number:06d}_{len(folder):02d}.png"
                Image.fromarray(pixels).save(root / folder / name)
    return root


def write_run(place: Path) -> Path:
    """`place/outputs/small`, its teacher beside it, and `place/people`."""
    root = write_people(place / "people")
    config = override_config(small_config(), [*SETTINGS, f"data.root={root}", "name=small"])
    torch.manual_seed(0)
    # Weights large enough that it answers differently to different images.
    discriminator = {name: 20 * value for name, value in build_discriminator(config).state_dict().items()}
    folder = place / "outputs" / "small"
    for iteration in (4, 8):
        store(folder, small_generator(iteration), iteration, config=resolved(config), discriminator=discriminator)
    teacher = build_teacher(config.teacher, len(IDENTITIES), pretrained=False)
    (place / "outputs" / "small_teacher").mkdir()
    path = place / "outputs" / "small_teacher" / TEACHER_FILE
    save_model(path, teacher, read_dataset(root).identities, config.data.height, config.data.width)
    return folder


def request(place: Path, output: Path, no_scores=True, **options) -> SetRequest:
    return SetRequest(name="small", output_path=place, output=output, device="cpu", no_scores=no_scores, **options)
