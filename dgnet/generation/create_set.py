"""From a request to a generated set: `create_set(request)`, or `open_set` and `OpenSet.create` in two steps."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dgnet.core.distributed import Distributed
from dgnet.core.errors import UserError
from dgnet.core.numerics import set_numerics
from dgnet.data.datasets import read_dataset
from dgnet.data.records import Dataset
from dgnet.data.training_data import open_dataset, require_data_of_run
from dgnet.generation.image_writer import image_encoder
from dgnet.generation.load import find_generator, teacher_of
from dgnet.generation.plans import Pairs
from dgnet.generation.recipe import set_recipe
from dgnet.generation.request import SetRequest, plan_pairs
from dgnet.generation.scores import ImageScorer, load_discriminator
from dgnet.generation.set_folder import SetFolder
from dgnet.generation.writer import Resources, write_missing
from dgnet.models.build import build_teacher
from dgnet.models.model_file import StoredModel, read_model_file
from dgnet.models.people import other_people
from dgnet.official.import_run import official_identities, reordered
from dgnet.official.release import TEACHER_WEIGHTS, read_official_teacher
from dgnet.runs.loaded_generator import LoadedGenerator
from dgnet.runs.resume import images_content
from dgnet.training.teacher import load_teachers

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CreatedSet:
    """A finished set.

    Attributes:
        images: in the set.
        new_images: those generated now.
        labels_by: the network that gave labels and scores; None where there are none.
    """

    folder: Path
    images: int
    new_images: int
    labels_by: str | None

    def __str__(self) -> str:
        labels = "no labels" if self.labels_by is None else f"labels and scores by {self.labels_by}"
        return f"{self.folder}: {self.images} images, {self.new_images} of them new; {labels}"


@dataclass(frozen=True)
class OpenSet:
    """A set whose request has been checked and whose folder exists: `create` generates the missing images.

    Attributes:
        is_main: whether this is the process that prints.
        missing: the number of images still to generate; 0 in other processes.
    """

    generator: LoadedGenerator
    target: SetFolder
    missing: int
    is_main: bool
    _scorer: ImageScorer | None
    _distributed: Distributed
    _resources: Resources

    def __str__(self) -> str:
        return (
            f"{self.generator.name} after {self.generator.iteration} iterations: {self.missing} images to make of "
            f"{len(self.target.pairs)} pairs, at {self.target.folder}"
        )

    def create(self) -> CreatedSet:
        """Generate and write the missing images. `UserError` as in `dgnet.generation.writer.write_missing`."""
        new = write_missing(self.target, self.generator, self._scorer, self._distributed, self._resources)
        labels_by = None if self._scorer is None else self.target.recipe["labels"]["by"]
        return CreatedSet(self.target.folder, len(self.target.pairs), new, labels_by)


def create_set(request: SetRequest) -> CreatedSet:
    """Create the set, or generate what it still lacks. `UserError` as in `open_set` and `OpenSet.create`.

    Example:
        `create_set(SetRequest(name="market", per_identity=24)).folder`
    """
    with open_set(request) as opened:
        return opened.create()


@contextmanager
def open_set(request: SetRequest) -> Iterator[OpenSet]:
    """Read the generator and the data set, choose the pairs, and create or reopen the folder.

    Raises:
        UserError: an option, the generator, the data set or the folder is not usable; nothing has been written then.
    """
    if request.batch_size < 1 or request.threads < 1 or not request.memory > 0:
        raise UserError(
            "--batch-size, --threads and --memory must be positive, "
            f"got {request.batch_size}, {request.threads} and {request.memory:g}"
        )
    image_encoder(request.jpeg_quality)  # refuses a quality out of range before anything is read
    distributed = Distributed.start(request.device)
    try:
        set_numerics(distributed.device, request.precision)
        generator = find_generator(request.name, request.output_path, request.iteration, distributed.device)
        dataset = _dataset(request, generator, distributed)
        generator = _with_identities(generator, dataset, request.other_data)
        pairs, plan = plan_pairs(request, dataset)
        teacher_file = None if request.no_scores else _teacher_file(request, generator)
        scorer = None if request.no_scores else _scorer(request, generator, teacher_file, dataset)
        recipe = set_recipe(
            generator,
            dataset,
            plan,
            teacher_file=teacher_file,
            scored=scorer is not None,
            precision=request.precision,
            jpeg_quality=request.jpeg_quality,
            license=request.license,
            other_data=request.other_data,
        )
        target = _open_folder(
            request, request.output or _default_folder(generator, plan), dataset, recipe, pairs, distributed
        )
        missing = len(target.pairs) - len(target.finished()) if distributed.is_main else 0
        resources = Resources(request.precision, request.batch_size, int(request.memory * 2**30), request.threads)
        yield OpenSet(generator, target, missing, distributed.is_main, scorer, distributed, resources)
    finally:
        distributed.close()


def _open_folder(
    request: SetRequest,
    folder: Path,
    dataset: Dataset,
    recipe: dict[str, Any],
    pairs: Pairs,
    distributed: Distributed,
) -> SetFolder:
    """The main process creates or reopens the set; the others take over its recipe and pairs."""

    def opened() -> SetFolder:
        if request.resume or request.extend:
            return SetFolder.reopen(folder, dataset, recipe, pairs, request.extend)
        return SetFolder.create(folder, dataset, recipe, pairs)

    target = distributed.on_main(opened)
    shared = distributed.agree(None if target is None else (target.recipe, target.pairs))
    return target or SetFolder(folder, dataset, *shared)


def _dataset(request: SetRequest, generator: LoadedGenerator, distributed: Distributed) -> Dataset:
    if request.data is not None:
        return read_dataset(request.data)
    if request.other_data:
        raise UserError("--other-data says that --data is another data set: give --data")
    require_data_of_run(generator.config.data)
    return open_dataset(generator.config.data, distributed)


def _with_identities(generator: LoadedGenerator, dataset: Dataset, other: bool) -> LoadedGenerator:
    """The generator with its training identities. `UserError` where `dataset` has other ones, unless `other` is set."""
    if other:
        return generator
    classes = len(generator.network.appearance.fine.logits.bias)
    differ = other_people(generator.identities, generator.names, dataset) if generator.identities else None
    if classes != len(dataset.identities) or differ:
        raise UserError(
            f"{generator.name} was trained on {classes} identities, and the {len(dataset.identities)} of "
            f"{dataset.root} are others{f' ({differ})' if differ else ''}; give its own data set by --data, or "
            "--other-data to generate from this one"
        )
    if generator.content and generator.content != images_content([record.path for record in dataset.train]):
        _log.warning(
            "warning: %s was trained on other images of these people than those of %s now: figures about training "
            "images (copies, the Frechet distance) are not about those that it saw",
            generator.name,
            dataset.root,
        )
    # One more person in the gallery shifts the numbers of those with names, not their order.
    return replace(generator, identities=dataset.identities if generator.identities else official_identities(dataset))


def _teacher_file(request: SetRequest, generator: LoadedGenerator) -> Path | None:
    if request.teacher is not None:
        return request.teacher / TEACHER_WEIGHTS if request.teacher.is_dir() else request.teacher
    return teacher_of(generator)


def _scorer(
    request: SetRequest, generator: LoadedGenerator, teacher_file: Path | None, dataset: Dataset
) -> ImageScorer:
    teacher = None
    if teacher_file is not None and teacher_file.name == TEACHER_WEIGHTS:
        official = read_official_teacher(teacher_file)
        network = build_teacher(official.config, official.identities, pretrained=False)
        network.load_state_dict(reordered(official.state, dataset))
        teacher = StoredModel(network.to(generator.device).eval(), dataset.identities, *generator.size)
    elif teacher_file is not None and not request.other_data:
        (teacher,) = load_teachers([teacher_file], dataset, generator.device)
    elif teacher_file is not None:
        teacher = read_model_file(teacher_file, generator.device)
    return ImageScorer(
        generator, teacher, load_discriminator(generator), request.precision, same_identities=not request.other_data
    )


def _default_folder(generator: LoadedGenerator, plan: dict[str, Any]) -> Path:
    # Without the count: the set may be extended.
    names = {
        "per identity": "per_identity",
        "all pairs of two lists": "lists",
        "pairs of a file": "pairs",
        "given pairs": "pairs",
    }
    name = names.get(plan["kind"], "protocol")
    return generator.files[0].parent.parent / "generated" / f"{generator.iteration:08d}_{name}"
