"""Configuration -> the data set, its decoded training images and the source of batches."""

from pathlib import Path

from dgnet.config import DataConfig
from dgnet.core.distributed import Distributed
from dgnet.data.cache import ImageCache
from dgnet.data.datasets import read_dataset, training_labels
from dgnet.data.pairs import PairSource
from dgnet.data.pedestrians import SyntheticSpec, write_dataset
from dgnet.data.records import Dataset


def open_dataset(config: DataConfig, distributed: Distributed) -> Dataset:
    """Read the data set that the configuration names; the built-in pedestrians are made first where they are not there.

    Raises:
        UserError: nothing readable is at `config.root`, or other pedestrians than the configuration asks for.
    """
    if config.layout != "synthetic":
        return read_dataset(Path(config.root), config.layout)
    made = config.synthetic
    spec = SyntheticSpec(
        seed=made.seed,
        train_identities=made.train_identities,
        test_identities=made.test_identities,
        images_per_identity=made.images_per_identity,
    )
    distributed.on_main(lambda: write_dataset(Path(config.root), spec))
    return read_dataset(Path(config.root), "market1501")


def pair_source(
    config: DataConfig, dataset: Dataset, batch_size: int, seed: int, distributed: Distributed
) -> PairSource:
    """Decode the training split into memory and draw batches of `batch_size` pairs per process from it."""
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
