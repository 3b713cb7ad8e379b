"""Features of images joined with those of their swaps: the same person, drawn by a generator in other poses and places.

As the generated part of Yuan et al., "From Poses to Identity: Training-Free Person Re-Identification via Feature
Centralization", CVPR 2025; there a diffusion model draws eight chosen poses, here a generator swaps each image onto the
structures of a few other images, the same ones for all.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from dgnet.core.errors import UserError
from eval.datasets import ImageRecord, TestSplits
from eval.extractor import Extractor, features_of
from eval.generator import Generate
from eval.reid.distance import unit_features
from eval.reid.embedding_model import EmbeddingModel, extractor_of
from eval.reid.labeled_features import LabeledFeatures


@dataclass(frozen=True)
class Swaps:
    """How images are swapped, and how the features of their swaps join.

    Attributes:
        generate: makes images of pairs of records.
        generator: its name and iteration, for people.
        structures: the images whose structure each swap has.
        choice: how these were chosen, such as "seed 0".
        weight: of each swap's unit feature, beside 1 for the image's own.
        gallery: whether the gallery's images are swapped, too, and not the queries alone.
    """

    generate: Generate = field(repr=False)
    generator: str
    structures: Sequence[ImageRecord] = field(repr=False)
    choice: str
    weight: float = 1.0
    gallery: bool = False

    def __post_init__(self) -> None:
        if not self.structures or not 0 < self.weight < float("inf"):
            raise UserError(
                "swaps need at least one structure and a finite weight above 0, got "
                f"{len(self.structures)} and {self.weight}"
            )

    def __str__(self) -> str:
        sides = "queries and gallery" if self.gallery else "queries"
        return (
            f"{sides} joined with {len(self.structures)} swaps each by {self.generator}, structures by {self.choice}, "
            f"weight {self.weight:g}"
        )


@dataclass(frozen=True)
class SidesWithSwaps:
    """Both sides of a ranking with their labels, and in words how they were joined."""

    query: LabeledFeatures
    gallery: LabeledFeatures
    description: str


def sums_of_swaps(
    records: Sequence[ImageRecord], swaps: Swaps, extractor: Extractor, *, batch: int = 50, workers: int | None = None
) -> Float[Tensor, "image feature"]:
    """For each record the sum of the unit features of its swaps, float64.

    Swaps and their features are forgotten as soon as they are added: memory grows with the records alone.
    """
    images = len(records)
    pairs = [(image, images + structure) for structure in range(len(swaps.structures)) for image in range(images)]
    sums = None
    for generated in swaps.generate([*records, *swaps.structures], pairs):
        features = features_of(generated.images, extractor, batch=batch, workers=workers)
        if sums is None:
            sums = torch.zeros(images, features.shape[1], dtype=torch.float64)
        # Multiples of 2^-24 add up exactly, in any order and whatever the batch.
        of_images = torch.tensor([pairs[position][0] for position in generated.positions])
        sums.index_add_(0, of_images, unit_features("features of swaps", features).double())
    if sums is None:
        raise UserError("swaps need at least one image, got none")
    return sums


def joined_with_swaps(side: LabeledFeatures, sums: Tensor, weight: float) -> LabeledFeatures:
    """A side of a ranking whose features are those of its images plus `weight` times the `sums_of_swaps`, normalized.

    `UserError` for other numbers of images or features.
    """
    own = unit_features("features", side.features).cpu()
    if own.shape != sums.shape:
        raise UserError(f"swaps must have features of the shape {tuple(own.shape)}, got {tuple(sums.shape)}")
    joined = unit_features("features joined with swaps", own.double() + weight * sums)
    return LabeledFeatures(joined.numpy(), side.identities, side.cameras)


def sides_with_swaps(
    query: LabeledFeatures,
    gallery: LabeledFeatures,
    dataset: TestSplits,
    swaps: Swaps,
    model: EmbeddingModel,
    *,
    batch: int = 50,
    workers: int | None = None,
) -> SidesWithSwaps:
    """Queries and, if `swaps.gallery`, gallery of a data set, joined with their swaps as `model` sees them.

    `query` and `gallery` are features of the same model. `UserError` as `sums_of_swaps`.
    """
    extractor = extractor_of(model)

    def joined(side: LabeledFeatures, records: Sequence[ImageRecord]) -> LabeledFeatures:
        sums = sums_of_swaps(records, swaps, extractor, batch=batch, workers=workers)
        return joined_with_swaps(side, sums, swaps.weight)

    with_swaps = joined(query, dataset.query)
    return SidesWithSwaps(with_swaps, joined(gallery, dataset.gallery) if swaps.gallery else gallery, str(swaps))
