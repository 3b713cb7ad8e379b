"""How fast a training goes: seconds of its steps, without those of tests and drawing between them."""

import time


class Pace:
    """Counts steps and images between `go` and `rest`, for the present epoch and for the present log interval."""

    def __init__(self) -> None:
        self._mark = time.perf_counter()
        self._epoch = [0.0, 0.0, 0.0]  # seconds, batches, images
        self._interval = [0.0, 0.0, 0.0]

    def go(self) -> None:
        """Time counts from here on."""
        self._mark = time.perf_counter()

    def count(self, images: int) -> None:
        """One more batch of so many images is done."""
        now = time.perf_counter()
        for sums in (self._epoch, self._interval):
            for place, value in enumerate((now - self._mark, 1, images)):
                sums[place] += value
        self._mark = now

    def images_per_second(self) -> float:
        """Images a second since this was last asked."""
        seconds, _, images = self._interval
        self._interval = [0.0, 0.0, 0.0]
        return images / max(seconds, 1e-9)

    def end_epoch(self) -> tuple[float, float]:
        """Seconds a batch and images a second since the epoch began, or since the run went on within it."""
        seconds, batches, images = self._epoch
        self._epoch = [0.0, 0.0, 0.0]
        return seconds / max(batches, 1), images / max(seconds, 1e-9)
