"""Where a batch's generated images come from: a stored set, or a generator that swaps the batch's own images."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int64, UInt8
from torch import Tensor

from dgnet.core import pixels
from dgnet.core.errors import UserError
from dgnet.core.images import print_passed_over
from dgnet.core.random_draws import rng
from dgnet.data.cache import ImageCache
from dgnet.data.readers.generated import MANIFEST, GeneratedRecord, read_generated
from dgnet.data.records import Dataset
from dgnet.generation.load import load_generator
from dgnet.models.generator import Generator
from dgnet.models.swap import swap_images
from dgnet.runs.checkpoint import list_checkpoints
from reid_heads.config import GeneratedConfig
from reid_heads.generated.checks import (
    refuse_changed,
    refuse_numbers_of_names,
    refuse_real_images,
    refuse_renumbered,
    refuse_unusable,
    warn_of_other_sources,
    warn_of_unfinished,
)
from reid_heads.generated.filters import FilterCount, apply_filters
from reid_heads.generated.label_policies import LabelPolicyName
from reid_heads.losses.label_smoothing import UNLABELED


@dataclass(frozen=True)
class GeneratedImages:
    """Generated images, not augmented, on the CPU, and the classes of their sources (-1: unknown)."""

    images: UInt8[Tensor, "batch 3 height width"]
    appearance: Int64[Tensor, "batch"]
    structure: Int64[Tensor, "batch"]


class StoredImages:
    """A set of generated images in memory.

    Each batch gets generated images of its own identities, in turn, so that metric losses find pairs. Where an identity
    has none, it gets images of others. The identity of an image is that of its appearance or of its structure, as the
    label policy wants it.
    """

    def __init__(
        self,
        records: Sequence[GeneratedRecord],
        classes: dict[int, int],
        policy: LabelPolicyName = "appearance",
        workers: int | None = None,
        filter_counts: Sequence[FilterCount] = (),
    ) -> None:
        """`classes` maps training identities to their classes; `filter_counts` says what filters left out.

        `UserError` for images that the policy cannot use.
        """
        self.filter_counts = tuple(filter_counts)
        refuse_unusable(records, classes, policy)
        self.cache = ImageCache([record.path for record in records], workers)
        self.appearance, self.structure = (
            np.array([classes.get(getattr(record, role), UNLABELED) for record in records], dtype=np.int64)
            for role in ("appearance", "structure")
        )
        owners = self.structure if policy == "fine_grained" else self.appearance
        self._grouped = np.argsort(owners, kind="stable")
        self._owners, self._starts, self._sizes = np.unique(
            owners[self._grouped], return_index=True, return_counts=True
        )

    def __len__(self) -> int:
        return len(self.cache)

    def __str__(self) -> str:
        known = self._owners[self._owners != UNLABELED]
        unknown = int((self._sizes[self._owners == UNLABELED]).sum())
        others = f", {unknown} of them of nobody in training" if unknown else ""
        return f"{len(self)} images of {len(known)} identities in training{others}"

    def fingerprint(self) -> bytes:
        """Which images these are: name and size of each file, the classes of its sources."""
        return b"".join(
            os.fsencode(f"{path.name}\0{path.stat().st_size}\0{appearance}\0{structure}\n")
            for path, appearance, structure in zip(self.cache.paths, self.appearance, self.structure, strict=True)
        )

    def draw(
        self, labels: Int64[np.ndarray, "batch"], count: int, height: int, width: int, seed: int, index: int
    ) -> GeneratedImages:
        """`count` images for a batch of these classes: a pure function of its arguments."""
        uniform = rng(seed, "stored generated images", index).random((3, count))
        people = np.unique(labels)
        wanted = people[np.argsort(rng(seed, "their identities", index).random(len(people)))]
        wanted = np.resize(wanted, count)
        place = np.searchsorted(self._owners, wanted).clip(max=len(self._owners) - 1)
        has = self._owners[place] == wanted
        own = self._starts[place] + (uniform[0] * self._sizes[place]).astype(np.int64)
        chosen = self._grouped[np.where(has, own, (uniform[1] * len(self)).astype(np.int64))]
        return GeneratedImages(
            self.cache.gather(torch.from_numpy(chosen), height, width),
            torch.from_numpy(self.appearance[chosen]),
            torch.from_numpy(self.structure[chosen]),
        )


class LiveGenerator:
    """A trained DG-Net that swaps the real images of a batch among themselves during training.

    Args:
        height, width: of the images that it works on, in pixels; others are resized before and after.
    """

    def __init__(self, network: Generator, height: int, width: int) -> None:
        self.network, self.height, self.width = network, height, width

    def fingerprint(self) -> bytes:
        """Which generator this is: all its weights."""
        digest = hashlib.sha256()
        for value in self.network.state_dict().values():
            digest.update(value.cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
        return digest.digest()

    def swap(
        self,
        images: UInt8[Tensor, "batch 3 height width"],
        labels: Int64[Tensor, "batch"],
        count: int,
        seed: int,
        index: int,
    ) -> GeneratedImages:
        """`count` swaps, each between images of two identities; the pairs are a pure function of seed and index.

        `images` and `labels` are the batch's, not augmented, of at least two identities, on the CPU.
        """
        appearance, structure = draw_swaps(labels.numpy(), count, seed, index)
        sources = pixels.resize(images, self.height, self.width)
        swapped = swap_images(self.network, *(sources[torch.from_numpy(chosen)] for chosen in (appearance, structure)))
        back = pixels.resize(swapped, *images.shape[2:])
        return GeneratedImages(back, labels[torch.from_numpy(appearance)], labels[torch.from_numpy(structure)])


GeneratedSource = StoredImages | LiveGenerator


def draw_swaps(
    labels: Int64[np.ndarray, "batch"], count: int, seed: int, index: int
) -> tuple[Int64[np.ndarray, "swap"], Int64[np.ndarray, "swap"]]:
    """Positions of appearances and structures of `count` swaps: appearances in turn in a random order, each with a
    random image of another identity."""
    uniform = rng(seed, "live swaps", index).random((2, max(count, len(labels))))
    appearance = np.resize(np.argsort(uniform[0, : len(labels)]), count)
    others = labels[None, :] != labels[appearance, None]
    # The k-th of the others, k drawn uniformly.
    rank = (uniform[1, :count] * others.sum(1)).astype(np.int64)
    return appearance, (others.cumsum(1) == (rank + 1)[:, None]).argmax(1)


def open_generated(
    config: GeneratedConfig, dataset: Dataset, device: torch.device | str = "cpu"
) -> GeneratedSource | None:
    """The source that `config.source` names: a run of DG-Net (folder or checkpoint) or stored images; None if null.

    Raises:
        UserError: it is missing or damaged, its images lack what the label policy needs, are images of the data set, or
            its people have other numbers in the data set now.
    """
    if config.source is None:
        return None
    if is_run(config.source):
        if config.filters:
            raise UserError(
                f"{config.source} swaps while training, and its images have no scores for generated.filters; make a "
                "set of it by tools/generate.py"
            )
        generator = load_generator(config.source, device=device)
        return LiveGenerator(generator.network, *generator.size)
    classes = {identity: label for label, identity in enumerate(dataset.identities)}
    refuse_renumbered(config.source, dataset)
    if config.source.is_dir() and not (config.source / MANIFEST).is_file():
        refuse_numbers_of_names(config.source, dataset, config.label)
        print_passed_over(config.source)
    records = read_generated(config.source, config.name_pattern)
    refuse_changed(config.source, records)
    refuse_real_images(config.source, records, dataset)
    warn_of_unfinished(config.source, len(records))
    warn_of_other_sources(config.source, dataset, config.label)
    records, counts = apply_filters(records, config.filters)
    return StoredImages(records, classes, config.label, filter_counts=counts)


def is_run(path: Path) -> bool:
    """Whether `path` is a checkpoint, or the folder of a run with checkpoints."""
    return path.suffix == ".pt" or bool(list_checkpoints(path / "checkpoints"))
