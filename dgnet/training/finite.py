"""A run stops at losses and weights that are not numbers, before anything of them is saved."""

import math
from collections.abc import Sequence
from typing import Any

import torch

from dgnet.core.distributed import Distributed
from dgnet.runs.run import Run
from dgnet.training.task import StepLog, TrainingTask


def require_finite(
    logs: Sequence[tuple[int, StepLog]], task: TrainingTask[Any], run: Run, distributed: Distributed
) -> None:
    """Stop the run at the first term of any process that is not a number, before anything of it is saved.

    All processes ask together: one that went on alone would wait for the others for ever.

    Args:
        logs: iterations and what they measured, since the last time.
    """
    # On the device until here: one transfer for all.
    values = torch.stack([torch.stack([term.detach().float() for term in log.terms.values()]).sum() for _, log in logs])
    sentence = None
    for (iteration, log), finite in zip(logs, values.isfinite().tolist(), strict=True):
        if finite:
            continue
        numbers = {name: float(term) for name, term in log.terms.items()}
        bad = [(name, value) for name, value in numbers.items() if not math.isfinite(value)]
        if bad:
            name, value = bad[0]
            sentence = f"the loss term {name!r} is {value} at iteration {iteration}; {_advice(task, run)}"
            break
    distributed.refuse_together(sentence)


def require_finite_weights(iteration: int, task: TrainingTask[Any], run: Run, distributed: Distributed) -> None:
    """Stop the run rather than save weights that are not numbers: the terms would show them one iteration later.

    All processes ask together, as in `require_finite`.
    """
    state = {
        f"{name}.{key}": value for name, network in task.networks.items() for key, value in network.state_dict().items()
    }
    finite = torch.stack([value.isfinite().all() for value in state.values()])
    sentence = None
    if not finite.all():
        first = next(key for key, good in zip(state, finite.tolist(), strict=True) if not good)
        sentence = f"the weights {first!r} are not finite after iteration {iteration}; {_advice(task, run)}"
    distributed.refuse_together(sentence)


def _advice(task: TrainingTask[Any], run: Run) -> str:
    return "; ".join(filter(None, (task.advice(), _last_state(run))))


def _last_state(run: Run) -> str:
    checkpoint = run.latest_checkpoint()
    return "the run stops, " + (f"its last good state is {checkpoint}" if checkpoint else "nothing had been saved yet")
