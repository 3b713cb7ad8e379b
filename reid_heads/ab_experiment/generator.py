"""The generator of an A/B, and the images that it makes of the subset.

A generator that has seen more images than the re-ID models brings what it learned from these. By default it is
therefore trained on the very images that the models train on.
"""

import csv
import io
import json
import os
from collections.abc import Callable
from pathlib import Path

from dgnet.config import Config, load_config
from dgnet.core.distributed import Distributed
from dgnet.core.errors import UserError
from dgnet.core.files import replace_text
from dgnet.data.datasets import read_dataset
from dgnet.data.records import UNKNOWN_CAMERA, Dataset
from dgnet.generation.create_set import create_set
from dgnet.generation.load import load_generator
from dgnet.generation.manifest import RECIPE
from dgnet.generation.plans import pairs_per_identity
from dgnet.generation.request import SetRequest
from dgnet.runs.find import is_official
from dgnet.runs.resume import images_content
from dgnet.training.checks import check_training
from dgnet.training.job import Job
from dgnet.training.joint import DrawSamples
from dgnet.training.pipeline import train_job
from reid_heads.ab_experiment.config import ABConfig
from reid_heads.generated.sources import is_run

Pictures = Callable[[Config, Dataset], DrawSamples | None]
SUBSET_LIST = "subset.csv"
# Settings of its configuration that the A/B itself sets.
SET_HERE = ("name", "data.root", "data.layout")


class ABGenerator:
    """Where the generated images of an A/B come from.

    Args:
        output: the folder that holds `outputs/`; a generator that is trained is the run `NAME_generator` there.
        pictures: of a training's configuration and data, the function that draws its pictures.

    Raises:
        UserError: the configuration names no generator, or one that is not there or cannot be trained.
    """

    def __init__(self, config: ABConfig, output: Path, distributed: Distributed, pictures: Pictures) -> None:
        self.config, self.output, self.distributed, self.pictures = config, output, distributed, pictures
        self.folder = output / "outputs" / config.name
        if config.generator_training is not None:
            self.run = output / "outputs" / f"{config.name}_generator"
            self._job()
        elif config.generator is None or not config.generator.exists():
            raise UserError(
                f"{config.generator}: no trained generator here; generator=null trains one "
                "(generator_training.config), generator=RUN names another"
            )
        else:
            self.run = config.generator

    def images_folder(self) -> Path:
        """Where the generated images are, or will be."""
        trained = self.config.generator_training is not None or is_run(self.run)
        return self.folder / "generated" if trained else self.run

    def check(self, subset: Dataset) -> None:
        """`UserError` for a training on `subset` that would be refused."""
        if self.config.generator_training is not None:
            check_training(self._job(), subset)

    def images(self, subset: Dataset) -> Path:
        """The folder of the generated images, swaps of the images of `subset`; what is missing of the generator and of
        the images is made first.

        Raises:
            RunStopped: the training of the generator was asked to stop; it has saved.
            UserError: the generator was trained on other identities.
        """
        target = self.images_folder()
        if target == self.run:
            return target
        data, trained_here = subset.root, self.config.generator_training is not None
        if trained_here or load_generator(self.run).identities == subset.identities:
            data = self.folder / SUBSET_LIST
            subset = self._listed(subset, data)
        if trained_here:
            job = self._job()
            train_job(job, subset, self.pictures(job.config, subset))
        request = SetRequest(
            name=str(self.run),
            data=data,
            pairs=swap_names(subset, self.config.per_identity, self.config.subset.seed),
            output=target,
            device=self.config.training.run.device,
            resume=(target / RECIPE).is_file(),
        )
        print(create_set(request), flush=True)
        return target

    def training_images_note(self, subset: Dataset) -> str:
        """One sentence: whether the generator was trained on the images of `subset` and on nothing else."""
        if not is_run(self.run) or is_official(self.run):
            return f"Which images the generator of {self.run} was trained on is not recorded."
        generator = load_generator(self.run)
        images = f"{len(subset.train)} real images that the models train on"
        if not generator.content:
            return f"Which images {generator.name} was trained on is not recorded."
        if generator.content == images_content([record.path for record in subset.train]):
            appearance, teacher = generator.config.appearance, generator.config.teacher
            files = [file for file in (appearance.weights, teacher.weights, *teacher.checkpoints) if file is not None]
            if not files:
                return f"The generator was trained on the very {images}, and on nothing else."
            return (
                f"The generator was trained on the very {images}, from weights that may have been trained on others: "
                f"{', '.join(map(str, files))}."
            )
        return (
            f"The generator was trained on other images than the {images}: what generated images add may come from "
            "those."
        )

    def _listed(self, subset: Dataset, path: Path) -> Dataset:
        """`subset` as the CSV file `path` lists it, which is written if it is not there."""
        lines = io.StringIO()
        rows = csv.writer(lines, lineterminator="\n")
        rows.writerow(("path", "identity", "camera", "split"))
        for record in subset.train:
            camera = "" if record.camera == UNKNOWN_CAMERA else record.camera
            image = os.path.relpath(record.path.absolute(), self.folder.absolute())
            rows.writerow((image, record.identity, camera, "train"))
        if not path.exists() or path.read_text(encoding="utf-8") != lines.getvalue():
            replace_text(path, lines.getvalue())
        return read_dataset(path, "csv")

    def _job(self) -> Job:
        training = self.config.generator_training
        assert training is not None
        for key in SET_HERE:
            if key in training.settings:
                raise UserError(f"generator_training.settings: {key} is set by the A/B, leave it out")
        set_here = {"name": self.run.name, "data.root": str(self.folder / SUBSET_LIST), "data.layout": "csv"}
        settings = [f"{key}={json.dumps(value)}" for key, value in (training.settings | set_here).items()]
        begun = any(folder.exists() for folder in (self.run, self.run.with_name(f"{self.run.name}_teacher")))
        return Job(load_config(training.config, settings), self.output, self.distributed, resume=begun)


def swap_names(subset: Dataset, each: int, seed: int) -> list[tuple[str, str]]:
    """`each` swaps (appearance, structure) for every identity, between images of `subset`, by their paths below it."""
    names = [record.path.relative_to(subset.root).as_posix() for record in subset.train]
    return [
        (names[appearance], names[structure]) for appearance, structure in pairs_per_identity(subset.train, each, seed)
    ]
