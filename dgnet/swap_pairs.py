"""Pairs of images to swap, what a generator makes of them, and what the truth is where it is known."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from dgnet import pixels
from dgnet.data.cache import ImageCache
from dgnet.data.draws import generator as random_generator
from dgnet.data.draws import permutation
from dgnet.data.records import Record
from dgnet.data.synthetic import Rendered, SyntheticTruth
from dgnet.errors import UserError
from dgnet.models.frozen import evaluating
from dgnet.models.generator import Generator


@dataclass(frozen=True)
class Pair:
    """Whose clothes, and whose pose, body and place."""

    appearance: Record
    structure: Record


@dataclass(frozen=True)
class TrueSwaps:
    """What the renderer says about pairs: images uint8, outlines 0..1 (how much of a pixel is person)."""

    truths: UInt8[Tensor, "pair 3 height width"]
    truth_outlines: Float[Tensor, "pair height width"]
    structures: UInt8[Tensor, "pair 3 height width"]
    structure_outlines: Float[Tensor, "pair height width"]
    appearances: UInt8[Tensor, "pair 3 height width"]
    appearance_outlines: Float[Tensor, "pair height width"]


def draw_pairs(records: Sequence[Record], count: int, seed: int, stream: str) -> list[Pair]:
    """`count` pairs of images of two identities, a pure function of `records`, `seed` and `stream`.

    The images lend their clothes in turn, so that none counts for more than its share; each structure is drawn among
    all images of other identities. Junk and distractors take no part. `UserError` for fewer than two identities.
    """
    people = sorted((record for record in records if record.identity > 0), key=lambda record: record.path)
    if len({record.identity for record in people}) < 2:
        raise UserError("a swap needs images of at least two identities, got fewer")
    uniform = random_generator(seed, f"structures of {stream}").random(count)
    pairs = []
    for number in range(count):
        turn, place = divmod(number, len(people))
        appearance = people[permutation(seed, f"appearances of {stream}", turn, len(people))[place]]
        others = [record for record in people if record.identity != appearance.identity]
        pairs.append(Pair(appearance, others[int(uniform[number] * len(others))]))
    return pairs


@torch.no_grad()
def generate_pairs(
    generator: Generator, pairs: Sequence[Pair], height: int, width: int, *, batch_size: int = 32
) -> UInt8[Tensor, "pair 3 height width"]:
    """What the generator makes of each pair at `height` x `width`, on the CPU. Uses evaluation mode, then restores the modes."""
    device = next(generator.parameters()).device
    paths = sorted({record.path for pair in pairs for record in (pair.appearance, pair.structure)})
    cache, place = ImageCache(paths), {path: index for index, path in enumerate(paths)}
    made = []
    with evaluating(generator):
        for start in range(0, len(pairs), batch_size):
            part = pairs[start : start + batch_size]
            appearances, structures = (
                cache.gather(torch.tensor([place[getattr(pair, role).path] for pair in part]), height, width).to(device)
                for role in ("appearance", "structure")
            )
            swapped = generator.swap(pixels.normalise(appearances), pixels.normalise(structures))
            made.append(pixels.to_uint8(swapped).cpu())
    return torch.cat(made)


def render_pairs(truth: SyntheticTruth, pairs: Sequence[Pair], height: int, width: int) -> TrueSwaps:
    """The true swap of each pair with its sources, resized as training images are. The pairs' images are built-in pedestrians."""
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
