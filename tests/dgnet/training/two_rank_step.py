"""The joint step by several processes, for the tests: `torchrun ... two_rank_step.py FOLDER DEVICE`.

Each rank takes its share of the batch and trains the networks of each of `CASES`. Rank 0 writes gradients, states and
terms to FOLDER/CASE.pt; each rank says in FOLDER/rank_N.json whether its weights are those of the others.
"""

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import pytest
import torch
from torch import Tensor

from dgnet.core.distributed import Distributed
from dgnet.training.batch import JointBatch
from tests.dgnet.core.two_ranks import same_on_every_rank
from tests.dgnet.small_training import SmallTraining, narrow_trunks, quick_config, random_batch, small_training

BATCH = 4  # of all processes together
RUNNING = {"loss.batch_statistics_when_frozen": False}
CASES: dict[str, dict[str, Any]] = {
    # Without numbers that depend on who else is in the batch.
    "alone": RUNNING,
    # As the demo: without the cycle, whose structure codes have batch statistics.
    "parts": RUNNING
    | {
        "decoder.kind": "parts",
        "decoder.parts": 3,
        "structure.input": "contour",
        "short_training.merge_batch_statistics": True,
        "short_training.detach_codes": "of_real_images",
        "loss.structure_code": 0,
        "loss.cycle": 0,
    },
    # As in training.
    "together": {},
}


def training(case: str, distributed: Distributed) -> SmallTraining:
    """One of `CASES`; the networks differ until they are told."""
    config = quick_config({"run.batch_size": BATCH} | CASES[case])
    made = small_training(config, seed=distributed.rank, distributed=distributed)
    for network in (made.generator, made.discriminator, *made.teachers):
        distributed.broadcast_module(network)
    if not config.loss.batch_statistics_when_frozen:
        made.generator.eval()
    return made


def share(batch: JointBatch, distributed: Distributed) -> JointBatch:
    """The part of the batch that this process sees: contiguous, as the data path deals it out."""
    return batch.split(distributed.world_size)[distributed.rank]


def moved(made: SmallTraining, distributed: Distributed) -> dict[str, Any]:
    """What two iterations leave behind, both ways of encoding again."""
    for iteration in (1, 2):
        batch = share(random_batch(iteration, batch=BATCH, erasing=True), distributed)
        record = made(batch, iteration, train_structure_encoder=iteration == 1)
    terms: dict[str, Tensor] = {}
    for name, (a, b) in record.generator.items():
        terms |= {f"{name} a": a, f"{name} b": b}
    terms |= {f"discriminator {name}": values.sum() for name, values in record.discriminator.items()}
    return {"gradients": made.gradients, "states": made.states(), "terms": distributed.mean(terms)}


def main() -> None:
    folder = Path(sys.argv[1])
    torch.set_num_threads(1)
    distributed = Distributed.start(sys.argv[2])
    answers = {}
    with pytest.MonkeyPatch.context() as patch:
        narrow_trunks(patch)
        for case in CASES:
            made = training(case, distributed)
            left = moved(made, distributed)
            if distributed.is_main:
                torch.save(left, folder / f"{case}.pt")
            parameters = [*made.generator.parameters(), *made.discriminator.parameters()]
            answers[f"{case}: parameters"] = same_on_every_rank(distributed, parameters)
            answers[f"{case}: statistics"] = same_on_every_rank(distributed, made.generator.buffers())
    (folder / f"rank_{distributed.rank}.json").write_text(json.dumps(answers))
    distributed.close()


if __name__ == "__main__":
    main()
