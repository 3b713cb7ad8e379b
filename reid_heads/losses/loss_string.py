"""The loss as a string: `1*CrossEntropy+2*Triplet+0.005*CenterLoss`."""

import difflib
import re
from typing import NamedTuple

from dgnet.core.errors import UserError
from reid_heads.losses.metric_losses import METRIC_LOSSES


class LossTerm(NamedTuple):
    """`weight` times the loss of this name."""

    weight: float
    name: str


def term_names() -> tuple[str, ...]:
    """The names of all terms."""
    return ("CrossEntropy", *METRIC_LOSSES, "CenterLoss")


def parse_loss(text: str) -> tuple[LossTerm, ...]:
    """`WEIGHT*NAME` joined by `+` -> terms in the order given; a name without weight has weight 1.

    Raises:
        UserError: no terms, an unknown name, a weight that is no positive number, or a name given twice.
    """
    terms: list[LossTerm] = []
    names = term_names()
    # The plus of an exponent (1e+2) joins no terms.
    for part in re.split(r"(?<![0-9.][eE])\+", text.replace(" ", "")):
        weight, star, name = part.rpartition("*")
        if name not in names:
            close = difflib.get_close_matches(name, names, 1)
            hint = f"did you mean {close[0]}? " if close else ""
            raise UserError(
                f"loss {text!r}: unknown term {name!r}; {hint}a loss is WEIGHT*NAME joined by +, "
                f"with the names {', '.join(names)}"
            )
        if name in (term.name for term in terms):
            raise UserError(f"loss {text!r}: {name} is there twice; each name may stand once")
        terms.append(LossTerm(_weight(text, weight) if star else 1.0, name))
    return tuple(terms)


def _weight(loss: str, text: str) -> float:
    if not re.fullmatch(r"(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text) or not 0 < float(text) < float("inf"):
        raise UserError(f"loss {loss!r}: a weight is a number above 0, such as 0.005, not {text!r}")
    return float(text)
