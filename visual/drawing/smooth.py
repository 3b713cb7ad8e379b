"""Interpolations on a page: a sheet of steps between two people, and a film."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from jaxtyping import UInt8
from torch import Tensor

from dgnet.core.errors import UserError
from visual.drawing.film import films, there_and_back
from visual.drawing.grid import REAL, Picture, Tile, grid
from visual.drawing.interpolate import between_appearances, between_structures, weights_between
from visual.job import VisualJob

FILM_STEPS = 24


@dataclass(frozen=True)
class Sources:
    """Real images of an interpolation: the one whose code is `fixed`, and the two `ends` whose codes are mixed.

    All are uint8 `[pair, 3, height, width]`; the headings are drawn above them.
    """

    fixed: Tensor
    ends: tuple[Tensor, Tensor]
    fixed_heading: str
    end_heading: str


def draw_between_appearances(job: VisualJob) -> None:
    """The pictures of `show_smooth.py`: from one appearance to another on one structure."""
    ends, fixed = source_images(
        job, ("--appearances", job.options.appearances), ("--structures", job.options.structures)
    )
    sources = Sources(fixed, ends, "structure", "appearance")
    _draw(job, "smooth", sources, lambda weights: between_appearances(job.generator, *ends, fixed, weights))


def draw_between_structures(job: VisualJob) -> None:
    """The pictures of `show_smooth_structure.py`: from one structure to another in one appearance."""
    ends, fixed = source_images(
        job, ("--structures", job.options.structures), ("--appearances", job.options.appearances)
    )
    sources = Sources(fixed, ends, "appearance", "structure")
    _draw(job, "smooth_structure", sources, lambda weights: between_structures(job.generator, *ends, fixed, weights))


def source_images(
    job: VisualJob, ends: tuple[str, Sequence[Path] | None], fixed: tuple[str, Sequence[Path] | None]
) -> tuple[tuple[Tensor, Tensor], Tensor]:
    """The two ends of each pair, and the image that stays.

    Args:
        ends: the option and its files 1 and 2, 3 and 4, ...; None: --pairs pairs of drawn people.
        fixed: the option and its files, one for each pair; None: the first of the pair, or a third drawn person.

    Raises:
        UserError: the numbers of files do not fit.
    """
    images, third = (job.read(ends[1]), None) if ends[1] else _drawn_people(job)
    if len(images) % 2:
        raise UserError(f"{ends[0]} must be pairs of images, an even number of them, got {len(images)}")
    first, second = images[::2], images[1::2]
    if fixed[1]:
        third = job.read(fixed[1])
        if len(third) != len(first):
            raise UserError(f"{fixed[0]} must be one image for each of {len(first)} pairs, got {len(third)}")
    return (first, second), first if third is None else third


def interpolation_sheet(
    sources: Sources, steps: UInt8[Tensor, "pair step 3 height width"], labels: Sequence[str], scale: int
) -> Picture:
    """A row for each pair: the fixed image, the first end, the generated images between them, the second end.

    `labels` are drawn above the generated images, one for each step.
    """
    first, second = sources.ends
    headings = [sources.fixed_heading, sources.end_heading, *labels, sources.end_heading]
    tiles = [[Tile(text=text) for text in headings]]
    for row, fixed in enumerate(sources.fixed):
        tiles.append([Tile(fixed, REAL), Tile(first[row], REAL), *map(Tile, steps[row]), Tile(second[row], REAL)])
    return grid(tiles, gaps=[8, 20, 10, *[2] * (len(labels) - 1), 10], scale=scale)


def _drawn_people(job: VisualJob) -> tuple[Tensor, Tensor]:
    """--count pairs of people, the two of a pair behind each other, and a third person for each pair.

    Where there are two people in all, the first is the third, too.
    """
    paths = job.draw_people(3 * job.options.count)
    if len(paths) < 2:
        raise UserError(f"an interpolation needs images of two people, got {len(paths)}")
    pairs = max(1, len(paths) // 3)
    images = job.read([*paths, paths[0]][: 3 * pairs])
    return images[: 2 * pairs], images[2 * pairs :]


def _draw(job: VisualJob, name: str, sources: Sources, between: Callable[[Tensor], Tensor]) -> None:
    """Write the sheet and the film; `between` maps weights `[step]` to images `[pair, step, 3, height, width]`."""
    options = job.options
    weights = weights_between(options.steps)
    labels = [f"{weight:.2f}".rstrip("0").rstrip(".") for weight in weights.tolist()]
    files: list[tuple[str, bytes | Picture]] = [
        (".png", interpolation_sheet(sources, between(weights), labels, job.scale))
    ]
    if options.film != "none":
        steps = between(weights_between(FILM_STEPS))
        frames = [
            interpolation_sheet(sources, steps[:, step : step + 1], [""], job.scale)
            for step in there_and_back(FILM_STEPS)
        ]
        files += films(frames, options.film, options.fps)
    # All is drawn before anything is written: a refusal leaves nothing behind.
    for suffix, content in files:
        job.write(job.path(name, suffix), content)
