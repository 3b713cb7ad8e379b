"""The training loop of DG-Net, of its teacher and of the re-ID models.

The loop opens the run, resumes, seeds, asks for batches, steps, checks that all figures are finite, logs, saves, tests,
draws and stops. Everything that differs is in a `dgnet.training.task.TrainingTask`.

A test may fail (an image that cannot be read) and takes long, so the state is saved before it and, with what it found,
once more after it. A run that ended in between begins with that test when it is resumed.
"""

import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

from dgnet.core.distributed import Distributed
from dgnet.core.errors import UserError
from dgnet.core.memory import peak_memory_bytes
from dgnet.core.numerics import float32_arithmetic, set_numerics
from dgnet.core.random_draws import iteration_seed
from dgnet.data.copies import describe_copies_of_two_people
from dgnet.data.description import describe_dataset
from dgnet.data.prefetch import Prefetcher, Source
from dgnet.data.records import Dataset
from dgnet.runs.resume import data_fingerprint, load_resume_state
from dgnet.runs.run import Run
from dgnet.training.finite import require_finite, require_finite_weights
from dgnet.training.task import SomeBatch, StepLog, TrainingPlan, TrainingTask
from dgnet.training.throughput import Throughput


def run_training(
    task: TrainingTask[SomeBatch],
    source: Source[SomeBatch],
    plan: TrainingPlan,
    open_run: Callable[[], Run],
    dataset: Dataset,
    distributed: Distributed,
    generated: bytes = b"",
    generated_files: Sequence[Path] = (),
) -> Run:
    """Train `task` from the run's latest checkpoint (or the start) to the last iteration of `plan`.

    Args:
        open_run: opens the run. It is called after everything else has been built, so that settings which are
            refused leave no folder behind.
        generated: the fingerprint of generated images in the batches; empty for none.
        generated_files: their files, where they have any.

    Returns:
        The run, closed.

    Raises:
        RunStopped: the run was asked to stop; it has saved.
        UserError: a term or weight is not finite, or the checkpoint is one of another training.
    """
    run = open_run()
    with run.closed_on_error():
        fingerprint = data_fingerprint(dataset, distributed.world_size, generated, generated_files)
        # Checkpoints of earlier versions were saved after the test, and do not say how long the training was to be.
        tested, iterations = True, plan.iterations
        if path := run.latest_checkpoint():
            if run.start > plan.iterations:
                raise UserError(
                    f"{path} has {run.start} iterations behind it, and the training is to have {plan.iterations} in "
                    "all: ask for at least as many as are done, or begin a new run under another --name"
                )
            state = load_resume_state(path, task.kind, dataset, distributed.device, fingerprint)
            task.load_state_dict(state)
            tested, iterations = state.get("tested", True), state.get("iterations", plan.iterations)
            del state  # its tensors may be a gigabyte
        distributed.on_main(partial(require_space, run.folder, task))

    def save(iteration: int, tested: bool) -> None:
        length = {"iteration": iteration, "iterations": plan.iterations}
        run.save(iteration, {"kind": task.kind, **length, "tested": tested, **fingerprint, **task.state_dict()})

    def test(iteration: int) -> None:
        with float32_arithmetic():
            run.add_figures(iteration, task.test(run))

    with run, Prefetcher(source, run.start, plan.workers, distributed.device) as batches:
        copies = describe_copies_of_two_people(dataset) if distributed.is_main else ""
        for message in (describe_dataset(dataset), *[copies] * bool(copies), *task.introduction()):
            run.info(message)
        if iterations != plan.iterations:
            run.info(_on_another_length(iterations, plan.iterations, task.depends_on_length()))
        if not tested and task.tests(run.start):  # whether tests are due may have changed
            test(run.start)
            save(run.start, tested=True)
        throughput = Throughput()
        unchecked: list[tuple[int, StepLog]] = []
        for iteration in run.iterations(plan.iterations):
            torch.manual_seed(iteration_seed(plan.seed, iteration, distributed.rank))
            throughput.start()
            log = task.step(next(batches), iteration - 1)
            unchecked.append((iteration, log))

            stops = run.should_stop()
            saves, logs, tests = stops or plan.saves(iteration), plan.logs(iteration), task.tests(iteration)
            # Only here does the processor wait for the GPU, and one process for the others.
            if saves or logs:
                require_finite(unchecked, task, run, distributed)
                unchecked.clear()
            throughput.count(log.images)

            if logs and (line := task.message(log, iteration)):
                run.info(line)
            if plan.ends_epoch(iteration):
                seconds, images_per_second = throughput.end_epoch()
                epoch = iteration // plan.epoch
                run.info(f"epoch {epoch}: {seconds:.3f} s per batch, {images_per_second:.1f} samples/s")
            if logs:
                run.log(
                    iteration,
                    distributed.mean(log.terms),
                    log.weights,
                    learning_rates=log.learning_rates,
                    images_per_second=throughput.images_per_second(),
                    memory_bytes=peak_memory_bytes(distributed.device),
                    others={**log.others, "loader/waited_s": batches.waited_s},
                )
            if saves:
                require_finite_weights(iteration, task, run, distributed)
                save(iteration, tested=not tests)
            if tests:
                test(iteration)
                if saves:
                    save(iteration, tested=True)
            task.draw(run, iteration)
            if stops:
                break
        task.finish(run)
    set_numerics(distributed.device)  # what follows, a measurement say, is no training
    run.raise_if_stopped()
    return run


def require_space(folder: Path, task: TrainingTask[Any]) -> None:
    """`UserError` where not even the networks of one checkpoint have room on the disk of `folder`."""
    needed = sum(value.nbytes for network in task.networks.values() for value in network.state_dict().values())
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise UserError(
            f"{folder}: a checkpoint takes more than {needed / 2**20:.0f} MiB, and {free / 2**20:.0f} MiB are free"
        )


def _on_another_length(before: int, now: int, depends: str) -> str:
    if not depends:
        return f"{now} iterations in all, {before} before: it goes on as if it had had {now} from the start"
    return (
        f"{now} iterations in all, {before} before. {depends}: from here on it is that of {now} iterations, so the "
        "result differs from that of a training that had as many from the start"
    )
