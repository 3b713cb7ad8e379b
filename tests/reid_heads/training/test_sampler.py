"""P x K batches on data sets of every shape: what each holds, that they never hang, and what is refused."""

from collections import Counter

import numpy as np
import pytest

from dgnet.core.errors import UserError
from reid_heads.training.sampler import EpochMode, IdentitySampler
from tests.messages import mentions


def labels_of(sizes: list[int], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes)).astype(np.int64)


@pytest.mark.parametrize("epoch_mode", ["images", "identities"])
def test_every_batch_is_p_times_k_of_any_data_set(epoch_mode: EpochMode) -> None:
    random = np.random.default_rng(1)
    for _ in range(60):
        sizes = random.integers(1, 15, random.integers(2, 12)).tolist()
        labels = labels_of(sizes)
        people, images = int(random.integers(2, len(sizes) + 1)), int(random.integers(1, 6))
        sampler = IdentitySampler(labels, people, images, 0, epoch_mode)
        epoch = sampler.epoch(3)
        assert epoch.shape == (sampler.batches_per_epoch, people * images)
        for batch in epoch.reshape(-1, people, images):
            assert len({labels[group[0]] for group in batch}) == people
            for group in batch:
                (label,) = set(labels[group].tolist())
                uses = Counter(group.tolist())
                assert len(uses) == min(images, sizes[label])  # others first, repeated only where there are too few
                assert max(uses.values()) - min(uses.values()) <= 1
        shown = Counter(epoch.ravel().tolist())
        assert all(count == 1 for image, count in shown.items() if sizes[labels[image]] >= images)


def test_an_epoch_has_as_many_batches_as_can_be_filled() -> None:
    # 4 + 1 + 1 groups of 2 images: two different identities are there once after the small ones are used up.
    assert IdentitySampler(labels_of([8, 2, 2]), 2, 2, 0).batches_per_epoch == 2
    assert IdentitySampler(labels_of([8, 8, 2]), 2, 2, 0).batches_per_epoch == 4
    assert IdentitySampler(labels_of([8] * 6), 3, 4, 0).batches_per_epoch == 4
    assert IdentitySampler(labels_of([8] * 6), 3, 4, 0, "identities").batches_per_epoch == 2


def test_a_whole_pass_shows_every_image_and_epochs_differ() -> None:
    sampler = IdentitySampler(labels_of([8] * 6), 3, 4, 7)
    first, again = sampler.epoch(0), IdentitySampler(labels_of([8] * 6), 3, 4, 7).epoch(0)
    assert sorted(first.ravel()) == list(range(48)) and np.array_equal(first, again)
    assert not np.array_equal(first, sampler.epoch(1))
    assert not np.array_equal(first, IdentitySampler(labels_of([8] * 6), 3, 4, 8).epoch(0))


def test_identities_that_repeat_are_counted() -> None:
    assert IdentitySampler(labels_of([1, 3, 4, 9]), 2, 4, 0).repeating == 2


@pytest.mark.parametrize(
    ("sizes", "people", "images", "words"),
    [
        ([5], 2, 2, "at least 2 identities, got 1"),
        ([5, 5], 1, 2, "at least 2 identities"),
        ([5, 5], 2, 0, "2 with 0"),
        ([5, 5, 5], 4, 2, mentions(4, 3, "data.identities")),
    ],
)
def test_refusals(sizes: list[int], people: int, images: int, words: str) -> None:
    with pytest.raises(UserError, match=words):
        IdentitySampler(labels_of(sizes), people, images, 0)
