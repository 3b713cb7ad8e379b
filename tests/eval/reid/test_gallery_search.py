"""The nearest images of a large gallery against an obvious sort of all exact distances."""

from pathlib import Path

import numpy as np
import pytest
import torch

from dgnet.core.errors import UserError
from eval.reid import gallery_search as module
from eval.reid.distance import squared_distances, unit_features
from eval.reid.gallery_search import nearest_in_gallery


def obvious(query: np.ndarray, gallery: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    cosines = 1 - squared_distances(unit_features("q", query), unit_features("g", gallery)).numpy() / 2
    order = np.argsort(-cosines, axis=1, kind="stable")[:, :count]
    return order, np.take_along_axis(cosines, order, 1)


@pytest.mark.parametrize("columns", [3, 16])
def test_the_nearest_are_those_of_a_sort(columns: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    random = np.random.default_rng(columns)
    gallery = random.standard_normal((5000, columns), dtype=np.float32)
    gallery[1000:1400] = gallery[100:500]  # copies: places decide
    query = np.concatenate([gallery[100:110], random.standard_normal((30, columns), dtype=np.float32)])
    expected = obvious(query, gallery, 10)
    monkeypatch.setattr(module, "PART", 1300)  # the last part is shorter
    monkeypatch.setattr(module, "_GROUP", 8)
    monkeypatch.setattr(module, "_PRODUCT", 1300 * 7)
    np.save(tmp_path / "gallery.npy", gallery)
    mapped = np.load(tmp_path / "gallery.npy", mmap_mode="r")
    unit = unit_features("gallery", gallery)
    for given, normalized in ((gallery, False), (mapped, False), (torch.from_numpy(gallery), False), (unit, True)):
        found = nearest_in_gallery(query, given, 10, normalized=normalized)
        assert np.array_equal(found.indices, expected[0]) and np.array_equal(found.similarities, expected[1])


def test_more_copies_than_proposals_go_by_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty equal images: the float32 product proposes any of them, and the first of them are asked for."""
    random = np.random.default_rng(0)
    gallery = random.standard_normal((600, 6))
    copies = np.sort(random.choice(600, 40, replace=False))
    gallery[copies] = gallery[copies[0]]
    monkeypatch.setattr(module, "PART", 100)
    found = nearest_in_gallery(gallery[copies[:1]], gallery, 5)
    assert found.indices.tolist() == [copies[:5].tolist()]
    assert found.similarities == pytest.approx(1, abs=1e-6)


def test_edges() -> None:
    found = nearest_in_gallery(np.eye(2), np.array([[0.0, 2.0], [0.0, 0.0], [-1.0, 0.0]]), 9)
    assert found.indices.tolist() == [[0, 1, 2], [0, 1, 2]]
    assert found.similarities.tolist() == [[0, 0, -1], [1, 0, 0]]
    with pytest.raises(UserError, match="columns"):
        nearest_in_gallery(np.eye(2), np.eye(3), 1)
    with pytest.raises(UserError, match="count"):
        nearest_in_gallery(np.eye(2), np.eye(2), 0)
    with pytest.raises(UserError, match="finite"):
        nearest_in_gallery(np.eye(2), np.array([[1.0, np.nan]]), 1)
