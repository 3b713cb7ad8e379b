"""The independent classifier: trained on real images, apart from DG-Net, it identifies the person in generated images.

Its run is NAME_classifier beside that of DG-Net.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from jaxtyping import Float, UInt8
from torch import Tensor

from dgnet.config import Config, parse_config, resolved
from dgnet.core import pixels
from dgnet.core.old_keys import OLD_CLASSIFIER_SUFFIX
from dgnet.data.records import Dataset, Record
from dgnet.models.model_file import StoredModel
from dgnet.runs.folder import CONFIG
from dgnet.runs.resume import require_trained_on
from dgnet.training.checks import check_teacher_training
from dgnet.training.job import Job
from dgnet.training.pipeline import train_job_teacher
from dgnet.training.teacher import TEACHER_FILE

_SUFFIX = "_classifier"
# Small, and unlike the teacher: another image size, another seed.
_DATA = {"height": 64, "width": 48, "pad": 4, "erasing": 0.0}
_NETWORK = {
    "backbone": "resnet18",
    "last_stride": 2,
    "weights": None,
    "upsample_below_height": 0,
    "checkpoints": (),
    "epochs": 6,
    "batch_size": 32,
    "learning_rate": 0.02,
    "trunk_factor": 1.0,
    "dropout": 0.0,
}


def independent_classifier_config(config: Config) -> Config:
    """The settings of the independent classifier on the data of `config`."""
    values = resolved(config)
    values["data"] |= _DATA
    values["teacher"] |= _NETWORK
    values["run"]["seed"] += 1
    return parse_config(values, "independent classifier")


def classifier_name(job: Job, name: str) -> str:
    """The run of the classifier of `name`; one that an earlier version trained or began goes by its old name."""
    old = name + OLD_CLASSIFIER_SUFFIX
    return job.distributed.agree(old if job.folder(old).exists() else name + _SUFFIX)


def hold_out(dataset: Dataset) -> tuple[Dataset, tuple[Record, ...]]:
    """The data set without the last training image of each identity, and these: on them the
    classifier is tested.
    """
    last = {record.identity: record for record in dataset.train}
    held_out = set(last.values())
    others = tuple(record for record in dataset.train if record not in held_out)
    return replace(dataset, train=others), tuple(last.values())


def train_independent_classifier(job: Job, dataset: Dataset, name: str) -> Path:
    """The file of the classifier; where it is not there yet, the run `name` trains it or goes on training it.

    Raises:
        RunStopped: the run was asked to stop; it has saved.
    """
    path = job.folder(name) / TEACHER_FILE
    if path.exists():
        job.distributed.on_main(lambda: require_trained_on(job.folder(name), hold_out(dataset)[0]))
    else:
        train_job_teacher(_own_job(job, name), hold_out(dataset)[0], name)
    return path


def check_independent_classifier(job: Job, dataset: Dataset, name: str) -> None:
    """`UserError` for what `train_independent_classifier` would refuse: to be asked before other long work."""
    if (job.folder(name) / TEACHER_FILE).exists():
        job.distributed.on_main(lambda: require_trained_on(job.folder(name), hold_out(dataset)[0]))
    else:
        check_teacher_training(_own_job(job, name), hold_out(dataset)[0], name)


def _own_job(job: Job, name: str) -> Job:
    resume = (job.folder(name) / CONFIG).exists()
    config = independent_classifier_config(job.config)
    return Job(config, job.output, job.distributed, resume=resume, resume_option=job.resume_option)


def classifier_logits(
    classifier: StoredModel,
) -> Callable[[UInt8[Tensor, "batch 3 height width"]], Float[Tensor, "batch identity"]]:
    """A function: uint8 images of any size -> the logits of the classifier's identities."""
    device = next(classifier.network.parameters()).device

    def logits(images: Tensor) -> Tensor:
        resized = pixels.resize(images, classifier.height, classifier.width)
        return classifier.network(pixels.normalize(resized.to(device))).mean_logits

    return logits
