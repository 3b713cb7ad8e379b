"""The page of an interpolation: a sheet of its steps, and a film."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from jaxtyping import UInt8
from torch import Tensor

from dgnet.core.errors import UserError
from visual.drawing.film import films, there_and_back
from visual.drawing.grid import REAL, Picture, Tile, grid, png
from visual.drawing.interpolate import weights_between
from visual.job import Page
from visual.options import add_film_options, page_parser

FILM_STEPS = 24


@dataclass(frozen=True)
class RealImages:
    """What an interpolation starts from: the image whose code is `kept`, and the `ends` whose codes are mixed.

    All are uint8 `[pair, 3, height, width]`; the headings stand over them.
    """

    kept: Tensor
    ends: tuple[Tensor, Tensor]
    kept_heading: str
    end_headings: tuple[str, str]


def smooth_parser(documentation: str | None) -> argparse.ArgumentParser:
    """The options of the two interpolating scripts."""
    parser = page_parser(documentation)
    parser.add_argument("--pairs", type=int, default=4, help="pairs of people where no files are named (default: 4)")
    parser.add_argument(
        "--steps", type=int, default=8, help="images of a row of the sheet, both ends too: 2 to 256 (default: 8)"
    )
    add_film_options(parser, 12)
    return parser


def chosen(page: Page) -> tuple[Tensor, Tensor]:
    """--pairs pairs of people, the two of a pair behind each other, and a third person for each pair.

    Where there are two people in all, the first is the third, too.
    """
    if page.options.pairs < 1:
        raise UserError(f"--pairs must be a whole number from 1, got {page.options.pairs}")
    paths = page.choose(3 * page.options.pairs)
    if len(paths) < 2:
        raise UserError(f"an interpolation needs images of two people, got {len(paths)}")
    pairs = max(1, len(paths) // 3)
    images = page.read([*paths, paths[0]][: 3 * pairs])
    return images[: 2 * pairs], images[2 * pairs :]


def named(
    page: Page, ends: Sequence[Path] | None, kept: Sequence[Path] | None, options: tuple[str, str]
) -> tuple[tuple[Tensor, Tensor], Tensor]:
    """The two ends of each pair, and what is kept. Drawn people stand where no files are named.

    `ends` are files 1 and 2, 3 and 4, ...; `kept` one for each pair, by default the first of the pair. `options` are
    their names. `UserError` where the numbers do not fit.
    """
    images, third = (page.read(ends), None) if ends else chosen(page)
    if len(images) % 2:
        raise UserError(f"{options[0]} must be pairs of images, an even number of them, got {len(images)}")
    first, second = images[::2], images[1::2]
    if kept:
        third = page.read(kept)
        if len(third) != len(first):
            raise UserError(f"{options[1]} must be one image for each of {len(first)} pairs, got {len(third)}")
    return (first, second), first if third is None else third


def sheet(
    real: RealImages, steps: UInt8[Tensor, "pair step 3 height width"], labels: Sequence[str], scale: int
) -> Picture:
    """A row for each pair: what is kept, the first end, the generated images between them, the second end.

    `labels` stand over the generated images, one for each step.
    """
    first, second = real.ends
    heads = [real.kept_heading, real.end_headings[0], *labels, real.end_headings[1]]
    tiles = [[Tile(text=text) for text in heads]]
    for row in range(len(real.kept)):
        generated = map(Tile, steps[row])
        tiles.append([Tile(real.kept[row], REAL), Tile(first[row], REAL), *generated, Tile(second[row], REAL)])
    return grid(tiles, gaps=[8, 20, 10, *[2] * (len(labels) - 1), 10], scale=scale)


def draw(page: Page, script: str, real: RealImages, between: Callable[[Tensor], Tensor]) -> None:
    """Write the sheet and the film of an interpolation; `between` makes `[pair, step, ...]` of weights `[step]`."""
    options = page.options
    weights = weights_between(options.steps)
    labels = [f"{weight:.2f}".rstrip("0").rstrip(".") for weight in weights.tolist()]
    drawn = [(".png", png(sheet(real, between(weights), labels, page.scale)))]
    if options.film != "none":
        steps = between(weights_between(FILM_STEPS))
        frames = [sheet(real, steps[:, step : step + 1], [""], page.scale) for step in there_and_back(FILM_STEPS)]
        drawn += films(frames, options.film, options.fps)
    # All is drawn before anything is written: a refusal leaves nothing behind.
    for suffix, content in drawn:
        page.write(page.path(script, suffix), content)
