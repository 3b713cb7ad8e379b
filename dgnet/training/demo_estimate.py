"""How long each phase of the demo will take on this machine, after trying each."""

import time
from pathlib import Path

from dgnet.config import Config
from dgnet.core.distributed import Distributed
from dgnet.core.machine import usable_cores
from dgnet.data.pedestrians import SyntheticSpec, appearance_of, render, structure_of
from dgnet.training.estimate import joint_seconds, teacher_seconds
from dgnet.training.independent_classifier import independent_classifier_config

CLASSIFIER, TOTAL = "classifier that DG-Net never saw", "all together"
# For each pair that is measured: its true swap and the two sources.
_RENDERED_PER_PAIR = 3


def demo_seconds(config: Config, distributed: Distributed, pairs: int) -> dict[str, float]:
    """The seconds of each phase by its name, and of all together.

    Args:
        pairs: how many swaps are measured at most.
    """
    size = config.data.synthetic
    identities, per_person = size.train_identities, size.images_per_identity
    classifier = independent_classifier_config(config)
    rendering = _seconds_of_a_pedestrian()
    missing = 0 if Path(config.data.root).exists() else (identities + size.test_identities) * per_person
    seconds = {
        "pedestrians": rendering * missing / usable_cores(),
        "teacher": teacher_seconds(config, identities, identities * per_person, distributed),
        "DG-Net": joint_seconds(config, identities, distributed),
        CLASSIFIER: teacher_seconds(classifier, identities, identities * (per_person - 1), distributed),
    }
    # Measuring is left out but for what takes most of it: rendering the true swaps, which one process does.
    measured = min(pairs, size.test_identities * per_person)
    return seconds | {TOTAL: sum(seconds.values()) + _RENDERED_PER_PAIR * measured * rendering}


def _seconds_of_a_pedestrian() -> float:
    """How long one image takes to render, the mean of four."""
    size = SyntheticSpec()
    factors = [(appearance_of(0, who), structure_of(0, who, 1, 0)) for who in range(1, 6)]
    render(*factors[0], size.height, size.width)
    began = time.perf_counter()
    for appearance, structure in factors[1:]:
        render(appearance, structure, size.height, size.width)
    return (time.perf_counter() - began) / (len(factors) - 1)
