"""Epoch -> learning-rate factor. Pure functions, so that a resumed run needs no state of theirs."""

import re
from collections.abc import Sequence

from dgnet.core.errors import UserError


def warmup_multistep(
    epoch: int, milestones: Sequence[int], gamma: float, warmup_epochs: int = 0, warmup_factor: float = 0.01
) -> float:
    """The factor in `epoch` (from 0): `gamma` to the number of milestones reached, times the warm-up.

    The warm-up grows linearly from `warmup_factor` in epoch 0 to 1 in epoch `warmup_epochs` (bag of tricks, Luo et al.
    2019); 0 epochs: none.
    """
    factor = gamma ** sum(epoch >= milestone for milestone in milestones)
    if epoch < warmup_epochs:
        share = epoch / warmup_epochs
        factor *= warmup_factor * (1 - share) + share
    return factor


def parse_decay(text: str) -> tuple[int, ...]:
    """`step_320_380` -> (320, 380), the epochs at which the rate falls; `constant` -> ().

    `UserError` for anything else, and for epochs that do not grow.
    """
    if text == "constant":
        return ()
    if re.fullmatch(r"step(_\d+)+", text):
        milestones = tuple(int(word) for word in text.split("_")[1:])
        if milestones[0] > 0 and all(a < b for a, b in zip(milestones, milestones[1:], strict=False)):
            return milestones
    raise UserError(f"decay must be 'constant' or epochs that grow, as in 'step_320_380', not {text!r}")
