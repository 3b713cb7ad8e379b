"""Features and labels as programs hold them: read rightly, or refused with one sentence that names the argument."""

import numpy as np
import pytest
import torch

from dgnet.core.errors import UserError
from eval.arrays import checked_features, checked_labels
from eval.reid.distance import unit_features
from tests.messages import mentions

NUMBERS = np.arange(6.0).reshape(3, 2)


@pytest.mark.parametrize(
    "features",
    [NUMBERS[:, ::-1][:, ::-1], NUMBERS.astype(">f4"), NUMBERS.astype(np.float16)],
)
def test_numbers_of_every_kind_are_read(features) -> None:
    assert torch.equal(checked_features("features", features).double(), torch.from_numpy(NUMBERS))
    assert checked_features("features", NUMBERS[::-1]).tolist() == NUMBERS[::-1].tolist()


@pytest.mark.parametrize(
    ("features", "named"),
    [
        (NUMBERS.astype(str), "<U32"),
        (NUMBERS.astype(object), "object"),
        (NUMBERS + 1j, "complex128"),
    ],
)
def test_what_is_no_number_is_named(features, named: str) -> None:
    with pytest.raises(UserError, match=mentions("query.features", named)):
        checked_features("query.features", features)


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["a", "b"]),
        np.array([b"1", b"2"]),
        np.array([1, None]),
        np.array([1.0, 2.0]),
        np.array([2**63, 1], np.uint64),
    ],
)
def test_labels_that_are_no_whole_numbers(labels: np.ndarray) -> None:
    with pytest.raises(UserError, match=mentions("query.identities")):
        checked_labels("query.identities", labels, 2)


def test_labels_of_other_types() -> None:
    for kind in (">i8", np.uint64, np.uint16, np.int8):
        assert checked_labels("identities", np.array([1, 2], kind), 2).tolist() == [1, 2]


@pytest.mark.parametrize("factor", [1e-200, 1e200])
def test_lengths_that_cannot_be_squared_are_refused(factor: float) -> None:
    assert torch.equal(unit_features("features", NUMBERS * 1e-100), unit_features("features", NUMBERS))
    with pytest.raises(UserError, match=mentions("features", "lengths")):
        unit_features("features", NUMBERS * factor)
