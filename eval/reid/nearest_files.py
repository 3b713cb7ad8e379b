"""The images of a gallery that are nearest to query files, which may be among them."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from eval.reid.feature_file import SplitFeatures
from eval.reid.gallery_search import NearestImages, nearest_in_gallery

# Features of queries and a number -> the nearest images.
Search = Callable[[np.ndarray, int], NearestImages]


def exact_search(gallery: SplitFeatures, features: np.ndarray, count: int) -> NearestImages:
    """The nearest images, none missed."""
    return nearest_in_gallery(features, gallery.features, count)


def nearest_images(
    features: np.ndarray,
    gallery: SplitFeatures,
    queries: Sequence[Path],
    count: int,
    search: Search,
) -> list[list[tuple[int, float]]]:
    """For each query, of `features` `[query, feature]`, the nearest gallery images: place and similarity.

    The query's own file is not among them.
    """
    # It may be in the gallery, even more than once: then one more is asked for, or more.
    nearest = search(features, count + 1)
    lists = []
    for number, query in enumerate(queries):
        pairs = list(zip(nearest.indices[number].tolist(), nearest.similarities[number].tolist(), strict=True))
        others = [pair for pair in pairs if not _same_file(gallery.paths[pair[0]], query)]
        if len(others) < count and len(pairs) < len(gallery):
            (others,) = nearest_images(features[number][None], gallery, [query], 2 * count, search)
        lists.append(others[:count])
    return lists


def _same_file(first: str, second: Path) -> bool:
    return Path(first).resolve() == second.resolve()
