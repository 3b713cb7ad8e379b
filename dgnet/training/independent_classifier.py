"""The witness: a classifier trained on real images alone, apart from DG-Net, that says who is on a generated image."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from jaxtyping import Float, UInt8
from torch import Tensor

from dgnet.config import Config, parse_config, resolved
from dgnet.core import pixels
from dgnet.data.records import Dataset, Record
from dgnet.runs.folder import CONFIG
from dgnet.training.pipeline import Job
from dgnet.training.teacher import TEACHER_FILE, StoredTeacher

# Small, and another eye than the teacher's: another size and another seed.
_DATA = {"height": 64, "width": 48, "pad": 4, "erasing": 0.0}
_NETWORK = {
    "backbone": "resnet18",
    "last_stride": 2,
    "weights": None,
    "double_up_to_height": 0,
    "checkpoints": (),
    "epochs": 10,
    "batch_size": 32,
    "learning_rate": 0.02,
    "trunk_factor": 1.0,
    "dropout": 0.0,
}


def witness_config(config: Config) -> Config:
    """The settings of the witness on the data of `config`."""
    values = resolved(config)
    values["data"] |= _DATA
    values["teacher"] |= _NETWORK
    values["run"]["seed"] += 1
    return parse_config(values, "witness")


def hold_out(dataset: Dataset) -> tuple[Dataset, tuple[Record, ...]]:
    """The data set without the last training image of each identity, and these: on them the witness proves itself."""
    last = {record.identity: record for record in dataset.train}
    held_out = set(last.values())
    kept = tuple(record for record in dataset.train if record not in held_out)
    return replace(dataset, train=kept), tuple(last.values())


def train_witness(job: Job, dataset: Dataset, name: str) -> Path | int:
    """The file of the witness that the run `name` trains, or goes on training, where the file is not there yet.

    The exit status instead where the training was told to stop.
    """
    path = job.folder(name) / TEACHER_FILE
    if path.exists():
        return path
    begun = (job.folder(name) / CONFIG).exists()
    own = Job(witness_config(job.config), job.output, job.distributed, resume=begun)
    _, status = own.train_teacher(hold_out(dataset)[0], name)
    return path if path.exists() else status


def witness_logits(
    witness: StoredTeacher,
) -> Callable[[UInt8[Tensor, "batch 3 height width"]], Float[Tensor, "batch identity"]]:
    """uint8 images of any size -> the logits of the witness's identities."""
    device = next(witness.network.parameters()).device

    def logits(images: Tensor) -> Tensor:
        small = pixels.resize(images, witness.height, witness.width)
        return witness.network(pixels.normalize(small.to(device))).logits

    return logits
