"""Identification: whether a classifier that never saw the generator finds the appearance source in a generated image.

DG-Net says that identity goes with the appearance code. So the identity that an independent classifier reads off a
generated image should be the appearance source's, not the structure source's: both shares are given, they can only be
read together.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dgnet.core.errors import UserError, check_count
from eval.arrays import Array, checked_features, checked_images, checked_labels


@dataclass(frozen=True)
class Identification:
    """Shares 0..1 of generated images; `chance` is what guessing among `classes` identities would reach."""

    appearance: float  # classified as the appearance source
    structure: float  # classified as the structure source
    images: int
    classes: int
    chance: float


def identification(logits: Array, appearance_labels: Array, structure_labels: Array) -> Identification:
    """Top-1 shares of `logits` `[image, class]`; labels are class numbers `[image]` of the two sources.

    The first of equal logits wins. `UserError` for NaN, mismatched shapes, labels outside the classes, and an
    image whose two sources are one identity (it would count for both).
    """
    scores = checked_features("logits", logits).cpu()
    predicted = scores.argmax(dim=1)
    count, classes = scores.shape
    appearance = checked_labels("appearance_labels", appearance_labels, count)
    structure = checked_labels("structure_labels", structure_labels, count)
    for name, labels in (("appearance_labels", appearance), ("structure_labels", structure)):
        if bool(((labels < 0) | (labels >= classes)).any()):
            raise UserError(
                f"{name} must be class numbers from 0 to {classes - 1}, got {int(labels.min())} to {int(labels.max())}"
            )
    same = appearance == structure
    if bool(same.any()):
        raise UserError(f"image {int(same.nonzero()[0])} has one identity as both sources: such a swap says nothing")
    return Identification(
        appearance=float((predicted == appearance).double().mean()),
        structure=float((predicted == structure).double().mean()),
        images=count,
        classes=classes,
        chance=1 / classes,
    )


def logits_of(classifier: Callable[[Tensor], Tensor], images: Array, *, batch: int = 64) -> np.ndarray:
    """Logits `[image, class]` float32 of uint8 images `[image, 3, height, width]`, `batch` at a time, without
    gradients.

    `classifier` maps a uint8 batch to logits; it normalizes its input and sets its evaluation mode itself.
    """
    check_count("batch", batch)
    pixels = checked_images("images", images)
    with torch.inference_mode():
        parts = [classifier(pixels[start : start + batch]).float().cpu() for start in range(0, len(pixels), batch)]
    return torch.cat(parts).numpy()
