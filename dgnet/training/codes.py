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
    positive: Cut  # appearance codes of the positives
    first_conv: Cut  # first convolution of the structure code, the same for every appearance
    styles: Cut | None  # gains and biases of the appearance codes that are decoded
    # Anchors and positives as the identity terms need them; None where these see erased copies instead, or are off.
    classified: list[AppearanceOutput] | None

    @property
    def anchor_styles(self) -> Tensor | None:
        """None where the anchors have no appearance codes."""
        return None if self.anchor is None or self.styles is None else self.styles.leaf[:, : self._anchors]

    @property
    def positive_styles(self) -> Tensor | None:
        """None where no term decodes the positives' codes."""
        if self.styles is None or self.styles.leaf.shape[1] == self._anchors:
            return None
        return self.styles.leaf[:, self._anchors :]

    @property
    def _anchors(self) -> int:
        return 0 if self.anchor is None else len(self.anchor.leaf)


def by_half(encode: Callable[..., AppearanceOutput], merged: bool, *inputs: Tensor) -> AppearanceOutput:
    """Encode a and b in separate passes, as batch norm must see them, or in one pass if `merged`."""
    if merged:
        return encode(*inputs)
    first, second = (encode(*half) for half in zip(*(tensor.chunk(2) for tensor in inputs), strict=True))
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
