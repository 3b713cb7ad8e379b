"""Diversity of generated images: the nearest other of the same identity, by a slow loop, and in the manifest."""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from dgnet.core.errors import UserError
from dgnet.generation.create_set import create_set
from dgnet.generation.diversity import diversity, nearest_other
from tests.dgnet.generation.small_run import request, write_run

pytestmark = pytest.mark.usefixtures("narrow")


def slow(images: torch.Tensor) -> list[float]:
    found = []
    for i, one in enumerate(images):
        others = [other for j, other in enumerate(images) if i != j]
        found.append(min(float((one.double() - other.double()).abs().mean()) / 255 for other in others))
    return found


def test_nearest_other() -> None:
    images = torch.randint(0, 256, (7, 3, 16, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    images[4] = images[1]
    found = nearest_other(images).tolist()
    assert found == pytest.approx(slow(images), rel=1e-5, abs=1e-7)
    assert found[1] == found[4] == 0 and found[0] > 0.2
    assert found != pytest.approx([float(x) for x in slow(images[:6])] + [0.3], rel=1e-3)


def test_only_images_of_the_same_identity_count(tmp_path: Path) -> None:
    files = {}
    for position, shade in enumerate((0, 51, 0, 255)):
        files[position] = tmp_path / f"{position}.png"
        Image.fromarray(np.full((32, 16, 3), shade, np.uint8)).save(files[position])
    # 0 and 2 look alike but are different people; 3 is alone.
    assert diversity(files, [1, 1, 2, 3]) == {0: 0.2, 1: 0.2}
    files[1].write_bytes(b"no image")
    with pytest.raises(UserError, match="1.png: not a readable image"):
        diversity(files, [1, 1, 2, 3])


@pytest.mark.slow
def test_it_stands_in_the_manifest(tmp_path: Path) -> None:
    write_run(tmp_path)
    for name, no_scores in (("scored", False), ("bare", True)):
        create_set(request(tmp_path, tmp_path / name, no_scores=no_scores, per_identity=3))
        with (tmp_path / name / "manifest.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        if no_scores:
            assert {row["diversity"] for row in rows} == {""}
            continue
        files = {place: tmp_path / name / row["path"] for place, row in enumerate(rows)}
        expected = diversity(files, [int(row["appearance_identity"]) for row in rows])
        assert [float(row["diversity"]) for row in rows] == [expected[place] for place in range(len(rows))]
