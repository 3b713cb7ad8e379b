"""Training speed: the time of the steps, without that of tests, pictures and checkpoints between them."""

import time
from dataclasses import dataclass


@dataclass
class _Sums:
    seconds: float = 0.0
    steps: int = 0
    images: int = 0


class Throughput:
    """Sums up steps and images since the last log and since the last epoch.

    Example:
        >>> throughput = Throughput()
        >>> throughput.start()  # a step
        >>> throughput.count(images=16)
        >>> throughput.images_per_second() > 0
        True
    """

    def __init__(self) -> None:
        self._log, self._epoch = _Sums(), _Sums()
        self._start = time.perf_counter()

    def start(self) -> None:
        """A step begins."""
        self._start = time.perf_counter()

    def count(self, images: int) -> None:
        """The step of so many images (of all processes) is done."""
        seconds = time.perf_counter() - self._start
        for sums in (self._log, self._epoch):
            sums.seconds += seconds
            sums.steps += 1
            sums.images += images

    def images_per_second(self) -> float:
        """Images per second since this was last asked."""
        sums, self._log = self._log, _Sums()
        return sums.images / max(sums.seconds, 1e-9)

    def end_epoch(self) -> tuple[float, float]:
        """Seconds per step and images per second since the last epoch ended, or since the training was resumed."""
        sums, self._epoch = self._epoch, _Sums()
        return sums.seconds / max(sums.steps, 1), sums.images / max(sums.seconds, 1e-9)
