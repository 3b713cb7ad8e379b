"""The codes of a batch, as the terms of the joint step share them."""

from dataclasses import dataclass

from torch import Tensor

from dgnet.models.appearance import AppearanceOutput
from dgnet.training.cut import Cut


@dataclass(frozen=True)
class Codes:
    """Codes of the anchors (images a and b) and of their positives (other images of the same two persons).

    The gradients of all terms are summed at the cuts before they go on into the encoders.
    """

    structure: Cut  # of the anchors
    anchor: Cut | None  # appearance codes of the anchors, where a term needs them
    positive: Cut  # appearance codes of the positives
    # What several decodings share: the first convolution of the structure code; gains and biases of the decoded codes.
    first_conv: Cut
    styles: Cut | None
    # Anchors and positives as the identity terms need them; None where these see erased copies instead, or are off.
    classified: list[AppearanceOutput] | None

    @property
    def anchor_styles(self) -> Tensor | None:
        """None where the anchors have no appearance codes."""
        return None if self.anchor is None or self.styles is None else self.styles.detached[:, : self._anchors]

    @property
    def positive_styles(self) -> Tensor | None:
        """None where no term decodes the positives' codes."""
        if self.styles is None or self.styles.detached.shape[1] == self._anchors:
            return None
        return self.styles.detached[:, self._anchors :]

    @property
    def _anchors(self) -> int:
        return 0 if self.anchor is None else len(self.anchor.detached)
