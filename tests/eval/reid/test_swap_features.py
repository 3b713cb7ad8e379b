"""Features joined with those of swaps against one image and one swap at a time."""

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor

from eval.reid.embedding_model import extractor_of
from eval.reid.labeled_features import LabeledFeatures
from eval.reid.swap_features import Swaps, joined_with_swaps, sides_with_swaps, sums_of_swaps
from tests.messages import mentions


@dataclass(frozen=True)
class Image:
    path: Path
    identity: int = 1
    camera: int = 1


@dataclass(frozen=True)
class Made:
    positions: tuple[int, ...]
    images: Tensor


class Model:
    """Two features: the mean of an image's left half and of its right half."""

    name, height, width = "halves", 4, 4

    def __call__(self, images: Tensor) -> Tensor:
        return torch.stack([images[..., :2].float().mean((1, 2, 3)), images[..., 2:].float().mean((1, 2, 3))], dim=1)


def drawn(appearance: Image, structure: Image) -> Tensor:
    """The "swap": left half from the appearance, right half from the structure, each a number in the file's name."""
    image = torch.empty(3, 4, 4, dtype=torch.uint8)
    image[..., :2], image[..., 2:] = int(appearance.path.stem), int(structure.path.stem)
    return image


def generate(records, pairs):
    """Batches of three, as unlike whole batches as can be."""
    for start in range(0, len(pairs), 3):
        positions = tuple(range(start, min(start + 3, len(pairs))))
        yield Made(positions, torch.stack([drawn(records[pairs[p][0]], records[pairs[p][1]]) for p in positions]))


QUERY = [Image(Path(f"{number}.png")) for number in (10, 200, 90, 31)]
GALLERY = [Image(Path(f"{number}.png")) for number in (50, 60)]
STRUCTURES = [Image(Path(f"{number}.png")) for number in (7, 130, 250)]


def unit(row: list[float]) -> np.ndarray:
    return np.array(row) / np.linalg.norm(row)


def obvious(images: list[Image], own: np.ndarray, weight: float) -> np.ndarray:
    rows = []
    for image, feature in zip(images, own, strict=True):
        total = unit(feature.tolist())
        for structure in STRUCTURES:
            total = total + weight * unit([float(image.path.stem), float(structure.path.stem)])
        rows.append(unit(total.tolist()))
    return np.array(rows)


@pytest.mark.parametrize(("weight", "gallery"), [(1.0, False), (0.25, True)])
def test_it_is_the_obvious_loop(weight: float, gallery: bool) -> None:
    random = np.random.default_rng(0)
    sides = [
        LabeledFeatures(5 * random.random((len(part), 2)), np.ones(len(part), int), np.ones(len(part), int))
        for part in (QUERY, GALLERY)
    ]
    dataset = SimpleNamespace(root=Path("data"), query=QUERY, gallery=GALLERY)
    swaps = Swaps(generate, "small after 7 iterations", STRUCTURES, "seed 5", weight, gallery)
    result = sides_with_swaps(*sides, dataset, swaps, Model(), workers=1)
    assert result.query.features == pytest.approx(obvious(QUERY, sides[0].features, weight), abs=1e-6)
    if gallery:
        assert result.gallery.features == pytest.approx(obvious(GALLERY, sides[1].features, weight), abs=1e-6)
        words = "queries and gallery joined with 3 swaps each by small after 7 iterations, structures by seed 5, "
        assert result.description == f"{words}weight 0.25"
    else:
        assert result.gallery is sides[1]
        assert result.description.startswith("queries joined with 3 swaps")
    assert obvious(QUERY, sides[0].features, 2 * weight) != pytest.approx(result.query.features, abs=1e-3)


def test_bad_input_is_one_sentence() -> None:
    with pytest.raises(ValueError, match=mentions("structure", 0)):
        Swaps(generate, "small", [], "seed 0")
    with pytest.raises(ValueError, match=mentions("weight", -1)):
        Swaps(generate, "small", STRUCTURES, "seed 0", weight=-1.0)
    side = LabeledFeatures(np.ones((4, 3)), np.ones(4, int), np.ones(4, int))
    with pytest.raises(ValueError, match=mentions("shape", 3, 2)):
        joined_with_swaps(side, torch.ones(4, 2), 1.0)
    with pytest.raises(ValueError, match="at least one image"):
        sums_of_swaps([], Swaps(generate, "small", STRUCTURES, "seed 0"), extractor_of(Model()))
