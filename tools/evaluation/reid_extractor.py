"""A re-identification network of ours as an extractor: identity space, which needs no download."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from dgnet.core import pixels
from eval.images.extractor import Extractor
from reid_heads.load import load_model
from reid_heads.loaded_model import LoadedModel

SPACE = "identity space"


@dataclass(frozen=True)
class ReidExtractor(Extractor):
    """An extractor that tells whether the mirror image's features are `mirrored`, that is added."""

    mirrored: bool = True


def reid_extractor(
    named: str | Path, output: Path = Path(), device: torch.device | str = "cpu", mirrored: bool | None = None
) -> ReidExtractor:
    """`extractor_of` the network that `reid_heads.load_model` reads."""
    return extractor_of(load_model(named, output=output, device=device, mirrored=mirrored))


def extractor_of(model: LoadedModel) -> ReidExtractor:
    """A loaded network as an extractor, its protocol as the name."""

    def prepare(image: Tensor) -> Tensor:
        return pixels.resize(image[None], model.height, model.width)[0]

    return ReidExtractor(model.protocol, prepare, model, SPACE, model.mirrored)
