"""The one list of heads: a name -> the function that builds it.

A new head is one file in this package and one line here.
"""

import difflib
import inspect
from collections.abc import Callable
from typing import Any, Literal, get_args, get_origin

from dgnet.core.errors import UserError
from dgnet.models.head import Head, Option
from reid_heads.models import bnneck, mgn, self_distillation

HeadBuilder = Callable[..., Head]

HEADS: dict[str, HeadBuilder] = {
    **dict.fromkeys(bnneck.TRUNKS, bnneck.BNNeck),
    **{f"{name}_kd": self_distillation.SelfDistillation for name in bnneck.TRUNKS},
    "mgn": mgn.MGN,
}


# Heads whose published figures are of image and mirror image, their embeddings added; those of the others are of the
# image alone.
ADD_MIRROR_IMAGE = frozenset({"mgn"})


def build_head(name: str, identities: int, **options: Option) -> Head:
    """A head with random weights.

    Args:
        name: one of `HEADS`: resnet18, resnet34, resnet50, resnet101, resnet50_ibn_a, each of them with `_kd` for
            self-distillation, or mgn.
        identities: the number of identities that it learns to tell apart, at least 1.
        options: `last_stride` (1 or 2) and `stem_relu` (see `BNNeck`) for all but mgn; `stripes` ("1-2-3", "1-2-4",
            "1-3-4"), `pooling` ("avg", "max"), `features` (numbers per part) and `trunk` for mgn.

    Raises:
        UserError: an unknown name or option, or a value that is not allowed.
    """
    if name not in HEADS:
        close = difflib.get_close_matches(name, HEADS, 1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise UserError(f"head must be one of {', '.join(HEADS)}, not {name!r}{hint}")
    if identities < 1:
        raise UserError(f"a head needs at least 1 identity, got {identities}")
    builder = HEADS[name]
    known = {key: item for key, item in inspect.signature(builder).parameters.items() if item.kind is item.KEYWORD_ONLY}
    for key, value in options.items():
        if key not in known:
            raise UserError(f"the head {name!r} has no option {key!r}; it has: {', '.join(known)}")
        _check_option(name, key, value, known[key].annotation)
    return builder(name, identities, **options)


def _check_option(name: str, key: str, value: Option, annotation: Any) -> None:
    if get_origin(annotation) is Literal:
        allowed = get_args(annotation)
        if value not in allowed:
            raise UserError(f"{key} of {name} must be one of {', '.join(map(str, allowed))}, not {value!r}")
    elif not isinstance(value, annotation):
        raise UserError(
            f"{key} of {name} must be of the kind {getattr(annotation, '__name__', annotation)}, not {value!r}"
        )
