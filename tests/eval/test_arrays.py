"""Features and labels as programs hold them: read rightly, or refused with one sentence that names the argument."""

import warnings
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from dgnet.core.errors import UserError, check_count
from dgnet.core.image_arrays import as_image_tensor
from dgnet.models.embedding import appearance_embedding
from eval import LabeledFeatures, QueryExpansion, pair_scores, rank_metrics, ssim, verification_metrics
from eval.arrays import as_tensor, checked_features, checked_labels, checked_outlines
from eval.image_files import batches
from eval.images.gradients import gradient_fidelity
from eval.images.swap_fidelity import fidelity
from eval.reid.centralization import NeighborCentralization
from eval.reid.distance import unit_features
from eval.reid.identification import logits_of
from eval.reid.ranking import check_ranks
from eval.report.page import Tile, tile
from eval.tracks.ranking import count_further
from tests.dgnet.small_generator import small_generator
from tests.messages import mentions
from visual.drawing.grid import Tile as Picture
from visual.drawing.grid import grid

NUMBERS = np.arange(6.0).reshape(3, 2)


@pytest.mark.parametrize(
    "features",
    [NUMBERS[:, ::-1][:, ::-1], NUMBERS.astype(">f4"), NUMBERS.astype(np.float16)],
)
def test_numbers_of_every_kind_are_read(features) -> None:
    assert torch.equal(checked_features("features", features).double(), torch.from_numpy(NUMBERS))
    assert checked_features("features", NUMBERS[::-1]).tolist() == NUMBERS[::-1].tolist()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert checked_features("features", np.broadcast_to(NUMBERS, (3, 2))).tolist() == NUMBERS.tolist()  # read-only


@pytest.mark.parametrize(
    ("features", "named"),
    [
        (NUMBERS.astype(str), "<U32"),
        (NUMBERS.astype(object), "object"),
        (NUMBERS + 1j, "complex128"),
        (NUMBERS.astype(np.longdouble), str(np.dtype(np.longdouble))),
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


def test_outlines_that_are_no_real_numbers() -> None:
    with pytest.raises(UserError, match=mentions("outlines", "complex128")):
        checked_outlines("outlines", np.ones((1, 2, 2)) + 1j, torch.zeros(1, 3, 2, 2))


@pytest.mark.parametrize("factor", [1e-200, 1e200])
def test_lengths_that_cannot_be_squared_are_refused(factor: float) -> None:
    assert torch.equal(unit_features("features", NUMBERS * 1e-100), unit_features("features", NUMBERS))
    with pytest.raises(UserError, match=mentions("features", "lengths")):
        unit_features("features", NUMBERS * factor)


def test_counts_and_weights_that_are_none() -> None:
    """They ended in errors of torch, or in no figures at all."""
    images = np.zeros((2, 3, 16, 16), np.uint8)
    outlines = np.ones((2, 16, 16))
    sides = [LabeledFeatures(np.eye(2), np.array([1, 2]), np.array([camera, camera])) for camera in (1, 2)]
    calls: dict[str, Callable[[], object]] = {
        "ranks": lambda: rank_metrics(*sides, ranks=(0,)),
        "neighbors": lambda: QueryExpansion(0),
        "k1": lambda: NeighborCentralization(k1=0),
        "ranks of an array": lambda: check_ranks(np.array([])),
        "ranks of a number": lambda: check_ranks(5),
        "rates": lambda: verification_metrics(pair_scores(*sides), [float("nan")]),
        "batch": lambda: fidelity(images, images, outlines, batch=0),
        "batch of gradients": lambda: gradient_fidelity(images, images, outlines, batch=-1),
        "batch of logits": lambda: logits_of(torch.flatten, images, batch=0),
        "batch of files": lambda: list(batches(images, batch=0)),
        "workers": lambda: list(batches(images, workers=0)),
        "alpha": lambda: appearance_embedding(small_generator().appearance, float("nan")),
    }
    for name, call in calls.items():
        with pytest.raises(UserError, match=name.partition(" ")[0].removesuffix("s")):
            call()
    check_count("a number of NumPy", np.int64(3))
    check_ranks(np.array([1, 5]))
    for value in (0, 1.5, 2.0, "3", None, float("nan")):
        with pytest.raises(UserError, match=mentions("batch", "at least 1")):
            check_count("batch", value)


def test_masked_numbers_are_refused_by_name() -> None:
    """What lies below a mask was taken for a pixel or a feature."""
    masked = np.ma.masked_equal(np.arange(6, dtype=np.uint8).reshape(3, 2), 1)
    pixels = np.ma.masked_equal(np.arange(2 * 16 * 16 * 3, dtype=np.uint8).reshape(2, 16, 16, 3), 1)
    side = LabeledFeatures(NUMBERS, np.arange(1, 4), np.full(3, 1))
    calls: dict[str, Callable[[], object]] = {
        "features": lambda: as_tensor("features", masked),
        "query": lambda: count_further(masked, [], 1, None),
        "query.identities": lambda: rank_metrics(replace(side, identities=masked[:, 0] + masked[:, 1]), side),
        "images": lambda: as_image_tensor(pixels, "images"),
        "first": lambda: ssim(pixels, pixels),
        "a tile": lambda: tile(Tile(pixels[0].transpose(2, 0, 1), "")),
        "an image": lambda: grid([[Picture(pixels[0])]]),
    }
    for name, call in calls.items():
        with pytest.raises(UserError, match=f"{name}.*masked"):
            call()
    whole = np.ma.masked_array(pixels.data)
    assert torch.equal(as_image_tensor(whole, "images"), as_image_tensor(pixels.data, "images"))
