"""Identity consistency: is a generated image nearer to its appearance source than to its structure source, for a re-ID
network?"""

from dataclasses import dataclass, field

import numpy as np

from dgnet.core.errors import UserError
from eval.arrays import Array
from eval.reid.distance import check_columns, unit_features


@dataclass(frozen=True)
class Consistency:
    """How often, and how strongly. Cosines are -1..1; a tie counts against the appearance."""

    share: float  # of generated images that are nearer to their appearance source than to their structure source
    margin: float  # mean cosine to the appearance source minus mean cosine to the structure source
    appearance_cosine: float
    structure_cosine: float
    images: int
    to_appearance: np.ndarray = field(repr=False)  # each image's cosine
    to_structure: np.ndarray = field(repr=False)


def identity_consistency(generated: Array, appearances: Array, structures: Array) -> Consistency:
    """Features `[image, feature]` of generated images and of their two sources, in one order.

    `UserError` for NaN, other numbers of images or features, and where all features are the same.
    """
    names = ("generated", "appearances", "structures")
    images, appearance, structure = (
        unit_features(name, features).double()
        for name, features in zip(names, (generated, appearances, structures), strict=True)
    )
    for name, source in zip(names[1:], (appearance, structure), strict=True):
        if len(source) != len(images):
            raise UserError(f"{name} must hold a source of each of {len(images)} images, got {len(source)}")
        check_columns(images, source)
    if all(bool((part.to(images.device) == images[0]).all()) for part in (images, appearance, structure)):
        raise UserError("the features of all images are the same: the network tells none apart")
    to_appearance, to_structure = ((images * source.to(images.device)).sum(dim=1) for source in (appearance, structure))
    return Consistency(
        share=float((to_appearance > to_structure).double().mean()),
        margin=float((to_appearance - to_structure).mean()),
        appearance_cosine=float(to_appearance.mean()),
        structure_cosine=float(to_structure.mean()),
        images=len(images),
        to_appearance=to_appearance.cpu().numpy(),
        to_structure=to_structure.cpu().numpy(),
    )
