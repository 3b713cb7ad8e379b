"""What the drawing commands share: the generator, the images, and the path of the picture."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jaxtyping import UInt8
from torch import Tensor

from dgnet.config.data import DataConfig
from dgnet.core.errors import UserError
from dgnet.core.files import check_place, replacing
from dgnet.core.images import check_outside, image_files
from dgnet.core.numerics import open_device
from dgnet.core.random_draws import permutation
from dgnet.data.datasets import read_dataset
from dgnet.data.records import Dataset, Record
from dgnet.generation.load import find_generator
from dgnet.generation.swap_pairs import one_image_per_identity
from dgnet.models.generator import Generator
from dgnet.runs.loaded_generator import LoadedGenerator
from visual.drawing.grid import Picture
from visual.drawing.picture_file import ENDINGS, encoded
from visual.image_input import read_images

# Enlarged until a person is about as high on the page.
_HEIGHT_ON_PAGE = 192  # pixels


@dataclass(frozen=True)
class VisualJob:
    """The generator and the options (`visual.options`) of a command."""

    run: LoadedGenerator
    options: argparse.Namespace

    @classmethod
    def open(cls, options: argparse.Namespace) -> "VisualJob":
        """Read the generator that the options name. `UserError` for an option that is not usable."""
        device = open_device(options.device)
        return cls(find_generator(options.name, options.output_path, options.iteration, device), options)

    @property
    def generator(self) -> Generator:
        """The network, in evaluation mode."""
        return self.run.network

    @property
    def scale(self) -> int:
        """How many times images are enlarged."""
        return enlargement(self.options, self.run.size[0])

    def read(self, paths: Sequence[Path]) -> UInt8[Tensor, "image 3 height width"]:
        """These files at the generator's size."""
        return read_images(paths, *self.run.size)

    def draw_people(self, count: int) -> list[Path]:
        """`count` images of as many people (fewer if there are fewer), drawn by --seed."""
        return draw_people(self.options, self.run.config.data, count)

    def dataset(self) -> Dataset:
        """The data set that --data names, else the one that the run was trained on."""
        return dataset_of_run(self.run.config.data, self.options.data)

    def path(self, script: str, suffix: str) -> Path:
        """Where a picture of `script` goes, with a suffix such as ".png"."""
        return picture_path(self.options, self.run.name, f"{script}_{self.run.iteration:08d}", suffix)

    def write(self, path: Path, content: bytes | Picture) -> None:
        """Write a picture (or the bytes of a film) and print its path. `UserError` where another picture is, unless
        --overwrite."""
        write_picture(path, content, self.options.overwrite)


def enlargement(options: argparse.Namespace, height: int) -> int:
    """--scale, or what makes images of this height about as high as people on a page."""
    return options.scale or max(1, round(_HEIGHT_ON_PAGE / height))


def draw_people(options: argparse.Namespace, config: DataConfig, count: int) -> list[Path]:
    """`count` images of as many people (fewer if there are fewer), drawn by --seed.

    From --input-folder, where each image counts as a person, or --data, or the data set of a run's configuration.
    """
    if options.input_folder is not None:
        paths = image_files(options.input_folder)
        return [paths[index] for index in permutation(options.seed, "pictures", 0, len(paths))[:count]]
    records = unseen_records(dataset_of_run(config, options.data))
    return [record.path for record in one_image_per_identity(records, count, options.seed, "pictures")]


def picture_path(options: argparse.Namespace, run: str, picture: str, suffix: str) -> Path:
    """--output with this suffix, or the picture's place in the folder of the run of that name.

    A picture (".png") has the suffix of --output where that is one of a picture. `UserError` where --output is no place
    for a file, and for a picture in --input-folder.
    """
    path: Path
    if options.output is not None:
        check_place(options.output)
        given = options.output.suffix
        path = options.output.with_suffix(given if suffix == ".png" and given.lower() in ENDINGS else suffix)
    else:
        path = options.output_path / "outputs" / run / "pictures" / f"{picture}{suffix}"
    if folder := getattr(options, "input_folder", None):
        check_outside(path, folder)
    return path


def write_picture(path: Path, content: bytes | Picture, overwrite: bool) -> None:
    """Write a picture, in the format that the path's ending says, or the bytes of a film, whole or not at all, and
    print the path.

    A file with this content stays. `UserError` for another one of that name unless `overwrite`.
    """
    if not isinstance(content, bytes):
        content = encoded(content, path.suffix)
    same = path.is_file() and path.read_bytes() == content
    if path.exists() and not same and not overwrite:
        raise UserError(f"{path} already exists and differs; give --overwrite or another --output")
    if not same:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as handle:
            handle.write(content)
    print(path)


def dataset_of_run(config: DataConfig, other: Path | None = None) -> Dataset:
    """The data set at `other`, else the one of a run's configuration, which must be there: nothing is made here."""
    if other is not None:
        return read_dataset(other)
    if not Path(config.root).exists():
        raise UserError(
            f"{config.root}: the data set of this run is not there; name another by --data, or images by --input-folder"
        )
    return read_dataset(Path(config.root), "market1501" if config.layout == "synthetic" else config.layout)


def unseen_records(dataset: Dataset) -> list[Record]:
    """The test images, which training never saw; the training images of a data set without them."""
    return [*dataset.query, *dataset.gallery] if dataset.query else list(dataset.train)


def images_of_identities(dataset: Dataset, identities: int, images: int, seed: int) -> list[Record]:
    """Up to `images` images of each of `identities` people, drawn by `seed`."""
    records = unseen_records(dataset)
    people = {record.identity for record in one_image_per_identity(records, identities, seed, "people")}
    shuffled = [records[index] for index in permutation(seed, "images of people", 0, len(records))]
    return [
        record
        for identity in sorted(people)
        for record in [other for other in shuffled if other.identity == identity][:images]
    ]
