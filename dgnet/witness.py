"""The witness: a classifier that DG-Net never saw, trained on real images alone, which says who is on a generated image."""

from dataclasses import replace

from dgnet.config import Config
from dgnet.data.records import Dataset, Record


def witness_config(config: Config) -> Config:
    """The settings of a witness for the run that `config` describes: small images, another trunk and seed than the teacher's."""
    data = config.data.model_copy(update={"height": 64, "width": 48, "pad": 4, "erasing": 0.3})
    teacher = config.teacher.model_copy(
        update={
            "backbone": "resnet18",
            "last_stride": 2,
            "weights": None,
            "double_up_to_height": 0,
            "checkpoints": (),
            "epochs": 12,
            "batch_size": 32,
            "learning_rate": 0.05,
            "trunk_factor": 1.0,
            "dropout": 0.2,
        }
    )
    run = config.run.model_copy(update={"seed": config.run.seed + 1, "precision": "fp32"})
    return config.model_copy(update={"data": data, "teacher": teacher, "run": run})


def hold_out(dataset: Dataset) -> tuple[Dataset, tuple[Record, ...]]:
    """The data set without the last training image of each identity, and these images: the witness proves itself on them."""
    last = {record.identity: record for record in dataset.train}
    held_out = tuple(last.values())
    kept = tuple(record for record in dataset.train if record is not last[record.identity])
    return replace(dataset, train=kept), held_out
