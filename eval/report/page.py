"""The blocks of an HTML page that is one file: it loads nothing, runs nothing, and opens offline and on a phone.

The blocks are macros of `templates/blocks.html`, filled by Jinja2, which escapes every text; `document` makes a page of
them. Pictures are carried inside, compressed. A table has a caption and headers that a screen reader can announce, a
picture has an alternative text; small pictures are enlarged while the pointer or the keyboard is on them.
"""

import base64
import functools
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import jinja2
import numpy as np
from markupsafe import Markup
from PIL import Image

from dgnet.core.errors import UserError
from dgnet.core.folder_names import printable
from dgnet.core.image_arrays import check_unmasked
from dgnet.core.images import read_image
from eval.arrays import Array, as_numpy

Html = Markup
Frame = Literal["", "right", "wrong", "source", "true"]

QUALITY = 82  # of WebP, 0..100: no difference to be seen at twice the size
_WEBP_LIMIT = 16383  # pixels of a side
_WIDEST = 1600  # pixels of an embedded picture
# Beside the frames' colors, for readers who cannot tell these apart.
_SIGNS: dict[Frame, str] = {"": "", "right": "✓", "wrong": "✗", "source": "", "true": ""}


@dataclass(frozen=True)
class HtmlSection:
    """A part of a page: its heading, and what stands under it."""

    title: str
    body: Html


@dataclass(frozen=True)
class Tile:
    """A small picture: uint8 `[3, height, width]`, or no picture; `words` are its description, `label` stands below."""

    image: Array | None
    words: str
    label: str = ""
    frame: Frame = ""


def section(title: str, *blocks: Html) -> HtmlSection:
    """A part of the page under a heading."""
    return HtmlSection(title, Markup("\n").join(blocks))


def paragraph(text: str) -> Html:
    """A paragraph of text."""
    return block("paragraph", text)


def heading(text: str) -> Html:
    """A heading below that of a section."""
    return block("heading", text)


def beside(picture: Html, blocks: Sequence[Html]) -> Html:
    """A small picture with other blocks to the right of it."""
    return block("beside", picture, blocks)


def code_line(label: str, code: str) -> Html:
    """A line with a command."""
    return block("code_line", label, code)


def with_note(text: str, note: str) -> Html:
    """A text with a note in small print below it."""
    return block("with_note", text, note)


def details(summary: str, *blocks: Html) -> Html:
    """A part that is closed until it is opened."""
    return block("details", summary, blocks)


def preformatted(text: str) -> Html:
    """Text with its own lines and columns."""
    return block("preformatted", text)


def listing(caption: str, entries: Mapping[str, str]) -> Html:
    """A table of names and texts, a row each."""
    return block("listing", caption, entries)


def table(caption: str, head: Sequence[str], groups: Mapping[str, Sequence[Sequence[Html | str]]]) -> Html:
    """A table of `head` columns. The first cell of a row is its header; a group's name, if any, is a line above it."""
    return block("table", caption, head, groups)


def tile(content: Tile) -> Html:
    """One small picture, which keyboard and pointer enlarge. `UserError` for an image of another type or shape."""
    if content.image is None:
        return block("tile", "", content.words, content.label, "", "", 0, 0)
    check_unmasked("a tile", content.image)
    image = as_numpy(content.image)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[0] != 3 or 0 in image.shape:
        raise UserError(f"a tile must be uint8 [3, height, width], got {image.dtype} of shape {image.shape}")
    height, width = image.shape[1:]
    source = data_uri(Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0))))
    return block("tile", source, content.words, content.label, _SIGNS[content.frame], content.frame, width, height)


def in_order(tiles: Sequence[Tile], heading: str) -> Html:
    """Small pictures in order, such as ranked ones: a list under its heading, as wide as the screen allows."""
    return block("in_order", heading, [tile(content) for content in tiles])


def picture_pairs(pairs: Sequence[tuple[tuple[Tile, Tile], str, bool]], heading: str) -> Html:
    """Pairs of small pictures in an order that means something, each with words below it; marked ones stand out."""
    drawn = [([tile(content) for content in both], words, marked) for both, words, marked in pairs]
    return block("picture_pairs", heading, drawn)


def picture_table(caption: str, corner: str, head: Sequence[Tile], rows: Sequence[tuple[Tile, Sequence[Tile]]]) -> Html:
    """Pictures that belong to a row and a column, whose headers are pictures too; it always fits the screen's width."""
    cells = [(tile(first), [tile(content) for content in others]) for first, others in rows]
    return block("picture_table", caption, corner, [tile(content) for content in head], cells)


def picture_file(path: Path, caption: str) -> Html:
    """A picture from a file with its caption. `UserError` if the file cannot be read."""
    picture = Image.fromarray(read_image(path).permute(1, 2, 0).numpy())
    if picture.width > _WIDEST:
        picture = picture.resize((_WIDEST, round(picture.height * _WIDEST / picture.width)))
    alt = f"{path.stem}, described below"
    return block("picture", data_uri(picture), alt, caption, picture.width, picture.height)


def data_uri(image: Image.Image) -> str:
    """The picture as WebP inside an address, which needs no file beside the page; smaller where WebP has no room."""
    longest = max(image.size)
    if longest > _WEBP_LIMIT:
        image = image.resize([max(1, side * _WEBP_LIMIT // longest) for side in image.size])
    compressed = io.BytesIO()
    image.save(compressed, "WEBP", quality=QUALITY, method=6)
    return "data:image/webp;base64," + base64.b64encode(compressed.getvalue()).decode("ascii")


def document(title: str, sections: Sequence[HtmlSection], opening: Sequence[Html] = ()) -> str:
    """The whole page: title, links to the sections, `opening`, the sections, and the page's own size at the end."""
    template = _templates().get_template("page.html")
    values = {"title": title, "sections": sections, "opening": opening}
    size = len(printable(template.render(values, kilobytes="")).encode("utf-8"))
    return printable(template.render(values, kilobytes=f"{math.ceil(size / 1000):,}")) + "\n"


def block(name: str, *values: object) -> Html:
    """A macro of `templates/blocks.html`, filled with these values."""
    return Markup(getattr(_blocks(), name)(*values).strip())


@functools.cache
def _templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("eval.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )


@functools.cache
def _blocks() -> Any:
    return _templates().get_template("blocks.html").module
