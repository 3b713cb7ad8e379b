"""Random choices as pure functions of (seed, stream, key), the same on every machine and with every numpy.

Only the raw bits of Philox are used: numpy keeps those stable for ever, but not how its distributions use them.
"""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Item = TypeVar("Item")

# What a stream is for; two streams with the same key are independent. Numbers are part of the format: never reuse one.
APPEARANCE, STRUCTURE, CAMERA, CROP, TEXTURE, FILM_CAMERA, FILM_WALK, FILM_BOXES = range(1, 9)


class Draws:
    """A sequence of random choices for one (seed, stream, key); all of them whole numbers >= 0."""

    def __init__(self, seed: int, stream: int, *key: int) -> None:
        self._bits = np.random.Philox(np.random.SeedSequence(seed, spawn_key=(stream, *key)))

    def unit(self) -> float:
        """Uniform in [0, 1)."""
        return (int(self._bits.random_raw()) >> 11) * 2.0**-53

    def uniform(self, low: float, high: float) -> float:
        """Uniform in [low, high)."""
        return low + (high - low) * self.unit()

    def bell(self, mean: float, spread: float) -> float:
        """A bounded bell around `mean`: the mean of three uniforms, within +-`spread`."""
        return mean + spread * ((self.unit() + self.unit() + self.unit()) * (2 / 3) - 1)

    def whole(self, count: int) -> int:
        """One of 0 .. count - 1."""
        return int(self.unit() * count)

    def chance(self, probability: float) -> bool:
        return self.unit() < probability

    def one_of(self, items: Sequence[Item]) -> Item:
        return items[self.whole(len(items))]

    def weighted(self, items: Sequence[tuple[Item, float]]) -> Item:
        """One of `(item, weight)` pairs."""
        left = self.unit() * sum(weight for _, weight in items)
        for item, weight in items:
            left -= weight
            if left < 0:
                return item
        return items[-1][0]

    def shuffled(self, items: Sequence[Item]) -> list[Item]:
        rest = list(items)
        return [rest.pop(self.whole(len(rest))) for _ in range(len(rest))]

    def field(self, rows: int, columns: int) -> NDArray[np.float32]:
        """An array [rows, columns] of uniforms in [0, 1)."""
        raw = np.asarray(self._bits.random_raw(rows * columns), dtype=np.uint64)
        return ((raw >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-24)).reshape(rows, columns)
