"""What the scripts of this folder share: which generator, which images, and where the picture goes."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jaxtyping import UInt8
from torch import Tensor

from dgnet.config import DataConfig
from dgnet.data.datasets import read_dataset
from dgnet.data.draws import permutation
from dgnet.data.records import Dataset, Record
from dgnet.device import choose_device
from dgnet.errors import UserError
from dgnet.files import replacing
from dgnet.find_run import FoundRun, find_run
from dgnet.models.generator import Generator
from dgnet.swap_pairs import one_each
from visual.pictures_in import images_in, read_images

# Enlarged until a person is about as high on the page.
_HEIGHT_ON_PAGE = 192  # pixels


def page_parser(documentation: str | None) -> argparse.ArgumentParser:
    """The options of every script; `documentation` (the script's docstring) is its help."""
    parser = argparse.ArgumentParser(description=documentation, formatter_class=argparse.RawDescriptionHelpFormatter)
    run = parser.add_argument_group("the generator")
    run.add_argument(
        "--name",
        help="a run below OUTPUT/outputs, or the path of a run's folder, of a checkpoint, or of an outputs/NAME of the "
        "original release (default: the run whose generator was saved last)",
    )
    run.add_argument("--output_path", type=Path, default=Path(), help="OUTPUT, where outputs/ is (default: here)")
    run.add_argument("--which_epoch", type=int, help="iteration of the checkpoint (default: the last)")
    run.add_argument("--device", default="auto", help="auto (default), cpu, cuda or cuda:NUMBER")
    images = parser.add_argument_group("the images (default: the queries of the data set that the run was trained on)")
    images.add_argument("--input_folder", type=Path, metavar="DIR", help="a folder of images")
    images.add_argument("--data", type=Path, metavar="DIR", help="another data set, in any layout that training reads")
    images.add_argument(
        "--seed", type=int, default=0, help="draws the people; another number shows others (default: 0)"
    )
    picture = parser.add_argument_group("the picture")
    picture.add_argument("--scale", type=int, help="how many times the images are enlarged (default: by their height)")
    picture.add_argument(
        "--output", type=Path, metavar="FILE", help="default: OUTPUT/outputs/NAME/pictures/SCRIPT_ITERATION"
    )
    picture.add_argument("--overwrite", action="store_true", help="replace a file that looks otherwise")
    return parser


@dataclass(frozen=True)
class Page:
    """A script at work: the found generator, and what its options say."""

    run: FoundRun
    options: argparse.Namespace

    @classmethod
    def open(cls, options: argparse.Namespace) -> "Page":
        """Read the generator that `options` (of `page_parser`) name. `UserError` where that or an option is no good."""
        if options.scale is not None and options.scale < 1:
            raise UserError(f"--scale must be a whole number from 1, got {options.scale}")
        device = choose_device(options.device)
        return cls(find_run(options.name, options.output_path, options.which_epoch, device), options)

    @property
    def generator(self) -> Generator:
        """The network, in evaluation mode."""
        return self.run.stored.network

    @property
    def scale(self) -> int:
        """How many times images are enlarged."""
        return self.options.scale or max(1, round(_HEIGHT_ON_PAGE / self.run.stored.config.data.height))

    def read(self, paths: Sequence[Path]) -> UInt8[Tensor, "image 3 height width"]:
        """These files at the generator's size."""
        data = self.run.stored.config.data
        return read_images(paths, data.height, data.width)

    def choose(self, count: int) -> list[Path]:
        """`count` images of as many people (fewer where there are fewer), drawn by --seed."""
        if count < 1:
            raise UserError(f"--count must be a whole number from 1, got {count}")
        seed = self.options.seed
        if self.options.input_folder is not None:
            paths = images_in(self.options.input_folder)
            return [paths[place] for place in permutation(seed, "pictures", 0, len(paths))[:count]]
        dataset = self.dataset()
        return [record.path for record in one_each(shown_records(dataset), count, seed, "pictures")]

    def dataset(self) -> Dataset:
        """The data set that --data names, else the one that the run was trained on."""
        return found_dataset(self.run.stored.config.data, self.options.data)

    def path(self, script: str, suffix: str) -> Path:
        """Where a picture of `script` goes: --output with this suffix (as ".png"), or its place in the run's folder."""
        if self.options.output is not None:
            return self.options.output.with_suffix(suffix)
        folder = self.options.output_path / "outputs" / self.run.name / "pictures"
        return folder / f"{script}_{self.run.stored.iteration:08d}{suffix}"

    def write(self, path: Path, content: bytes) -> None:
        """Write a picture and say where. `UserError` for another one that is there, unless --overwrite."""
        keep(path, content, self.options.overwrite)
        print(path)


def keep(path: Path, content: bytes, overwrite: bool) -> None:
    """Write `content` to `path`, whole or not at all. `UserError` for another file of that name unless `overwrite`."""
    if path.exists() and not overwrite:
        if path.is_file() and path.read_bytes() == content:
            return
        raise UserError(f"{path} is there and looks otherwise; give --overwrite or another --output")
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as handle:
        handle.write(content)


def found_dataset(config: DataConfig, other: Path | None = None) -> Dataset:
    """The data set at `other`, else the one of a run's configuration, which must be there: nothing is made here."""
    if other is not None:
        return read_dataset(other)
    if not Path(config.root).exists():
        raise UserError(
            f"{config.root}: the data set of this run is not there; name another by --data, or images by --input_folder"
        )
    return read_dataset(Path(config.root), "market1501" if config.layout == "synthetic" else config.layout)


def shown_records(dataset: Dataset) -> list[Record]:
    """People that training never saw where the data set has them, else those that it saw."""
    return [*dataset.query, *dataset.gallery] if dataset.query else list(dataset.train)
