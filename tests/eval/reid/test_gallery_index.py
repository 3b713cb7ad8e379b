"""An index of a gallery: what it finds beside the exact search, and what its file refuses."""

import sys
from pathlib import Path

import numpy as np
import pytest

from dgnet.core.errors import UserError
from eval.reid.distance import unit_features
from eval.reid.gallery_index import GalleryIndex, load_index, make_index, recall_at_ten, save_index
from eval.reid.gallery_search import nearest_in_gallery
from tests.messages import mentions


@pytest.fixture(scope="module")
def gallery() -> np.ndarray:
    pytest.importorskip("faiss", reason="the extra 'index' is not installed")
    random = np.random.default_rng(0)
    return (random.standard_normal((60, 24))[random.integers(0, 60, 800)] + random.standard_normal((800, 24))).astype(
        np.float32
    )


def test_an_index_finds_nearly_what_the_exact_search_finds(gallery: np.ndarray, tmp_path: Path) -> None:
    index = make_index(gallery)
    assert 0.9 < index.recall <= 1
    query = gallery[::100] + 0.1
    exact, found = nearest_in_gallery(query, gallery, 5), index.nearest(query, 5)
    same = exact.indices == found.indices
    assert same.mean() > 0.9
    assert np.array_equal(found.similarities[same], exact.similarities[same])
    save_index(tmp_path / "index.npz", index)
    again = load_index(tmp_path / "index.npz", gallery)
    assert again.recall == index.recall and np.array_equal(again.nearest(query, 5).indices, found.indices)
    with pytest.raises(UserError, match=mentions("index.npz", "other features")):
        load_index(tmp_path / "index.npz", gallery[::-1])
    (tmp_path / "index.npz").write_bytes(b"nothing")
    with pytest.raises(UserError, match=mentions("index.npz")):
        load_index(tmp_path / "index.npz", gallery)


class FirstImages:
    """A graph that proposes the first images to everybody."""

    def search(self, query: np.ndarray, count: int) -> tuple[None, np.ndarray]:
        return None, np.tile(np.arange(count), (len(query), 1))


def test_a_graph_that_misses_images_has_a_low_recall(gallery: np.ndarray) -> None:
    unit = unit_features("gallery", gallery).numpy()
    assert recall_at_ten(GalleryIndex(unit, FirstImages(), 1.0), np.arange(50, 100)) < 0.1


def test_few_images(gallery: np.ndarray) -> None:
    for count in (1, 3):
        index = make_index(gallery[:count])
        assert index.recall == 1 and index.nearest(gallery[:1], 10).indices.shape == (1, count)


def test_without_faiss_one_sentence_says_so(gallery: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(UserError, match=mentions("faiss-cpu", "--index")):
        make_index(gallery)
