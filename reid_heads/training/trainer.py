"""Training of a head, with generated images or without: from a data set to the best weights in a run's folder."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import nn

from dgnet.core.device import Precision, peak_memory_bytes
from dgnet.core.distributed import Distributed
from dgnet.core.errors import UserError
from dgnet.core.random_draws import iteration_seed
from dgnet.core.settings import resolved
from dgnet.data.checks import count_splits, split_table
from dgnet.data.prefetch import Prefetcher
from dgnet.data.records import Dataset
from dgnet.models.pretrained import load_pretrained
from dgnet.models.registry import build_model
from dgnet.models.reid_model import ReIDModel
from dgnet.runs.folder import set_aside
from dgnet.runs.resume import learned_from, state_to_go_on_from
from dgnet.runs.run import Run
from reid_heads.config import ReIDConfig
from reid_heads.generated.sources import GeneratedSource, LiveGenerator, StoredImages
from reid_heads.losses.objective import LossRecord
from reid_heads.training.batches import ReIDSource
from reid_heads.training.best_checkpoint import Best, Figures
from reid_heads.training.build import (
    build_objective,
    build_optimizers,
    distils,
    is_test_epoch,
    learning_rate,
    reid_source,
)
from reid_heads.training.loss_computer import Instruction, open_expert, open_teaching
from reid_heads.training.throughput import Pace

# What checkpoints of this loop say under "kind"; `dgnet.models.model_file.KIND` is that of the file to use.
TRAINING_KIND = "training state of a reid head"
# Settings that change what is written, where or how fast, not what is computed.
MAY_CHANGE = (
    "data.root",
    "data.workers",
    "run.checkpoint_every",
    "run.device",
    "run.keep_checkpoints",
    "run.log_every",
    "test",
)
# Measures a head, which keeps its mode: figures 0..1 by name, one of them `mAP`.
Evaluate = Callable[[ReIDModel], Figures]


@dataclass(frozen=True)
class Trained:
    """A head as it came out, its last figures (empty where nothing was measured), its best weights and how it ended."""

    head: ReIDModel
    figures: Figures
    best: Path | None
    exit_status: int


def train_model(
    config: ReIDConfig,
    dataset: Dataset,
    generated: GeneratedSource | None,
    folder: Path,
    *,
    curves: Path,
    distributed: Distributed,
    resume: bool = False,
    reset: bool = False,
    max_hours: float | None = None,
    evaluate: Evaluate | None = None,
    protocol: str = "",
    reranking: str = "",
    draw: Callable[[Path], None] | None = None,
) -> Trained:
    """Train a head as the run in `folder` (see `dgnet.runs.run`), TensorBoard's files in `curves`.

    Args:
        reset: an old run in `folder` moves aside (`dgnet.runs.folder.set_aside`), once nothing is refused any more.
        generated: where generated images come from (`reid_heads.generated.sources.open_generated`); None: real images
        alone.
        evaluate: measures the head every `config.test.every` epochs and after the last, in the main process.
        protocol: how it measures, said with the figures; the best is the best by one protocol.
        reranking: the parameters of its re-ranked figures, said with them.
        draw: is given the run's folder whenever an epoch has ended, to draw its curves.

    Raises:
        UserError: settings, data, weights and generated images that do not go together; a loss that is not finite.
    """
    device, settings = distributed.device, config.run
    source = reid_source(config, dataset, generated, distributed)
    per_epoch, epochs = source.iterations_per_epoch, config.schedule.epochs
    torch.manual_seed(settings.seed)
    head = build_model(config.head.name, len(dataset.identities), **config.head.options)
    if config.head.weights is not None:
        load_pretrained(head, config.head.weights)
    objective = build_objective(config, head).to(device)
    layout = torch.channels_last if settings.channels_last else torch.contiguous_format
    head = head.to(device, memory_format=layout).train()  # type: ignore[call-overload]
    if settings.sync_batch_norm:
        head = distributed.synchronize_batch_norm(head)
    learning = nn.ModuleDict({"head": head, "objective": objective})
    distributed.broadcast_module(learning)
    optimizers = build_optimizers(config, head, objective)
    precision = Precision(settings.precision, device)
    teaching = None if generated is None else open_teaching(config.generated, dataset, device)
    expert = open_expert(config.distillation, dataset, device)
    instruct = Instruction(config, head, objective, source, precision, teaching, expert)
    best = Best(folder, distilled=distils(config), protocol=protocol)
    moved = distributed.on_main(lambda: set_aside(folder, curves)) if reset else None
    run = Run.open(
        folder,
        resolved(config),
        curves=curves,
        resume=resume,
        may_change=MAY_CHANGE,
        defaults=resolved(ReIDConfig()),
        max_hours=max_hours,
        keep=settings.keep_checkpoints,
        distributed=distributed,
    )
    for old, new in (moved or {}).items():
        run.say(f"{old} is now {new}")
    learns = learned_from(dataset, distributed.world_size, b"" if generated is None else generated.origin())
    if path := run.latest_checkpoint():
        state = state_to_go_on_from(path, TRAINING_KIND, dataset, device, learns)
        learning.load_state_dict(state["learning"])
        for name, optimizer in optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
        precision.load_state_dict(state["precision"])
        if sentence := best.load_state_dict(state["best"]):
            run.say(sentence)

    with run, Prefetcher(source, run.start, config.data.workers, device) as batches:
        run.say(f"computes in {precision.name}")
        _introduce(run, config, dataset, source)
        pace = Pace()
        words = "; re-ranked: ".join(filter(None, (protocol, reranking)))
        for iteration in run.iterations(run.start, epochs * per_epoch):
            epoch, step = divmod(iteration - 1, per_epoch)
            torch.manual_seed(iteration_seed(settings.seed, iteration, distributed.rank))
            rate = learning_rate(config, epoch)
            for group in optimizers["head"].param_groups:
                group["lr"] = rate

            answer = instruct(next(batches), iteration - 1)
            loss = answer.losses.total()
            learning.zero_grad()
            precision.backward(loss)
            distributed.average_gradients(learning.parameters())
            precision.step(*optimizers.values())

            stops, ends = run.should_stop, step + 1 == per_epoch
            saves = stops or (ends and (run.is_time_to(settings.checkpoint_every, epoch + 1) or epoch + 1 == epochs))
            logs = ends or run.is_time_to(settings.log_every, iteration)
            if saves or logs:
                _refuse_unfinite(answer.losses, iteration, rate)
            pace.count(source.images_in(iteration - 1))
            others: dict[str, float] = {}
            if logs:
                others = {"epoch": float(epoch + 1), "accuracy": answer.accuracy.item()}
                run.say(
                    f"epoch {epoch + 1}/{epochs}, iteration {step + 1}/{per_epoch}: loss {loss.item():.4f}, "
                    f"accuracy {100 * others['accuracy']:.1f} %, learning rate {rate:.3g}"
                )
            if ends:
                seconds, images = pace.end_epoch()
                run.say(f"epoch {epoch + 1}: {seconds:.3f} s per batch, {images:.1f} samples/s")
                if evaluate is not None and is_test_epoch(config, epoch + 1):
                    others |= _test(run, config, dataset, head, evaluate, words, best, distributed)
            if logs:
                run.log(
                    iteration,
                    answer.losses.terms,
                    answer.losses.weights,
                    learning_rates={"head": rate},
                    images_per_second=pace.images_per_second(),
                    memory_bytes=peak_memory_bytes(device),
                    others=others,
                )
            if ends and draw is not None:
                distributed.on_main(partial(draw, folder))
            if saves:
                states = {name: optimizer.state_dict() for name, optimizer in optimizers.items()}
                run.save(
                    iteration,
                    {
                        "kind": TRAINING_KIND,
                        **learns,
                        "learning": learning.state_dict(),
                        "optimizers": states,
                        "precision": precision.state_dict(),
                        "best": best.state_dict(),
                    },
                )
            if stops:
                break
            pace.go()
    return Trained(head, best.last, best.path, run.exit_status)


def _introduce(run: Run, config: ReIDConfig, dataset: Dataset, source: ReIDSource) -> None:
    """What this run trains on."""
    sampler = source.sampler
    run.say("\n".join([f"{dataset.name} at {dataset.root}", *split_table(count_splits(dataset))]))
    run.say(f"an epoch: {source.iterations_per_epoch} batches of {sampler.identities} x {sampler.images} images")
    if sampler.repeating:
        run.say(
            f"{sampler.repeating} identities have fewer than {sampler.images} images: theirs repeat within a batch "
            f"(data.images_per_identity)"
        )
    if source.generated is not None:
        settings = config.generated
        kind = "swapped while training by" if isinstance(source.generated, LiveGenerator) else "from"
        run.say(
            f"{source.generated_images} generated images beside them from epoch {settings.start_epoch + 1} on, {kind} "
            f"{settings.source}; label: {settings.label}, {'' if settings.in_metric else 'not '}in the metric losses"
        )
    if isinstance(source.generated, StoredImages):
        for count in source.generated.filter_counts:
            run.say(f"filter, {count}")


def _test(
    run: Run,
    config: ReIDConfig,
    dataset: Dataset,
    head: ReIDModel,
    evaluate: Evaluate,
    words: str,
    best: Best,
    distributed: Distributed,
) -> dict[str, float]:
    """Measure the head and keep it if it is the best; its figures in the main process, nothing in the others."""

    def measure() -> dict[str, float]:
        figures = evaluate(head)
        said = "; ".join(f"{name} {100 * value:.2f} %" for name, value in figures.items())
        run.say(f"{said} ({words})" if words else said)
        if best.offer(head, figures, dataset.identities, config.data.height, config.data.width):
            run.say(f"the best so far: {best.path}")
        return dict(figures)

    return distributed.on_main(measure) or {}


def _refuse_unfinite(losses: LossRecord, iteration: int, rate: float) -> None:
    for name, term in losses.terms.items():
        if not math.isfinite(term.item()):
            raise UserError(
                f"the loss term {name} is {term.item()} at iteration {iteration}; lower optimizer.learning_rate "
                f"(now {rate:g} of the schedule)"
            )
