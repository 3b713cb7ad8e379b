"""Batches: what is in them, and that nothing but (seed, iteration) decides it."""

import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from dgnet.core.errors import UserError
from dgnet.core.random_draws import permutation, rng
from dgnet.data.cache import ImageCache
from dgnet.data.pairs import PairBatch, PairSource
from dgnet.data.prefetch import Prefetcher
from dgnet.training.batch import JointBatch
from tests.dgnet.data.photographs import write_image
from tests.messages import mentions

LABELS = torch.tensor([0, 0, 0, 1, 2, 2, 2, 2, 3, 3, 4, 4, 4])  # identity 1 has a single image


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> ImageCache:
    folder = tmp_path_factory.mktemp("images")
    return ImageCache([write_image(folder / f"{index}.png", 16, 32) for index in range(len(LABELS))])


def source(cache: ImageCache, batch_size: int = 4, seed: int = 5, **options: float) -> PairSource:
    settings = {"height": 64, "width": 32, "pad": 4, **options}
    return PairSource(cache, LABELS, batch_size=batch_size, seed=seed, **settings)  # type: ignore[arg-type]


def equal(first: PairBatch, second: PairBatch) -> bool:
    return all(torch.equal(getattr(first, part), getattr(second, part)) for part in ("images", "erased", "labels"))


def test_an_epoch_shows_images_once_and_the_next_is_shuffled_anew(cache: ImageCache) -> None:
    pairs = source(cache)
    assert pairs.iterations_per_epoch == 3  # 13 images, batches of 4: one image is left out
    orders = []
    for epoch in range(2):
        seen = np.concatenate([pairs.indices(iteration)[:2] for iteration in range(3 * epoch, 3 * epoch + 3)], axis=1)
        assert all(len(set(stream)) == 12 for stream in seen.tolist())
        orders += seen.tolist()
    assert len({tuple(order) for order in orders}) == 4  # a and b, both epochs: four different orders


def test_positives_are_other_images_of_the_same_identity_all_of_them(cache: ImageCache) -> None:
    pairs, met = source(cache), set()
    for iteration in range(300):
        a, b, positive_a, positive_b = pairs.indices(iteration)
        for anchors, positives in ((a, positive_a), (b, positive_b)):
            assert (LABELS[anchors] == LABELS[positives]).all()
            assert ((anchors != positives) | (LABELS[anchors] == 1).numpy()).all()
            met |= set(zip(anchors.tolist(), positives.tolist(), strict=True))
    possible = {(i, j) for i in range(13) for j in range(13) if LABELS[i] == LABELS[j] and (i != j or LABELS[i] == 1)}
    assert met == possible


def test_images_are_flipped_padded_and_cropped_copies(cache: ImageCache) -> None:
    pairs = source(cache, pad=4)
    flips, places = 0, set()
    for iteration in range(6):
        batch, indices = pairs.batch(iteration), torch.from_numpy(pairs.indices(iteration))
        assert torch.equal(batch.labels, LABELS[indices[:2]])
        for image, index in zip(batch.images.flatten(0, 1), indices.flatten(), strict=True):
            plain = cache.gather(index[None], 64, 32)[0].float()
            candidates = {}
            for flipped in (False, True):
                padded = F.pad((plain.flip(-1) if flipped else plain)[None], (4,) * 4, mode="replicate")[0]
                for top in range(9):
                    for left in range(9):
                        window = padded[:, top : top + 64, left : left + 32]
                        candidates[flipped, top, left] = (window - image.float()).abs().max().item()
            flipped, top, left = min(candidates, key=candidates.__getitem__)
            assert candidates[flipped, top, left] <= 1
            flips += flipped
            places |= {top, left}
    assert 20 < flips < 76 and places == set(range(9))


def test_no_augmentation_is_the_plain_image(cache: ImageCache) -> None:
    pairs = source(cache, pad=0, flip=0.0, erasing_probability=0.0)
    batch = pairs.batch(1)
    plain = cache.gather(torch.from_numpy(pairs.indices(1)).flatten(), 64, 32)
    assert torch.equal(batch.images.flatten(0, 1), plain) and not batch.erased.any()


def test_a_batch_depends_on_seed_and_iteration_only(cache: ImageCache) -> None:
    pairs = source(cache)
    expected = [pairs.batch(iteration) for iteration in range(8)]
    torch.manual_seed(123)
    again = source(cache)
    for iteration in (7, 0, 3, 3):
        assert equal(again.batch(iteration), expected[iteration])
    assert not equal(source(cache, seed=6).batch(0), expected[0])
    assert not torch.equal(expected[0].images, expected[1].images)


def test_the_draws_are_the_same_on_every_machine() -> None:
    assert permutation(0, "order of a", 0, 8).tolist() == [6, 0, 2, 7, 4, 1, 5, 3]
    assert rng(0, "erasing", 3).random(2).tolist() == [0.7192596882250754, 0.4155321521750899]


@pytest.mark.parametrize("world_size", [2, 3])
def test_processes_share_out_the_batch_of_one(cache: ImageCache, world_size: int) -> None:
    whole = source(cache, batch_size=2 * world_size)
    parts = [source(cache, batch_size=2, rank=rank, world_size=world_size) for rank in range(world_size)]
    for iteration in range(5):
        shares = [part.batch(iteration) for part in parts]
        joined = PairBatch(
            torch.cat([share.images for share in shares], 1),
            torch.cat([share.erased for share in shares], 1),
            torch.cat([share.labels for share in shares], 1),
        )
        assert equal(joined, whole.batch(iteration))


@pytest.mark.parametrize("workers", [1, 3])
def test_prefetched_batches_come_in_order_from_where_training_stands(cache: ImageCache, workers: int) -> None:
    pairs = source(cache)
    with Prefetcher(pairs, start_iteration=2, workers=workers) as batches:
        for iteration in range(2, 14):
            assert equal(next(batches), pairs.batch(iteration))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("loader")]


FRESH_PROCESS = """
import os, torch
from dgnet.data.prefetch import Prefetcher
class Source:
    def batch(self, iteration):
        return torch.tensor(torch.get_num_threads())
with Prefetcher(Source()) as batches:
    print(*(int(next(batches)) for _ in range(8)), torch.get_num_threads())
"""


@pytest.mark.slow
def test_prefetching_leaves_the_cores_to_the_training() -> None:
    """In a process that has computed nothing yet: the loaders' threads take one core each, the training its two."""
    environment = os.environ | {"OMP_NUM_THREADS": "2"}
    command = [sys.executable, "-W", "ignore", "-c", FRESH_PROCESS]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1"] * 8 + ["2"]


class Slow(PairSource):
    """Takes its time, and breaks at one iteration."""

    def batch(self, iteration: int) -> PairBatch:
        time.sleep(0.05)
        if iteration == 3:
            raise OSError("the disk is gone")
        return super().batch(iteration)


def test_prefetcher_measures_waiting_and_passes_on_what_went_wrong(cache: ImageCache) -> None:
    pairs = Slow(cache, LABELS, batch_size=4, height=64, width=32, seed=5)
    batches = Prefetcher(pairs, workers=1)
    next(batches)
    waited = batches.waited_s
    assert waited >= 0.04
    time.sleep(0.3)
    next(batches)
    assert batches.waited_s - waited < 0.03  # made while we slept
    next(batches)
    with pytest.raises(OSError, match="the disk is gone"):
        next(batches)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("loader")]


def test_bad_settings_are_said(cache: ImageCache) -> None:
    with pytest.raises(UserError, match=mentions("batch", "images", 14, 13)):
        source(cache, batch_size=7, world_size=2)
    with pytest.raises(UserError, match="pad must be .* 32"):
        source(cache, pad=32)
    with pytest.raises(UserError, match=mentions("workers", 1)):
        Prefetcher(source(cache), workers=0)


def test_images_travel_to_the_device_as_bytes(cache: ImageCache, device: torch.device) -> None:
    """A quarter of what float32 would take; they are normalized and erased there."""
    expected = source(cache).batch(0)
    with Prefetcher(source(cache), device=device) as batches:
        batch = next(batches)
    assert (batch.images.dtype, batch.erased.dtype, batch.images.device.type) == (torch.uint8, torch.bool, device.type)
    ours, alone = (JointBatch.of(pairs, erasing=True) for pairs in (batch, expected))
    assert ours.erased is not None and alone.erased is not None and bool((alone.erased != alone.real).any())
    for one, other in ((ours.real, alone.real), (ours.erased, alone.erased)):
        torch.testing.assert_close(one.cpu(), other, rtol=1e-6, atol=1e-6)
    assert torch.equal(batch.labels.cpu(), expected.labels)


def test_moving_a_batch_keeps_it(cache: ImageCache) -> None:
    batch = source(cache).batch(0)
    assert equal(batch.to("cpu"), batch)
    assert batch.images.flatten(0, 1).is_contiguous(memory_format=torch.channels_last)
