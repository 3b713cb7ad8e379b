"""A re-identification model as evaluations see it: images in, features out, and its input size."""

from typing import Protocol, runtime_checkable

from torch import Tensor

from dgnet.core import pixels
from dgnet.core.images import DECODING
from eval.extractor import Extractor

SPACE = "identity space"


@runtime_checkable
class EmbeddingModel(Protocol):
    """Anything with a name, a size and a call on uint8 images; `reid_heads.load_model` gives one.

    `model(images)` maps uint8 images `[image, 3, height, width]` on the CPU to features `[image, feature]`; the model
    takes care of normalizing, of its device and of being in evaluation mode. If it has an attribute `mirrored`, that
    tells whether the features of the mirror image are added.
    """

    @property
    def name(self) -> str:
        """What it is; it stands with every metric."""

    @property
    def height(self) -> int:
        """Pixels that images are resized to."""

    @property
    def width(self) -> int:
        """Likewise."""

    def __call__(self, images: Tensor, /) -> Tensor:
        """The features."""


def extractor_of(model: EmbeddingModel) -> Extractor:
    """A model as an `Extractor`: images are resized to its size (antialiased bicubic)."""

    def prepare(image: Tensor) -> Tensor:
        return pixels.resize(image[None], model.height, model.width)[0]

    return Extractor(description(model), prepare, model, SPACE)


def description(model: EmbeddingModel) -> str:
    """Name, mirror image and size: features of two descriptions are not comparable."""
    mirrored = getattr(model, "mirrored", None)
    view = "" if mirrored is None else ", mirror image added" if mirrored else ", image alone"
    return f"{model.name}{view}, {model.height}x{model.width}"


def preprocessing_of(model: EmbeddingModel) -> dict[str, object]:
    """What an image goes through before a model, as files of features say it."""
    preprocessing: dict[str, object] = {
        "decoding": DECODING,
        "height": model.height,
        "width": model.width,
        "resize": "antialiased bicubic",
    }
    mirrored = getattr(model, "mirrored", None)
    if mirrored is None:
        return preprocessing
    flip = "added" if mirrored else "none"
    return preprocessing | {"flip": flip, "mean": list(pixels.MEAN), "std": list(pixels.STD)}
