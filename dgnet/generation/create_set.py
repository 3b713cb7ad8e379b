"""Making a set: pairs are swapped, scored and written, by one process or several, until all of the plan is there."""

import json
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import asdict
from typing import TextIO

from tqdm import tqdm

from dgnet.core.device import PrecisionName
from dgnet.core.distributed import Distributed
from dgnet.core.errors import UserError
from dgnet.generation.engine import generate, places
from dgnet.generation.paths import sources
from dgnet.generation.scores import Judge
from dgnet.generation.set_folder import Done, SetFolder
from dgnet.generation.verify import PROGRESS
from dgnet.generation.writer import ImageWriter
from dgnet.runs.folder import lock_folder
from dgnet.runs.loaded_generator import LoadedGenerator

# Images that wait to be written, per thread: enough that none idles, few enough to stay small in memory.
WAITING = 64


def make_set(
    target: SetFolder,
    stored: LoadedGenerator,
    judge: Judge | None,
    distributed: Distributed,
    *,
    precision: PrecisionName = "fp32",
    batch_size: int = 64,
    code_bytes: int = 2 * 2**30,
    threads: int = 2,
) -> int:
    """Make what the set lacks, and its manifest; how many images were made, over all processes.

    Each process makes a run of neighboring pairs, as many as the others. Without a judge nothing is scored. However
    this ends, the manifest holds the images that are there whole.

    Raises:
        UserError: a source cannot be read, or a file cannot be written (full disk, no permission, another content).
    """
    lock = distributed.on_main(lambda: lock_folder(target.folder))
    done = distributed.on_main(lambda: _intact(target))
    missing = distributed.agree(sorted(set(range(len(target.pairs))) - set(done or ())))
    own = share(missing, distributed.rank, distributed.world_size, places(distributed.device))
    failure: str | None = None
    try:
        _make(target, stored, judge, own, distributed, (precision, batch_size, code_bytes, threads))
    except UserError as error:
        failure = str(error)
    except BaseException:
        # Ctrl-C, say: the others may be gone already, so nobody is asked.
        if distributed.is_main:
            target.write_manifest(target.done())
        raise
    failures = [sentence for sentence in distributed.gather(failure) if sentence is not None]
    distributed.on_main(lambda: _finish(target, failures, scored=judge is not None))
    if lock is not None:
        lock.close()
    return len(missing)


def _finish(target: SetFolder, failures: Sequence[str], scored: bool) -> None:
    try:
        done = target.done()
        # Diversity compares images with each other, so it is asked when all are there.
        target.write_manifest(done, target.diversity(done) if scored and not failures else None)
    except OSError as error:
        failures = failures or [f"{target.folder}: the manifest cannot be written ({error.strerror or error})"]
    if failures:
        raise UserError(failures[0])


def share(missing: Sequence[int], rank: int, world_size: int, count: int) -> Sequence[int]:
    """The run of `missing` that a rank makes: whole batches of `count`, their number the same up to one."""
    batches = -(-len(missing) // count)
    first, last = (batches * number // world_size for number in (rank, rank + 1))
    return missing[first * count : last * count]


def _make(
    target: SetFolder,
    stored: LoadedGenerator,
    judge: Judge | None,
    own: Sequence[int],
    distributed: Distributed,
    settings: tuple[PrecisionName, int, int, int],
) -> None:
    precision, batch_size, code_bytes, threads = settings
    records = sources(target.dataset)
    made = generate(
        stored,
        records,
        target.pairs,
        positions=own,
        precision=precision,
        batch_size=batch_size,
        code_bytes=code_bytes,
    )
    quality = target.recipe["image"]["jpeg_quality"]
    bar = tqdm(total=len(own), desc="generating", unit="image", delay=1, disable=None if distributed.is_main else True)
    with bar, _journal(target, distributed.rank) as journal, ImageWriter(quality, threads) as writer:
        waiting: deque[tuple[Future[str], Done]] = deque()
        try:
            for batch in made:
                appearances = [records[target.pairs[position][0]].identity for position in batch.positions]
                scores = judge.scores(batch, appearances) if judge is not None else [None] * len(appearances)
                for position, image, score in zip(batch.positions, batch.images, scores, strict=True):
                    found = Done(position, "", **({} if score is None else asdict(score)))
                    waiting.append((writer.write(target.folder / target.files[position], image), found))
                _note(waiting, WAITING * threads, journal)
                bar.update(len(batch.positions))
        finally:
            _note(waiting, 0, journal)


def _note(waiting: deque[tuple[Future[str], Done]], left: int, journal: TextIO) -> None:
    """Wait for the oldest files until `left` are under way, and note those that are whole."""
    failure: UserError | None = None
    while len(waiting) > left:
        future, found = waiting.popleft()
        try:
            journal.write(json.dumps({**asdict(found), "sha256": future.result()}) + "\n")
        except UserError as error:
            failure = failure or error
    journal.flush()
    if failure is not None:
        raise failure


def _intact(target: SetFolder) -> dict[int, Done]:
    done = target.done()
    target.require_intact(done)
    return done


@contextmanager
def _journal(target: SetFolder, rank: int) -> Iterator[TextIO]:
    """The lines of this process; a line that a crash cut off is ended first."""
    path = target.folder / PROGRESS / f"done-{rank}.jsonl"
    try:
        with path.open("a", encoding="utf-8") as journal:
            if path.stat().st_size:
                journal.write("\n")
            yield journal
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror or error}); what is whole stays") from error
