"""The index of a large gallery in a file: searches are faster than the exact one, and may miss images.

The index is faiss's graph of neighbors (HNSW; Malkov and Yashunin, TPAMI 2018). It proposes images, whose exact
similarities decide their order; a near one that is not proposed is missed. The share of the ten nearest that are found
(recall@10) is measured against the exact answer when an index is made, and stands in its file. Needs the extra `index`
(faiss-cpu).
"""

import hashlib
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dgnet.core.errors import UserError
from dgnet.core.files import replacing
from dgnet.core.json_files import parse_json
from eval.arrays import Array
from eval.reid.distance import unit_features
from eval.reid.gallery_search import SPARE, NearestImages, nearest_in_gallery, ranked_exactly

_KIND = "index of a gallery"
# Neighbors of an image in the graph, and candidates while it is built and searched: more find more, and take longer.
_NEIGHBORS, _BUILT_WITH, _SEARCHED_WITH = 32, 100, 200
_AT, _RECALL_QUERIES = 10, 200


@dataclass(frozen=True)
class GalleryIndex:
    """The index of unit features `[image, feature]`; `recall` 0..1 is its recall@10, with images of the gallery as
    queries for the others."""

    features: np.ndarray
    graph: Any
    recall: float

    def nearest(self, query: Array, count: int) -> NearestImages:
        """About what `eval.reid.gallery_search.nearest_in_gallery` gives: images may be missing."""
        queries = unit_features("query", query).cpu()
        count = min(count, len(self.features))
        _, indices = self.graph.search(queries.numpy(), min(count + SPARE, len(self.features)))
        if (indices < 0).any():  # parts of the graph that no way leads to
            return nearest_in_gallery(queries, self.features, count, normalized=True)
        return ranked_exactly(queries, self.features, torch.from_numpy(indices), count, normalized=True)


def make_index(gallery: Array) -> GalleryIndex:
    """The index of features `[image, feature]`, with its recall@10. `UserError` without faiss."""
    faiss = _faiss()
    faiss.omp_set_num_threads(torch.get_num_threads())
    unit = unit_features("gallery", gallery).cpu().numpy()
    graph = faiss.IndexHNSWFlat(unit.shape[1], _NEIGHBORS, faiss.METRIC_INNER_PRODUCT)
    graph.hnsw.efConstruction, graph.hnsw.efSearch = _BUILT_WITH, _SEARCHED_WITH
    graph.add(unit)
    index = GalleryIndex(unit, graph, 1.0)
    queries = np.unique(np.linspace(0, len(unit) - 1, _RECALL_QUERIES).astype(np.int64))
    return GalleryIndex(unit, graph, recall_at_ten(index, queries))


def save_index(path: Path, index: GalleryIndex) -> None:
    """Write an index, whole or not at all; the features stay in their own file."""
    about = {"kind": _KIND, "features": _digest(index.features), "recall": index.recall}
    with replacing(path) as stream:
        np.savez(stream, about=np.array(json.dumps(about)), graph=_faiss().serialize_index(index.graph))


def load_index(path: Path, gallery: Array) -> GalleryIndex:
    """The index in a file. `UserError` for one of other features, a damaged file, or without faiss."""
    faiss = _faiss()
    try:
        with np.load(path, allow_pickle=False) as file:
            about, content = parse_json(str(file["about"])), file["graph"]
        if about["kind"] != _KIND:
            raise KeyError("kind")
        graph, recall = faiss.deserialize_index(content), float(about["recall"])
    except (OSError, ValueError, KeyError, TypeError, EOFError, RuntimeError, zipfile.BadZipFile) as error:
        raise UserError(
            f"{path} must be an index written by tools/search.py --index, it does not read as one"
        ) from error
    unit = unit_features("gallery", gallery).cpu().numpy()
    if about["features"] != _digest(unit):
        raise UserError(f"{path}: is the index of other features than this gallery's; name another file, or delete it")
    faiss.omp_set_num_threads(torch.get_num_threads())
    return GalleryIndex(unit, graph, recall)


def open_index(path: Path, gallery: Array) -> tuple[GalleryIndex, bool]:
    """The index in a file, and whether it was there: it is made where there is none. `UserError` as `load_index`."""
    if path.exists():
        return load_index(path, gallery), True
    index = make_index(gallery)
    save_index(path, index)
    return index, False


def recall_at_ten(index: GalleryIndex, queries: np.ndarray) -> float:
    """The mean share of the ten nearest other images of each of `queries` (indices) that the index finds."""
    count = min(_AT, len(index.features) - 1)
    if not count:
        return 1.0
    query = index.features[queries]
    exact = nearest_in_gallery(query, index.features, count + 1, normalized=True).indices
    approximate = index.nearest(query, count + 1).indices
    shares = []
    for own, right, found in zip(queries.tolist(), exact.tolist(), approximate.tolist(), strict=True):
        wanted = [place for place in right if place != own][:count]
        shares.append(len(set(wanted) & set(found)) / count)
    return float(np.mean(shares))


def _digest(features: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(features).data).hexdigest()


def _faiss() -> Any:
    try:
        import faiss
    except ImportError as missing:
        raise UserError(
            "an index needs the extra 'index': pip install faiss-cpu; without --index the search is exact"
        ) from missing
    return faiss
