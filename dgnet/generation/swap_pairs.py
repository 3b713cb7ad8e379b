"""Pairs of records to swap, their swaps by a generator, and their true swaps where the renderer knows them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from dgnet.core import pixels
from dgnet.core.errors import UserError
from dgnet.core.random_draws import permutation, rng
from dgnet.data.cache import ImageCache
from dgnet.data.pedestrians import Rendered, SyntheticTruth
from dgnet.data.records import Record
from dgnet.models.swap import swap_images
from dgnet.runs.loaded_generator import LoadedGenerator


@dataclass(frozen=True)
class Pair:
    """The record that gives the appearance, and the one that gives the structure."""

    appearance: Record
    structure: Record


@dataclass(frozen=True)
class TrueSwaps:
    """Rendered images (uint8) of pairs with the person's outlines, 0..1: how much of a pixel is person."""

    truths: UInt8[Tensor, "pair 3 height width"]
    truth_outlines: Float[Tensor, "pair height width"]
    structures: UInt8[Tensor, "pair 3 height width"]
    structure_outlines: Float[Tensor, "pair height width"]
    appearances: UInt8[Tensor, "pair 3 height width"]
    appearance_outlines: Float[Tensor, "pair height width"]


def draw_pairs(records: Sequence[Record], count: int, seed: int, stream: str) -> list[Pair]:
    """`count` pairs of images of two identities, a pure function of `records`, `seed` and `stream`.

    An image is the appearance of at most one pair, so there are no more pairs than images. Each structure is drawn from
    all images of other identities. Junk and distractors are left out. `UserError` for fewer than two identities.
    """
    people = sorted((record for record in records if record.identity > 0), key=lambda record: record.path)
    if len({record.identity for record in people}) < 2:
        raise UserError(f"a swap needs images of at least two identities, got {len(people)} images of fewer")
    uniform = rng(seed, f"structures of {stream}").random(len(people))
    pairs = []
    order = permutation(seed, f"appearances of {stream}", 0, len(people))[:count]
    for index, draw in zip(order, uniform, strict=False):
        others = [record for record in people if record.identity != people[index].identity]
        pairs.append(Pair(people[index], others[int(draw * len(others))]))
    return pairs


def same_person_pairs(pairs: Sequence[Pair], records: Sequence[Record], seed: int, stream: str) -> list[Pair]:
    """For each pair's appearance image, which becomes the structure: another image of the same identity.

    A pure function of its arguments. Identities with a single image in `records` are left out.
    """
    people = sorted(records, key=lambda record: record.path)
    result = []
    for pair, draw in zip(pairs, rng(seed, f"others of {stream}").random(len(pairs)), strict=True):
        image = pair.appearance
        others = [one for one in people if one.identity == image.identity and one.path != image.path]
        if others:
            result.append(Pair(others[int(draw * len(others))], image))
    return result


def one_image_per_identity(records: Sequence[Record], count: int, seed: int, stream: str) -> list[Record]:
    """A random image of each of `count` random identities (fewer if there are fewer), without junk and distractors."""
    images: dict[int, list[Record]] = {}
    for record in sorted(records, key=lambda record: record.path):
        if record.identity > 0:
            images.setdefault(record.identity, []).append(record)
    order = permutation(seed, f"identities of {stream}", 0, len(images))[:count]
    identities = [sorted(images)[index] for index in order]
    uniform = rng(seed, f"images of {stream}").random(count)
    return [images[who][int(draw * len(images[who]))] for who, draw in zip(identities, uniform, strict=False)]


def generate_pairs(
    generator: LoadedGenerator, pairs: Sequence[Pair], *, batch_size: int = 32
) -> UInt8[Tensor, "pair 3 height width"]:
    """The swap of each pair at the generator's size, on the CPU."""
    paths = sorted({record.path for pair in pairs for record in (pair.appearance, pair.structure)})
    cache, position = ImageCache(paths), {path: index for index, path in enumerate(paths)}
    swapped = []
    for start in range(0, len(pairs), batch_size):
        batch = pairs[start : start + batch_size]
        appearances, structures = (
            cache.gather(torch.tensor([position[getattr(pair, role).path] for pair in batch]), *generator.size)
            for role in ("appearance", "structure")
        )
        swapped.append(swap_images(generator.network, appearances, structures))
    return torch.cat(swapped)


def render_pairs(truth: SyntheticTruth, pairs: Sequence[Pair], height: int, width: int) -> TrueSwaps:
    """The true swap of each pair with its sources, all resized as training images are. `UserError` for other images."""
    rendered: dict[Path, Rendered] = {}
    for record in (record for pair in pairs for record in (pair.appearance, pair.structure)):
        if record.path not in rendered:
            rendered[record.path] = truth.rendered(record.path)
    swaps = [truth.swap(pair.appearance.path, pair.structure.path) for pair in pairs]
    parts: list[Tensor] = []
    for group in (
        swaps,
        [rendered[pair.structure.path] for pair in pairs],
        [rendered[pair.appearance.path] for pair in pairs],
    ):
        images = torch.from_numpy(np.stack([one.image for one in group])).permute(0, 3, 1, 2)
        outlines = torch.from_numpy(np.stack([one.person for one in group]))[:, None]
        if outlines.shape[-2:] != (height, width):
            outlines = F.interpolate(outlines, size=(height, width), mode="bilinear", antialias=True)
        parts += [pixels.resize(images, height, width), outlines[:, 0].clamp(0, 1)]
    return TrueSwaps(*parts)
