"""The explorer's tab on which a photograph is dropped: where and when was this person? Needs the extra `explorer`."""

import html
from collections.abc import Callable

from torch import Tensor

from dgnet.core.errors import UserError
from visual.explorer.slots import image_slot

try:
    import gradio
except ImportError as missing:
    raise UserError("the explorer needs the extra 'explorer': pip install gradio") from missing

# A photograph, uint8 [3, height, width] -> a page of HTML in one file.
Search = Callable[[Tensor], str]

STYLE = (
    " #found iframe { width: 100%; height: 80vh; border: 1px solid var(--border-color-primary); border-radius: 4px; }"
)


def where_tab(search: Search) -> None:
    """A box for a photograph, and the page that `search` answers with. It opens as soon as the photograph is there."""
    gradio.Markdown(
        "# Where and when was this person?\nDrop a photograph of **one** person, cut out from head to foot. The tracks "
        "of the gallery that look most like it appear on a time line of each camera. Nothing leaves this machine."
    )
    with gradio.Row():
        with gradio.Column(scale=1, min_width=180):
            photograph = image_slot("photograph")
        with gradio.Column(scale=5):
            found = gradio.HTML(elem_id="found")
    photograph.change(lambda image: answer(search, image), photograph, found, api_visibility="private")


def answer(search: Search, photograph: Tensor | None) -> str:
    """The page in a frame of its own, in which nothing runs; empty without a photograph."""
    if photograph is None:
        return ""
    try:
        page = search(photograph)
    except UserError as error:
        raise gradio.Error(str(error), print_exception=False) from error
    return f'<iframe sandbox title="Where and when" srcdoc="{html.escape(page)}"></iframe>'
