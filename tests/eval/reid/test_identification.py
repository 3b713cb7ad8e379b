"""Identification by logits."""

import numpy as np
import pytest
import torch

from eval.reid.identification import identification, logits_of
from tests.messages import mentions


def test_shares() -> None:
    logits = np.eye(4, dtype=np.float32)[[0, 1, 2, 3, 1]]
    result = identification(logits, np.array([0, 1, 2, 0, 0]), np.array([1, 2, 3, 3, 2]))
    assert (result.appearance, result.structure) == (pytest.approx(3 / 5), pytest.approx(1 / 5))
    assert (result.images, result.classes, result.chance) == (5, 4, 0.25)


def test_the_first_of_equal_logits_wins() -> None:
    result = identification(np.zeros((2, 3)), np.array([0, 1]), np.array([1, 0]))
    assert (result.appearance, result.structure) == (0.5, 0.5)


def test_logits_come_in_batches_without_gradients() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (7, 3, 4, 4), dtype=np.uint8)
    network = torch.nn.Linear(48, 5)
    seen = []

    def classifier(batch: torch.Tensor) -> torch.Tensor:
        seen.append((batch.dtype, len(batch), torch.is_grad_enabled()))
        return network(batch.float().flatten(1))

    batched = logits_of(classifier, pixels, batch=3)
    assert seen == [(torch.uint8, 3, False), (torch.uint8, 3, False), (torch.uint8, 1, False)]
    # One batch or three: float32 products of 48 bytes are summed in another order.
    assert batched == pytest.approx(logits_of(classifier, pixels, batch=100), rel=1e-4, abs=1e-4)


@pytest.mark.parametrize(
    ("logits", "appearance", "structure", "sentence"),
    [
        (np.full((2, 3), np.nan), [0, 1], [1, 0], mentions("logits", 0)),
        (np.zeros((2, 3)), [0, 3], [1, 0], mentions("appearance_labels", 0, 2, 3)),
        (np.zeros((2, 3)), [0, 1], [1], mentions("structure_labels", 2)),
        (np.zeros((2, 3)), [0, 1], [1, 1], mentions("image", "identity", 1)),
        (np.zeros((0, 3)), [], [], mentions("matrix", "logits")),
    ],
)
def test_bad_input_is_one_sentence(logits: np.ndarray, appearance: list, structure: list, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        identification(logits, np.array(appearance, dtype=int), np.array(structure, dtype=int))
