"""What the encoders made of a batch, as the terms of the joint step share it."""

from dataclasses import dataclass

from torch import Tensor

from dgnet.models.appearance import AppearanceOutput
from dgnet.training.cut import Cut


@dataclass(frozen=True)
class Encoded:
    """Codes of images a and b and of their positives; gradients wait at the cuts until every term has had its say."""

    structure: Cut  # of a, b
    own: Cut | None  # appearance codes of a, b, where a term looks at them
    positive_code: Cut  # appearance codes of their positives
    # What several decodings share: the structure's first convolution; the styles of the codes that are decoded.
    begun: Cut
    styles: Cut | None
    # a, b and positives as the identity terms read them; None where these read erased copies instead, or are off.
    named: list[AppearanceOutput] | None

    @property
    def own_code(self) -> Cut:
        assert self.own is not None, "an iteration without swapped images and identities has no own codes"
        return self.own

    @property
    def own_styles(self) -> Tensor | None:
        return None if self.own is None or self.styles is None else self.styles.leaf[:, : len(self.own.leaf)]

    @property
    def positive_styles(self) -> Tensor | None:
        """None where no term decodes the positives' codes."""
        own = 0 if self.own is None else len(self.own.leaf)
        return None if self.styles is None or self.styles.leaf.shape[1] == own else self.styles.leaf[:, own:]
