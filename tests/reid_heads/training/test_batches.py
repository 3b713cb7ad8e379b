"""Batches: real images augmented, the share of generated ones, and two processes that see what one does."""

from pathlib import Path
from typing import Any

import pytest
import torch

from dgnet.core.distributed import Distributed
from dgnet.core.errors import UserError
from dgnet.data.records import Dataset
from dgnet.data.transforms import mirror
from reid_heads.config import ReIDConfig
from reid_heads.generated.sources import LiveGenerator, open_generated
from reid_heads.training.batches import ReIDSource
from reid_heads.training.components import generated_per_batch, reid_source
from tests.dgnet.small_generator import small_generator
from tests.messages import mentions
from tests.reid_heads.small_data import HEIGHT, WIDTH, generated_folder, small_config

pytestmark = pytest.mark.usefixtures("narrow")


def source_of(dataset: Dataset, config: ReIDConfig, generated: Any = None, rank: int = 0, ranks: int = 1) -> ReIDSource:
    return reid_source(config, dataset, generated, Distributed(rank, rank, ranks, torch.device("cpu")))


def test_without_augmentation_a_batch_is_the_images(dataset: Dataset) -> None:
    source = source_of(dataset, small_config(data__pad=0, data__flip=0, data__erasing=0))
    batch = source.batch(3)
    epoch, step = divmod(3, source.iterations_per_epoch)
    chosen = source.sampler.epoch(epoch)[step]
    expected = source.cache.gather(torch.from_numpy(chosen), HEIGHT, WIDTH)
    assert torch.equal(batch.real.images, expected) and not batch.real.erased.any()
    people = [dataset.identities.index(dataset.train[index].identity) for index in chosen]
    assert batch.labels.tolist() == people
    flipped = source_of(dataset, small_config(data__pad=0, data__flip=1, data__erasing=1)).batch(3)
    assert torch.equal(flipped.real.images, mirror(expected, torch.ones(6, dtype=torch.bool)))
    assert flipped.real.erased.flatten(1).any(1).all()


def test_batches_are_pure_and_differ(dataset: Dataset) -> None:
    one, again = source_of(dataset, small_config()), source_of(dataset, small_config())
    assert torch.equal(one.batch(5).real.images, again.batch(5).real.images)
    assert not torch.equal(one.batch(4).real.images, one.batch(5).real.images)


def test_generated_images_come_on_top_from_their_epoch_on(dataset: Dataset, tmp_path: Path) -> None:
    folder = generated_folder(tmp_path, dataset)
    config = small_config(generated__source=folder, generated__share=0.4, generated__start_epoch=1)
    assert generated_per_batch(config) == 4  # 4 of 10 are 0.4
    source = source_of(dataset, config, open_generated(config.generated, dataset))
    plain, first = source_of(dataset, small_config()), source.iterations_per_epoch
    for iteration in (0, first - 1, first, first + 1):
        batch = source.batch(iteration)
        assert torch.equal(batch.real.images, plain.batch(iteration).real.images)
        made = source.swapped(batch, iteration)
        assert (made is not None) == (iteration >= first) == (source.images_in(iteration) == 10)
        if made is not None:
            assert len(made.images) == 4
            augmented = source.augment_generated(made, iteration)
            assert augmented.images.shape == made.images.shape and not torch.equal(augmented.images, made.images)


def test_a_live_generator_gets_images_that_nothing_was_done_to(dataset: Dataset) -> None:
    config = small_config(generated__share=0.25)
    live = LiveGenerator(small_generator(), 64, 48)
    source = source_of(dataset, config, live)
    batch = source.batch(0)
    clean = source_of(dataset, small_config(data__pad=0, data__flip=0, data__erasing=0)).batch(0)
    assert batch.clean_images is not None and torch.equal(batch.clean_images, clean.real.images)
    made, again = source.swapped(batch, 0), source.swapped(batch, 0)
    assert made is not None and again is not None and torch.equal(made.images, again.images)
    assert set(made.appearance.tolist()) <= set(batch.labels.tolist())
    assert (made.appearance != made.structure).all()


def test_two_processes_see_what_one_does(dataset: Dataset) -> None:
    whole = source_of(dataset, small_config(data__identities=4)).batch(1)
    halves = [source_of(dataset, small_config(data__identities=2), rank=rank, ranks=2).batch(1) for rank in (0, 1)]
    assert torch.equal(torch.cat([half.real.images for half in halves]), whole.real.images)
    assert torch.equal(torch.cat([half.real.erased for half in halves]), whole.real.erased)
    assert torch.equal(torch.cat([half.labels for half in halves]), whole.labels)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"generated__label": "lsro", "generated__in_metric": True}, mentions("label", "lsro", "in_metric")),
        ({"generated__label": "unlabeled"}, "enters the distillation terms alone"),
        ({"data__pad": 48}, mentions("data.pad", "64x48")),
        ({"data__identities": 7}, "a batch of 7 identities"),
    ],
)
def test_refusals(dataset: Dataset, changes: dict[str, Any], words: str) -> None:
    live = LiveGenerator(small_generator(), 64, 48)
    with pytest.raises(UserError, match=words):
        source_of(dataset, small_config(**changes), live)
