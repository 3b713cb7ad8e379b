"""Features of images, by which sets are compared, from any network."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dgnet.core.errors import UserError
from eval.arrays import checked_features
from eval.image_files import Images, batches

INCEPTION = "Inception space"  # where the Frechet distance is called FID


@dataclass(frozen=True)
class Extractor:
    """A network and its preprocessing. Metrics of two extractors are not comparable, so `name` stands with each.

    `prepare` maps one uint8 image `[3, height, width]` of any size to the network's input (on the CPU, all of one
    size); `network` maps a batch of these to features `[batch, feature]`, and takes care of its device and of being in
    evaluation mode. `space` names its feature space in two words.
    """

    name: str
    prepare: Callable[[Tensor], Tensor]
    network: Callable[[Tensor], Tensor]
    space: str = "feature space"


def features_of(images: Images, extractor: Extractor, *, batch: int = 50, workers: int | None = None) -> np.ndarray:
    """Features `[image, feature]`, float32, in the order of `images` (files or uint8 `[image, 3, height, width]`).

    `UserError` for unreadable files, no images, and features that are no tensor, not finite or no matrix.
    """
    parts = []
    with torch.inference_mode():
        for prepared in batches(images, extractor.prepare, batch=batch, workers=workers):
            features = extractor.network(prepared)
            if not isinstance(features, Tensor):
                raise UserError(
                    f"the extractor {extractor.name} must give a tensor [image, feature], got {type(features).__name__}"
                )
            if features.ndim != 2 or len(features) != len(prepared):
                raise UserError(
                    f"the extractor {extractor.name} must give a row of features for each of {len(prepared)} images, "
                    f"got shape {tuple(features.shape)}"
                )
            parts.append(features.float().cpu())
    return checked_features(f"features of {extractor.name}", torch.cat(parts)).numpy()
