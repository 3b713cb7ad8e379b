"""The boxes of the explorer into which images are dropped, decoded by our rules. Needs the extra `explorer`."""

from pathlib import Path
from typing import Any

from torch import Tensor

from dgnet.core.errors import UserError
from visual.image_input import decode_upload

try:
    import gradio
except ImportError as missing:
    raise UserError("the explorer needs the extra 'explorer': pip install gradio") from missing


def image_slot(name: str, example: Path | None = None) -> gradio.Image:
    """A box for an image, whose value is a uint8 tensor `[3, height, width]` or None; `example` is in it at first."""
    return gradio.Image(
        None if example is None else str(example),
        label=name.capitalize() + (" (optional)" if "second" in name else ""),
        sources=["upload", "clipboard"],
        format="png",
        height=240,
        min_width=100,  # four stand side by side on a page of 1,200 pixels
        elem_id=name.replace(" ", "-"),
        elem_classes="slot",
    )


def _decoded(_slot: gradio.Image, payload: Any) -> Tensor | None:
    if payload is None:
        return None
    if not payload.path:
        raise gradio.Error("only files can be dropped here", print_exception=False)
    try:
        return decode_upload(Path(payload.path))
    except UserError as error:
        raise gradio.Error(str(error), print_exception=False) from error


# Decoded by our rules instead of Gradio's. Of the class: Gradio makes a box anew whenever an event changes it. Not of a
# subclass: Gradio would write a stub file beside this one.
gradio.Image.preprocess = _decoded  # type: ignore[method-assign,assignment]
