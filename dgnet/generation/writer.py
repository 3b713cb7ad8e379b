"""Writes the images that a set lacks: swapped, scored and stored, by one process or several."""

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass, replace
from typing import TextIO

from tqdm import tqdm

from dgnet.core.device import PrecisionName
from dgnet.core.distributed import Distributed
from dgnet.core.errors import UserError
from dgnet.generation.engine import CODE_BYTES, batch_slots, generate
from dgnet.generation.image_writer import ImageWriter
from dgnet.generation.manifest import FinishedImage, finished_line, finished_log
from dgnet.generation.paths import sources
from dgnet.generation.scores import ImageScorer
from dgnet.generation.set_folder import SetFolder
from dgnet.runs.folder_lock import lock_folder
from dgnet.runs.loaded_generator import LoadedGenerator

# Images that wait to be written, per thread: enough to keep the threads busy, few enough to stay small in memory.
QUEUE_PER_THREAD = 64
Queue = deque[tuple[Future[str], FinishedImage]]


@dataclass(frozen=True)
class Resources:
    """Precision, speed and memory; only `precision` changes the images.

    Attributes:
        batch_size: pairs handled at a time.
        code_bytes: memory for codes, per process.
        threads: that write files, per process.
    """

    precision: PrecisionName = "fp32"
    batch_size: int = 64
    code_bytes: int = CODE_BYTES
    threads: int = 2


def write_missing(
    target: SetFolder,
    generator: LoadedGenerator,
    scorer: ImageScorer | None,
    distributed: Distributed,
    resources: Resources = Resources(),
) -> int:
    """Generate and write what the set lacks, and its manifest; the number of new images, over all processes.

    Each process works on neighboring pairs, as many as the others. Without a scorer nothing is scored. Also after an
    error the manifest lists every complete image.

    Raises:
        UserError: a source cannot be read, or a file cannot be written (full disk, no permission, another content).
    """
    lock = distributed.on_main(lambda: lock_folder(target.folder))
    finished = distributed.on_main(lambda: _intact(target))
    missing = distributed.agree(sorted(set(range(len(target.pairs))) - set(finished or ())))
    positions = process_positions(missing, distributed.rank, distributed.world_size, batch_slots(distributed.device))
    failure: str | None = None
    try:
        _write(target, generator, scorer, positions, distributed, resources)
    except UserError as error:
        failure = str(error)
    except BaseException:
        # Ctrl-C, say: the other processes may have ended already, so none is waited for.
        if distributed.is_main:
            target.write_manifest(target.finished(), {})
        raise
    failures = [sentence for sentence in distributed.gather(failure) if sentence is not None]
    distributed.on_main(lambda: _write_manifest(target, failures, scored=scorer is not None))
    if lock is not None:
        lock.close()
    return len(missing)


def process_positions(missing: Sequence[int], rank: int, world_size: int, slots: int) -> Sequence[int]:
    """The part of `missing` that a process generates: whole batches of `slots`, their number the same up to one."""
    batches = -(-len(missing) // slots)
    first, last = (batches * number // world_size for number in (rank, rank + 1))
    return missing[first * slots : last * slots]


def _write(
    target: SetFolder,
    generator: LoadedGenerator,
    scorer: ImageScorer | None,
    positions: Sequence[int],
    distributed: Distributed,
    resources: Resources,
) -> None:
    records = sources(target.dataset)
    batches = generate(
        generator,
        records,
        target.pairs,
        positions=positions,
        precision=resources.precision,
        batch_size=resources.batch_size,
        code_bytes=resources.code_bytes,
    )
    quality = target.recipe["image"]["jpeg_quality"]
    quiet = None if distributed.is_main else True
    bar = tqdm(total=len(positions), desc="generating", unit="image", delay=1, disable=quiet)
    with (
        bar,
        finished_log(target.folder, distributed.rank) as log,
        ImageWriter(quality, resources.threads) as writer,
    ):
        queue: Queue = deque()
        try:
            for batch in batches:
                identities = [records[target.pairs[position][0]].identity for position in batch.positions]
                scores = scorer.scores(batch, identities) if scorer is not None else [None] * len(identities)
                for position, image, score in zip(batch.positions, batch.images, scores, strict=True):
                    finished = FinishedImage(position, "", **({} if score is None else asdict(score)))
                    queue.append((writer.write(target.folder / target.files[position], image), finished))
                _log_written(queue, QUEUE_PER_THREAD * resources.threads, log)
                bar.update(len(batch.positions))
        finally:
            _log_written(queue, 0, log)


def _log_written(queue: Queue, length: int, log: TextIO) -> None:
    """Wait for the oldest files until `length` are left in the queue, and log those that are complete."""
    failure: UserError | None = None
    while len(queue) > length:
        future, image = queue.popleft()
        try:
            log.write(finished_line(replace(image, sha256=future.result())))
        except UserError as error:
            failure = failure or error
    log.flush()
    if failure is not None:
        raise failure


def _write_manifest(target: SetFolder, failures: Sequence[str], scored: bool) -> None:
    try:
        finished = target.finished()
        # Diversity compares images with each other, so it is computed once all are there.
        target.write_manifest(finished, target.diversity(finished) if scored and not failures else {})
    except OSError as error:
        failures = failures or [f"{target.folder}: the manifest cannot be written ({error.strerror or error})"]
    if failures:
        raise UserError(failures[0])


def _intact(target: SetFolder) -> dict[int, FinishedImage]:
    finished = target.finished()
    target.require_intact(finished)
    return finished
