"""Configuration -> the data set, its decoded training images and the source of batches."""

from pathlib import Path

from dgnet.config.data import DataConfig
from dgnet.core.distributed import Distributed
from dgnet.core.errors import UserError
from dgnet.data.cache import ImageCache
from dgnet.data.datasets import LAYOUTS, read_dataset, training_labels
from dgnet.data.pairs import PairSource
from dgnet.data.pedestrians import SyntheticSpec, write_dataset
from dgnet.data.records import Dataset


def open_dataset(config: DataConfig, distributed: Distributed) -> Dataset:
    """Read the data set that the configuration names; the built-in pedestrians are rendered first if they are missing.

    Raises:
        UserError: no such layout, nothing readable at `config.root`, or other pedestrians there than configured.
    """
    if config.layout not in ("auto", "synthetic", *LAYOUTS):
        allowed = f"auto, synthetic, {', '.join(LAYOUTS)}"
        raise UserError(f"data.layout must be one of {allowed}, got {config.layout!r}")
    if config.layout != "synthetic":
        return read_dataset(config.root, config.layout)
    size = config.synthetic
    spec = SyntheticSpec(
        seed=size.seed,
        train_identities=size.train_identities,
        test_identities=size.test_identities,
        images_per_identity=size.images_per_identity,
    )
    distributed.on_main(lambda: write_dataset(Path(config.root), spec))
    return read_dataset(Path(config.root), "market1501")


def require_data_of_run(config: DataConfig, instead: str = "name it by --data") -> None:
    """`UserError` where the data set that a run's configuration names is not there, and nothing can make it.

    `instead`: what the user can do.
    """
    root = Path(config.root)
    if config.layout == "synthetic" or root.exists():
        return
    seen = "" if root.is_absolute() else f" (looked for in {Path.cwd()})"
    raise UserError(f"{root}: the data set of this run (data.root) is not there{seen}; {instead}")


def require_two_identities(dataset: Dataset) -> None:
    """`UserError` where a data set has one training identity: there is nobody to tell it from."""
    if len(dataset.identities) < 2:
        raise UserError(
            f"{dataset.root}: a training needs images of at least 2 identities, all {len(dataset.train)} training "
            f"images here are of identity {dataset.identities[0]}"
        )


def require_batch(
    config: DataConfig, dataset: Dataset, setting: str, value: int, distributed: Distributed, roles: int = 1
) -> None:
    """`UserError` where `pair_source` could not fill its batches; no image is read, so it can be asked long before.

    Args:
        setting: the name of the batch size of one process, and its `value`.
        roles: how many images of such a batch stand for one image that is drawn.
    """
    require_two_identities(dataset)
    images = len(dataset.train)
    if value // roles * distributed.world_size > images:
        most = images // distributed.world_size * roles
        raise UserError(
            f"{setting} must be at most {most} with the {images} training images of {dataset.root} and "
            f"{distributed.world_size} processes, got {value}"
        )
    if config.pad >= min(config.height, config.width):
        raise UserError(
            f"data.pad must be smaller than both sides of the {config.height}x{config.width} image, got {config.pad}"
        )


def pair_source(
    config: DataConfig, dataset: Dataset, batch_size: int, seed: int, distributed: Distributed
) -> PairSource:
    """Decode the training split into memory and draw batches of `batch_size` pairs per process from it.

    `UserError` for a data set of one identity, and as in `PairSource`.
    """
    require_two_identities(dataset)
    return PairSource(
        ImageCache([record.path for record in dataset.train]),
        training_labels(dataset),
        batch_size=batch_size,
        height=config.height,
        width=config.width,
        seed=seed,
        pad=config.pad,
        flip=config.flip,
        erasing_probability=config.erasing,
        rank=distributed.rank,
        world_size=distributed.world_size,
    )
