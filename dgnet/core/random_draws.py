"""Random numbers as pure functions of (seed, stream name, index): no global state, no device, no order of calls."""

import hashlib

import numpy as np


def rng(seed: int, stream: str, index: int = 0) -> np.random.Generator:
    """A generator of its own for one use of randomness.

    `stream` names the use ("order of a", "erasing"), `index` >= 0 counts within it (the epoch, the iteration). Philox
    is counter-based: streams differ in their key, indices lie 2**128 draws apart in the counter, so none overlap.
    """
    key = int.from_bytes(hashlib.blake2b(f"{seed}/{stream}".encode(), digest_size=16).digest(), "little")
    return np.random.Generator(np.random.Philox(key=key, counter=index << 128))


def permutation(seed: int, stream: str, index: int, length: int) -> np.ndarray:
    """A random order of 0..length-1 (int64).

    By sorting uniform numbers rather than `Generator.permutation`, whose algorithm numpy may change between versions.
    """
    return np.argsort(rng(seed, stream, index).random(length), kind="stable")


def iteration_seed(seed: int, iteration: int, rank: int) -> int:
    """The seed (63 bits) of torch's own generator for one iteration of one process; only dropout draws from it."""
    return int(rng(seed, f"dropout of rank {rank}", iteration).integers(2**63))
