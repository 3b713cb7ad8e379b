"""From a request to a generated set: `create_set(request)`, or `open_set` and `OpenSet.create` in two steps."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dgnet.core.distributed import Distributed
from dgnet.core.errors import UserError
from dgnet.core.numerics import set_numerics
from dgnet.data.records import Dataset
from dgnet.generation.image_writer import image_encoder
from dgnet.generation.load import find_generator
from dgnet.generation.plans import Pairs
from dgnet.generation.recipe import set_recipe
from dgnet.generation.request import SetRequest, plan_pairs
from dgnet.generation.scores import ImageScorer
from dgnet.generation.set_folder import SetFolder
from dgnet.generation.set_inputs import image_scorer, read_request_data, scoring_teacher, with_training_identities
from dgnet.generation.writer import Resources, write_missing
from dgnet.runs.loaded_generator import LoadedGenerator


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
        dataset = read_request_data(request, generator, distributed)
        generator = with_training_identities(generator, dataset, request.other_data)
        pairs, plan = plan_pairs(request, dataset)
        teacher_file = None if request.no_scores else scoring_teacher(request, generator)
        scorer = None if request.no_scores else image_scorer(request, generator, teacher_file, dataset)
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
