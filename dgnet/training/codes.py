"""The codes of a batch, which the loss terms of the joint step share."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from dgnet.models.appearance import AppearanceOutput
from dgnet.models.classifier import IdentityOutput
from dgnet.training.cut import Cut


@dataclass(frozen=True)
class Codes:
    """Codes of the anchors (images a and b) and of their positives (other images of the same two persons).

    The gradients of all terms are summed at these cuts before they go on into the encoders.
    """

    structure: Cut  # of the anchors
    anchor: Cut | None  # appearance codes of the anchors, where a term needs them
    positive: Cut | None  # appearance codes of the positives, where a term or the batch statistics need them
    # What the decoder makes of these codes, where a term decodes them.
    anchor_styles: Cut | None
    positive_styles: Cut | None
    # Anchors and positives as the identity terms need them; None where these see erased copies instead, or are off.
    classified: list[AppearanceOutput | None] | None
    # With part colors: structure of the positives, and of anchors and positives in one tensor, which both come from.
    positive_structure: Cut | None = None
    all_structures: Cut | None = None

    @property
    def in_backward_order(self) -> tuple[Cut | None, ...]:
        """Each cut before those that it was computed from."""
        structures = (self.structure, self.positive_structure, self.all_structures)
        return (self.anchor_styles, self.positive_styles, self.anchor, self.positive, *structures)


def by_half(encode: Callable[[Tensor], AppearanceOutput], merged: bool, images: Tensor) -> AppearanceOutput:
    """Encode a and b in separate passes, as batch norm must see them, or in one pass if `merged`."""
    if merged:
        return encode(images)
    first, second = map(encode, images.chunk(2))
    return AppearanceOutput(
        torch.cat([first.code, second.code]),
        *(
            IdentityOutput(*map(torch.cat, zip(one, two, strict=True)))
            for one, two in zip(first[1:], second[1:], strict=True)
        ),
    )


def exchange_halves(batch: Tensor) -> Tensor:
    """a, b -> b, a."""
    return torch.cat(batch.chunk(2)[::-1])
