"""Is a generated image a copy of a training image? Its distance to the nearest, against that of held-out photographs.

Real photographs of other people cannot be copies, however near they come to a training image: their distances tell what
is near by chance. An image is a suspected copy where it is nearer than nearly all of them. Distances are 1 minus the
correlation of thumbnails of 16x8 pixels: compression, a shift by a pixel or two, other brightness or contrast and a
mirror image change them little, other clothes or another place much.
"""

from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from dgnet.core import pixels
from dgnet.core.errors import UserError
from eval.image_files import Images, batches
from eval.reid.distance import row_blocks, squared_distances, unit_features

HEIGHT, WIDTH = 16, 8
ALARM_RATE = 0.01
_SAME = 1e-6  # distances below it are rounding


@dataclass(frozen=True)
class MemorizationAudit:
    """Distances 0..2: 0 for the same thumbnail (whatever its brightness and contrast), 1 for unrelated ones.

    Attributes:
        distances: of each generated image to its nearest training image.
        nearest: which that is.
        held_out: distances of the held-out images to theirs.
        threshold: a generated image below it is a suspected copy.
        alarm_rate: the probability, at most, that an image like the held-out ones is taken for one, 0..1.
    """

    distances: Float[np.ndarray, " generated"] = field(repr=False)
    nearest: Int64[np.ndarray, " generated"] = field(repr=False)
    held_out: Float[np.ndarray, " held_out"] = field(repr=False)
    threshold: float
    alarm_rate: float

    @property
    def suspected(self) -> Bool[np.ndarray, " generated"]:
        """Which generated images are suspected copies."""
        return self.distances < self.threshold

    @property
    def nearest_first(self) -> Int64[np.ndarray, " generated"]:
        """The generated images by their distance, the nearest first."""
        return np.argsort(self.distances, kind="stable")


def memorization_audit(
    generated: Images, training: Images, held_out: Images, *, batch: int = 50, workers: int | None = None
) -> MemorizationAudit:
    """Compare files or uint8 images `[image, 3, height, width]`, of any sizes.

    The threshold is the k-th smallest distance of n held-out images, with the largest k such that k / (n + 1), the
    chance that one more image like them falls below it, is at most 1 %; with fewer than 99 held-out images it is the
    smallest distance, and the chance 1 / (n + 1). That chance is per image: of many images so many are alarms by
    chance. It holds for images that are to the training images as the held-out ones are; swaps are not quite, as they
    have the pose, body and place of a training image. An image of one color has no thumbnail to compare: its distance
    is 1. Memory: 3 kB an image.

    Raises:
        UserError: an unreadable file, no image on a side, or held-out images that are training images.
    """
    made, known, others = (
        thumbnails(images, batch=batch, workers=workers) for images in (generated, training, held_out)
    )
    expected, which = nearest_distances(others, known)
    if (copies := expected < _SAME).any():
        raise UserError(
            f"held-out images must not be training images: {int(copies.sum())} are, the first is number "
            f"{int(copies.argmax())}, which is the training image number {int(which[copies.argmax()])}"
        )
    distances, nearest = nearest_distances(made, known)
    rank = max(int(ALARM_RATE * (len(expected) + 1) + 1e-9), 1)
    threshold = float(np.partition(expected, rank - 1)[rank - 1])
    return MemorizationAudit(distances, nearest, expected, threshold, rank / (len(expected) + 1))


def thumbnails(images: Images, *, batch: int = 50, workers: int | None = None) -> Float[Tensor, "image feature"]:
    """Unit features `[image, 3 * 16 * 8]`: small images, less their mean gray, divided by their contrast."""

    def prepare(image: Tensor) -> Tensor:
        return pixels.resize(image[None], HEIGHT, WIDTH)[0]

    small = torch.cat(list(batches(images, prepare, batch=batch, workers=workers))).flatten(1).double()
    return unit_features("thumbnails", small - small.mean(dim=1, keepdim=True))


def nearest_distances(points: Tensor, among: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """The distance of each of the `points` to the nearest thumbnail `among` others or their mirror images, and which
    it is, the first of equally near ones. Exact, and in blocks: no full matrix."""
    mirrored = among.view(-1, 3, HEIGHT, WIDTH).flip(3).flatten(1)
    distances, nearest = [], []
    for rows in row_blocks(len(points), len(among)):
        block = torch.minimum(*(squared_distances(points[rows], side) for side in (among, mirrored)))
        least = block.min(dim=1)
        distances.append(least.values / 2)
        nearest.append(least.indices)
    return torch.cat(distances).clamp_min(0).numpy(), torch.cat(nearest).numpy()
