"""Building blocks of a page that is one file: it loads nothing, runs nothing, and opens offline and on a phone.

Every block is a piece of HTML whose words are escaped, ready to be joined: `document` makes a page of them. Pictures
are carried inside, compressed. A table has a caption and headers that a screen reader can announce, a picture has words
in its place; small pictures are enlarged while the pointer or the keyboard is on them.
"""

import base64
import html
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NewType

import numpy as np
from PIL import Image

from dgnet.core.errors import UserError
from dgnet.core.images import read_image
from eval.arrays import Array, as_numpy
from eval.report.page_style import STYLE

Html = NewType("Html", str)
Frame = Literal["", "right", "wrong", "source", "true"]

QUALITY = 82  # of WebP, 0..100: no difference to be seen at twice the size
_WIDEST = 1600  # pixels of an embedded picture
# In words, for those who cannot tell the frames' colors apart.
_SIGNS: dict[Frame, str] = {"": "", "right": "✓", "wrong": "✗", "source": "", "true": ""}


@dataclass(frozen=True)
class Section:
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


def words(text: object) -> Html:
    """Text as it stands, with nothing in it that a browser would take for HTML."""
    return Html(html.escape(str(text)))


def join(blocks: Sequence[Html]) -> Html:
    """Blocks one after another."""
    return Html("\n".join(blocks))


def paragraph(text: str) -> Html:
    """A paragraph of text."""
    return Html(f"<p>{words(text)}</p>")


def section(title: str, *blocks: Html) -> Section:
    """A part of the page under a heading."""
    return Section(title, join(blocks))


def details(summary: str, *blocks: Html) -> Html:
    """What only some want to see, closed until it is asked for."""
    return Html(f"<details><summary>{words(summary)}</summary>\n{join(blocks)}\n</details>")


def preformatted(text: str) -> Html:
    """Text with its own lines and columns."""
    return Html(f'<pre tabindex="0">{words(text)}</pre>')


def listing(caption: str, entries: Mapping[str, str]) -> Html:
    """Names and what they stand for, a row each."""
    lines = ['<table class="listing">', f"<caption>{words(caption)}</caption>", "<tbody>"]
    lines += [
        f'<tr><th scope="row">{words(name)}</th><td class="text">{words(text)}</td></tr>'
        for name, text in entries.items()
    ]
    return Html("\n".join([*lines, "</tbody>", "</table>"]))


def table(caption: str, head: Sequence[str], groups: Mapping[str, Sequence[Sequence[Html]]]) -> Html:
    """A table of `head` columns. The first cell of a row is its header; a group's name, if any, is a line above it."""
    lines = [f"<table>\n<caption>{words(caption)}</caption>", "<thead><tr>"]
    lines += [f'<th scope="col">{words(name)}</th>' for name in head] + ["</tr></thead>"]
    for name, rows in groups.items():
        lines.append("<tbody>")
        if name:
            lines.append(f'<tr class="group"><th scope="rowgroup" colspan="{len(head)}">{words(name)}</th></tr>')
        for first, *others in rows:
            cells = "".join(f"<td>{cell}</td>" for cell in others)
            lines.append(f'<tr><th scope="row">{first}</th>{cells}</tr>')
        lines.append("</tbody>")
    return Html("\n".join([*lines, "</table>"]))


def tile(content: Tile) -> Html:
    """One small picture, which keyboard and pointer enlarge."""
    if content.image is None:
        return Html(f'<span class="tile">{words(content.label)}</span>')
    image = as_numpy(content.image)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[0] != 3 or 0 in image.shape:
        raise UserError(f"a tile must be uint8 [3, height, width], got {image.dtype} of shape {image.shape}")
    height, width = image.shape[1:]
    source = data_uri(Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0))))
    picture = f'<img src="{source}" alt="{words(content.words)}" width="{width}" height="{height}" tabindex="0">'
    sign = _SIGNS[content.frame]
    below = " ".join(part for part in (sign, content.label) if part)
    label = f'<span class="label" aria-hidden="true">{words(below)}</span>' if below else ""
    # The proportions hold the place while the picture is shown large.
    return Html(
        f'<span class="tile {content.frame}"><span class="place" style="aspect-ratio:{width}/{height}">{picture}</span>'
        f"{label}</span>"
    )


def in_order(tiles: Sequence[Tile], heading: str) -> Html:
    """Small pictures in an order that means something: a list under its heading, as wide as the screen allows."""
    items = "\n".join(f"<li>{tile(content)}</li>" for content in tiles)
    return Html(f'<h3>{words(heading)}</h3>\n<ol class="tiles">\n{items}\n</ol>')


def picture_table(caption: str, corner: str, head: Sequence[Tile], rows: Sequence[tuple[Tile, Sequence[Tile]]]) -> Html:
    """Pictures that belong to a row and a column, whose headers are pictures too; it always fits the screen's width."""
    lines = [f'<table class="pictures">\n<caption>{words(caption)}</caption>', "<thead><tr>"]
    lines.append(f'<th scope="col" class="corner">{words(corner)}</th>')
    lines += [f'<th scope="col">{tile(content)}</th>' for content in head] + ["</tr></thead>", "<tbody>"]
    for first, others in rows:
        cells = "".join(f"<td>{tile(content)}</td>" for content in others)
        lines.append(f'<tr><th scope="row">{tile(first)}</th>{cells}</tr>')
    return Html("\n".join([*lines, "</tbody>", "</table>"]))


def picture_file(path: Path, caption: str) -> Html:
    """A picture from a file with its caption. `UserError` if the file cannot be read."""
    picture = Image.fromarray(read_image(path).permute(1, 2, 0).numpy())
    if picture.width > _WIDEST:
        picture = picture.resize((_WIDEST, round(picture.height * _WIDEST / picture.width)))
    return Html(
        f'<figure><img src="{data_uri(picture)}" alt="{words(path.stem)}, described below" '
        f'width="{picture.width}" height="{picture.height}"><figcaption>{words(caption)}</figcaption></figure>'
    )


def data_uri(image: Image.Image) -> str:
    """The picture as WebP inside an address, which needs no file beside the page."""
    compressed = io.BytesIO()
    image.save(compressed, "WEBP", quality=QUALITY, method=6)
    return "data:image/webp;base64," + base64.b64encode(compressed.getvalue()).decode("ascii")


def document(title: str, sections: Sequence[Section], opening: Sequence[Html] = ()) -> str:
    """The whole page: title, links to the sections, `opening`, the sections, and the page's own size at the end."""
    links = "\n".join(
        f'<li><a href="#part-{number}">{words(part.title)}</a></li>' for number, part in enumerate(sections, start=1)
    )
    menu = f'<nav aria-label="On this page"><ul>\n{links}\n</ul></nav>\n' if len(sections) > 1 else ""
    body = "\n".join(
        f'<section aria-labelledby="part-{number}">\n'
        f'<h2 id="part-{number}">{words(part.title)}</h2>\n{part.body}\n</section>'
        for number, part in enumerate(sections, start=1)
    )
    before = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>{words(title)}</title>
<style>
{STYLE}</style>
</head>
<body>
<a class="skip" href="#content">To the content</a>
<header><h1>{words(title)}</h1>
{menu}</header>
<main id="content" tabindex="-1">
{join(opening)}
{body}
</main>
"""
    size = math.ceil(len(before.encode("utf-8")) / 1000)
    return (
        f"{before}<footer><p>One file of {size:,} kB that loads nothing from anywhere.</p></footer>\n</body>\n</html>\n"
    )
