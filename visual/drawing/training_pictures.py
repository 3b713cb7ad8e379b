"""A run's own pictures over time: the fixed grid of swaps of each checkpoint."""

import argparse
import re
from pathlib import Path

import numpy as np

from dgnet.core.errors import UserError
from dgnet.core.images import read_image
from dgnet.runs.find import latest_run, runs_of_generators, unknown_run
from visual.drawing.film import films
from visual.drawing.grid import Picture, Tile, grid
from visual.job import picture_path, write_picture

_NAME = re.compile(r"(\d{8,})\.png")


def draw_training(options: argparse.Namespace) -> None:
    """The pictures of `show_training.py`: a strip of --count pictures, and a film of all."""
    outputs = options.output_path / "outputs"
    folder = outputs / options.name if options.name else latest_run(outputs)
    if not folder.is_dir():
        raise unknown_run(options.name, "run", runs_of_generators(outputs), options.output_path)
    pictures = training_pictures(folder)
    iterations = list(pictures)
    selection = {iteration: pictures[iteration] for iteration in evenly(iterations, options.count)}
    name = f"training_{iterations[-1]:08d}"
    frames = [] if options.film == "none" else [strip({iteration: path}) for iteration, path in pictures.items()]
    files: list[tuple[str, bytes | Picture]] = [(".png", strip(selection))]
    files += films(frames, options.film, options.fps)
    for suffix, content in files:
        write_picture(picture_path(options, folder.name, name, suffix), content, options.overwrite)


def training_pictures(folder: Path) -> dict[int, Path]:
    """Iteration -> picture of a run's `images/`, oldest first. `UserError` where there is none."""
    images = folder / "images"
    pictures = {int(match[1]): path for path in images.glob("*.png") if (match := _NAME.fullmatch(path.name))}
    if not pictures:
        raise UserError(f"{images}: no pictures of a training (00001000.png); run.image_every makes them")
    return dict(sorted(pictures.items()))


def evenly(iterations: list[int], count: int) -> list[int]:
    """`count` of the iterations (all where there are fewer), the first and the last among them."""
    if count == 1:
        return iterations[-1:]
    indices = np.linspace(0, len(iterations) - 1, min(count, len(iterations))).round().astype(int)
    return [iterations[index] for index in indices]


def strip(pictures: dict[int, Path]) -> Picture:
    """The pictures side by side, each under its iteration. `UserError` where their sizes differ or one is damaged."""
    headings = [Tile(text=f"iteration {iteration:,}") for iteration in pictures]
    images = [Tile(read_image(path)) for path in pictures.values()]
    return grid([headings, images], gaps=[16] * len(headings))
