"""What a set is made of: the data set, the generator with its identities, the teacher and the scorer."""

import logging
from dataclasses import replace
from pathlib import Path

from dgnet.core.distributed import Distributed
from dgnet.core.errors import AdvisedError, UserError
from dgnet.data.datasets import read_dataset
from dgnet.data.records import Dataset
from dgnet.data.training_data import open_dataset, require_data_of_run
from dgnet.generation.load import teacher_of
from dgnet.generation.request import SetRequest
from dgnet.generation.scores import ImageScorer, load_discriminator
from dgnet.models.build import build_teacher
from dgnet.models.model_file import StoredModel, read_model_file
from dgnet.models.people import other_people
from dgnet.official.import_run import official_identities, reordered
from dgnet.official.release import TEACHER_WEIGHTS, read_official_teacher
from dgnet.runs.loaded_generator import LoadedGenerator
from dgnet.runs.resume import images_content
from dgnet.training.teacher import load_teachers

_log = logging.getLogger(__name__)


def read_request_data(request: SetRequest, generator: LoadedGenerator, distributed: Distributed) -> Dataset:
    """The data set of --data, or that of the generator's run. `UserError` where it is not there."""
    if request.data is not None:
        return read_dataset(request.data)
    if request.other_data:
        raise UserError("--other-data says that --data is another data set: give --data")
    require_data_of_run(generator.config.data)
    return open_dataset(generator.config.data, distributed)


def with_training_identities(generator: LoadedGenerator, dataset: Dataset, other: bool) -> LoadedGenerator:
    """The generator with its training identities. `UserError` where `dataset` has other ones, unless `other` is set."""
    if other:
        return generator
    classes = len(generator.network.appearance.fine.logits.bias)
    differ = other_people(generator.identities, generator.names, dataset) if generator.identities else None
    if classes != len(dataset.identities) or differ:
        raise AdvisedError(
            f"{generator.name} was trained on {classes} identities, and the {len(dataset.identities)} of "
            f"{dataset.root} are others{f' ({differ})' if differ else ''}; give its own data set by --data",
            "or --other-data to generate from this one",
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


def scoring_teacher(request: SetRequest, generator: LoadedGenerator) -> Path | None:
    """The file of the teacher that labels and scores the images, if there is one."""
    if request.teacher is not None:
        return request.teacher / TEACHER_WEIGHTS if request.teacher.is_dir() else request.teacher
    return teacher_of(generator)


def image_scorer(
    request: SetRequest, generator: LoadedGenerator, teacher_file: Path | None, dataset: Dataset
) -> ImageScorer:
    """The discriminator, and the teacher where there is one. `UserError` for a teacher of other people."""
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
