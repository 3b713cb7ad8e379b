"""The training of a re-ID model, as the training loop needs it."""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn
from torch.optim import Optimizer

from dgnet.core.device import Precision
from dgnet.core.distributed import Distributed
from dgnet.core.numerics import set_training_numerics
from dgnet.data.records import Dataset
from dgnet.models.model_file import save_model
from dgnet.models.reid_model import ReIDModel
from dgnet.runs.run import Run
from dgnet.training.task import StepLog, TrainingTask
from reid_heads.config import ReIDConfig
from reid_heads.generated.sources import LiveGenerator, StoredImages
from reid_heads.losses.objective import Objective
from reid_heads.training.batches import ReIDBatch, ReIDSource
from reid_heads.training.best_checkpoint import LAST_FILE, BestCheckpoint, Figures
from reid_heads.training.components import build_optimizers, describe_unused_schedule, is_test_epoch, learning_rate
from reid_heads.training.evaluation import Evaluation
from reid_heads.training.loss_computer import LossComputer
from reid_heads.training.teachers import load_distillation_teacher, load_label_teachers

# What the checkpoints of a training say under "kind"; `dgnet.models.model_file.KIND` is that of a model's file.
TRAINING_KIND = "training state of a reid head"
_log = logging.getLogger(__name__)


class ReIDTask(TrainingTask[ReIDBatch]):
    """The training of a re-ID model as the training loop needs it."""

    kind = TRAINING_KIND

    def __init__(
        self,
        config: ReIDConfig,
        dataset: Dataset,
        source: ReIDSource,
        model: ReIDModel,
        objective: Objective,
        distributed: Distributed,
        best: BestCheckpoint,
        evaluation: Evaluation | None,
        untested: str | None,
        draw: Callable[[Path], None] | None,
    ) -> None:
        self.config, self.dataset, self.source, self.distributed = config, dataset, source, distributed
        self.model, self.best = model, best
        self.precision = Precision(config.run.precision, distributed.device)
        self._numerics = set_training_numerics(distributed.device, config.run)
        self.learned = nn.ModuleDict({"head": model, "objective": objective})
        self.networks = {"model": self.learned}
        self.optimizers: dict[str, Optimizer] = build_optimizers(config, model, objective)
        device = distributed.device
        label_teachers = None if source.generated is None else load_label_teachers(config.generated, dataset, device)
        teacher = load_distillation_teacher(config.distillation, dataset, device)
        self._losses = LossComputer(config, model, objective, source, self.precision, label_teachers, teacher)
        self._evaluation, self._untested, self._draw = evaluation, untested, draw

    def step(self, batch: ReIDBatch, iteration: int) -> StepLog:
        epoch = iteration // self.source.iterations_per_epoch
        rate = learning_rate(self.config, epoch)
        for group in self.optimizers["head"].param_groups:
            group["lr"] = rate
        output = self._losses(batch, iteration)
        self.learned.zero_grad()
        self.precision.backward(output.losses.total())
        self.distributed.average_gradients(self.learned.parameters())
        self.precision.step(*self.optimizers.values())
        return StepLog(
            {name: term.detach() for name, term in output.losses.terms.items()},
            output.losses.weights,
            learning_rates={"head": rate},
            images=self.source.images_in(iteration),
            others={"epoch": float(epoch + 1), "accuracy": output.accuracy},
        )

    def introduction(self) -> Sequence[str]:
        """Precision, batches and generated images."""
        source, sampler, settings = self.source, self.source.sampler, self.config.generated
        messages = [
            str(self._numerics),
            f"{self.model.name} began with {self.model.initial_weights or 'random weights'}",
            f"an epoch: {source.iterations_per_epoch} batches of {sampler.identities} x {sampler.images} images",
        ]
        messages += describe_unused_schedule(self.config)
        if sampler.repeating:
            messages.append(
                f"{sampler.repeating} identities have fewer than {sampler.images} images: theirs repeat within a batch "
                f"(data.images_per_identity)"
            )
        if source.generated is not None:
            kind = "swapped while training by" if isinstance(source.generated, LiveGenerator) else "from"
            share = source.generated_images / (source.local + source.generated_images)
            messages.append(
                f"{source.generated_images} generated images beside them ({100 * share:.1f} % of a batch; "
                f"generated.share is {100 * settings.share:g} %) from epoch {settings.start_epoch + 1} on, "
                f"{kind} {settings.source}; label: {settings.label}, "
                f"{'' if settings.in_metric else 'not '}in the metric losses"
            )
        if self._untested is not None:
            messages.append(f"no test while training: {self._untested}; the weights to use are the last, {LAST_FILE}")
        if isinstance(source.generated, StoredImages):
            messages.append(f"{settings.source}: {source.generated}")
            messages += [f"filter, {count}" for count in source.generated.filter_counts]
        return messages

    def message(self, log: StepLog, iteration: int) -> str:
        per_epoch = self.source.iterations_per_epoch
        epoch, step = divmod(iteration - 1, per_epoch)
        loss = sum(log.weights[name] * term.item() for name, term in log.terms.items())
        return (
            f"epoch {epoch + 1}/{self.config.schedule.epochs}, iteration {step + 1}/{per_epoch}: loss {loss:.4f}, "
            f"accuracy {100 * float(log.others['accuracy']):.1f} %, learning rate {log.learning_rates['head']:.3g}"
        )

    def advice(self) -> str:
        rate = self.optimizers["head"].param_groups[0]["lr"]
        return f"lower optimizer.learning_rate (now {rate:g} of the schedule)"

    def tests(self, iteration: int) -> bool:
        """At the ends of test epochs."""
        epoch, left = divmod(iteration, self.source.iterations_per_epoch)
        return left == 0 and self._evaluation is not None and is_test_epoch(self.config, epoch)

    def test(self, run: Run) -> Figures:
        """Measure the model and keep it if it is the best; figures in the main process."""
        assert self._evaluation is not None
        return self.distributed.on_main(partial(self._measure, run, self._evaluation)) or {}

    def _measure(self, run: Run, evaluation: Evaluation) -> Figures:
        figures = evaluation.evaluate(self.model)
        text = "; ".join(f"{name} {100 * value:.2f} %" for name, value in figures.items())
        protocol = "; re-ranked: ".join(filter(None, (evaluation.protocol, evaluation.reranking)))
        run.info(f"{text} ({protocol})" if protocol else text)
        size = self.config.data.height, self.config.data.width
        if self.best.offer(self.model, figures, self.dataset.identities, *size, self.dataset.people):
            run.info(f"the best so far: {self.best.path}")
        return dict(figures)

    def draw(self, run: Run, iteration: int) -> None:
        """The curves, at the end of an epoch."""
        if self._draw is not None and iteration % self.source.iterations_per_epoch == 0:
            self.distributed.on_main(partial(self._draw, run.folder))

    def finish(self, run: Run) -> None:
        """The last weights, whether or not any test found them to be the best."""
        size = self.config.data.height, self.config.data.width
        path = run.folder / LAST_FILE
        people = self.dataset.people
        self.distributed.on_main(lambda: save_model(path, self.model, self.dataset.identities, *size, people))
        run.info(f"the last weights: {path}")

    def state_dict(self) -> dict[str, Any]:
        return {
            "learning": self.learned.state_dict(),
            "optimizers": {name: optimizer.state_dict() for name, optimizer in self.optimizers.items()},
            "precision": self.precision.state_dict(),
            "best": self.best.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.learned.load_state_dict(state["learning"])
        for name, optimizer in self.optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
        self.precision.load_state_dict(state["precision"])
        if sentence := self.best.load_state_dict(state["best"]):
            _log.info(sentence)
