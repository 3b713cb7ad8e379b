"""Nearest neighbors by float32 proposals against all distances in float64, one image at a time."""

import numpy as np
import pytest
import torch

from eval.reid.distance import distances_of_pairs, rounded_cosines, squared_distances, unit_features
from eval.reid.gallery_search import nearest_in_gallery
from eval.reid.neighbors import nearest_neighbors, rounding_error
from eval.reid.rerank import KReciprocal, rerank


def features(images: int, columns: int = 300, copies: int = 1, seed: int = 0) -> torch.Tensor:
    random = np.random.default_rng(seed)
    centers = random.standard_normal((10, columns))
    made = centers[random.integers(0, 10, images // copies)] + random.standard_normal((images // copies, columns))
    return unit_features("features", np.tile(made, (copies, 1)).astype(np.float32))


def obvious(unit: torch.Tensor, count: int, *, itself_first: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Python's own whole numbers: 2^24 times a unit feature is one, so nothing is ever rounded."""
    whole = [[int(x) for x in row] for row in (unit.double().numpy() * 2**24)]
    nearest, farthest = [], []
    for place, row in enumerate(whole):
        cosines = [sum(a * b for a, b in zip(row, other, strict=True)) for other in whole]
        order = sorted(range(len(whole)), key=lambda j: (itself_first and j != place, -cosines[j], j))
        nearest.append(order[:count])
        farthest.append(2 - 2 * min(cosines) / 2**48)
    return np.array(nearest), np.array(farthest)


@pytest.mark.parametrize("copies", [1, 3, 20])
@pytest.mark.parametrize("block", [None, 1, 700])
def test_obvious_numbers(copies: int, block: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if block is not None:
        monkeypatch.setattr("eval.reid.neighbors._BLOCK_ELEMENTS", block)
        monkeypatch.setattr("eval.reid.distance._TILE_IMAGES", 7)
    unit = features(60, 40, copies)
    found, (nearest, farthest) = nearest_neighbors(unit, 6), obvious(unit, 6)
    assert np.array_equal(found.nearest, nearest)
    assert found.farthest == pytest.approx(farthest, abs=1e-15)


def test_the_oracle_tells_wrong_versions() -> None:
    unit = features(60, 40, copies=3)
    found = nearest_neighbors(unit, 6)
    assert not np.array_equal(found.nearest, obvious(unit, 6, itself_first=False)[0])
    assert not np.array_equal(found.nearest, obvious(features(60, 40, 3, seed=1), 6)[0])


def test_rounded_products_only_propose() -> None:
    """Neighbors that a float32 product cannot tell apart: 100 images within its rounding error of each other."""
    random = np.random.default_rng(2)
    close = np.ones((100, 300)) + 1e-4 * random.standard_normal((100, 300))
    unit = unit_features("features", np.concatenate([close, random.standard_normal((30, 300))]))
    nearest, farthest = obvious(unit, 9)
    proposed = (unit @ unit.T).topk(9, dim=1).indices
    assert not np.array_equal(np.sort(proposed, axis=1), np.sort(nearest, axis=1))
    found = nearest_neighbors(unit, 9)
    assert np.array_equal(found.nearest, nearest)
    assert found.farthest == pytest.approx(farthest, abs=1e-15)


def test_the_rounding_error_holds_on_this_machine() -> None:
    for columns in (3, 64, 2048):
        random = np.random.default_rng(columns)
        unit = unit_features("features", np.abs(random.standard_normal((200, columns))))  # sums of one sign: the worst
        error = (2 - squared_distances(unit, unit)) / 2 - (unit @ unit.T).double()
        assert float(error.abs().max()) < rounding_error(columns) < 1.1e-5


def test_the_callers_precision_comes_back() -> None:
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("medium")
        nearest_neighbors(features(20), 3)
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision(before)


def test_pairs_are_the_entries_of_the_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    unit = features(50)
    random = np.random.default_rng(0)
    first, second = random.integers(0, 50, (2, 400))
    expected = squared_distances(unit, unit).numpy()[first, second]
    assert np.array_equal(distances_of_pairs(unit, first, second), expected)
    monkeypatch.setattr("eval.reid.distance._TILE_IMAGES", 7)
    assert np.array_equal(distances_of_pairs(unit, first, second), expected)
    assert np.array_equal(squared_distances(unit, unit).numpy()[first, second], expected)
    assert not np.array_equal(distances_of_pairs(unit, first, (second + 1) % 50), expected)


def test_unit_features_are_exact_in_float32() -> None:
    unit = features(30)
    assert unit.dtype == torch.float32
    assert torch.equal((unit.double() * 2**24).round(), unit.double() * 2**24)
    assert torch.linalg.vector_norm(unit.double(), dim=1).numpy() == pytest.approx(1, abs=1e-6)
    assert torch.equal(unit_features("features", torch.zeros(2, 5)), torch.zeros(2, 5))


def test_rounded_cosines_are_the_product_the_gallery_first() -> None:
    torch.manual_seed(3)
    rows, columns = torch.randn(5, 7), torch.randn(9, 7)
    found = rounded_cosines(rows, columns)
    assert found.is_contiguous()
    torch.testing.assert_close(found, columns @ rows.T)


def test_no_lower_precision_of_the_caller_reaches_the_products() -> None:
    """Under autocast to bf16, or with float16 as the default type, neighbors and re-ranked distances were others."""
    unit = features(120)
    query, gallery = unit[:20], unit[20:]

    def answers() -> list[np.ndarray]:
        found = nearest_in_gallery(query.numpy(), gallery.numpy(), 5)
        neighbors = nearest_neighbors(unit, 7)
        reranked = rerank(query, gallery, KReciprocal(5, 2))
        assert reranked.dtype == torch.float32
        return [found.indices, found.similarities, neighbors.nearest, neighbors.farthest, reranked.numpy()]

    expected = answers()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        under_autocast = answers()
    torch.set_default_dtype(torch.float16)
    try:
        by_default = answers()
    finally:
        torch.set_default_dtype(torch.float32)
    for other in (under_autocast, by_default):
        assert all(np.array_equal(*pair) for pair in zip(other, expected, strict=True))
