"""The nearest images of a gallery that may hold the queries' own files."""

from functools import partial
from pathlib import Path

import numpy as np

from eval.reid.feature_file import SplitFeatures
from eval.reid.nearest_files import exact_search, nearest_images


def test_the_own_file_is_left_out_however_often_the_gallery_holds_it(tmp_path: Path) -> None:
    features = np.random.default_rng(0).standard_normal((12, 6)).astype(np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    # Five of the twelve are one file, by several spellings of its path, and nearest to themselves.
    features[:5] = features[0]
    own = tmp_path / "own.png"
    spellings = [own, tmp_path / "." / "own.png", tmp_path / "a" / ".." / "own.png", own, own]
    paths = [*map(str, spellings), *(str(tmp_path / f"{number}.png") for number in range(7))]
    unknown = np.zeros(12, np.int64)
    gallery = SplitFeatures(features, unknown, unknown, tuple(paths))
    queries = [own, tmp_path / "3.png", tmp_path / "elsewhere.png"]
    query_features = features[[0, 8, 0]]
    asked = 4
    lists = nearest_images(query_features, gallery, queries, asked, partial(exact_search, gallery))
    for query, feature, found in zip(queries, query_features, lists, strict=True):
        others = [place for place in range(12) if Path(paths[place]).resolve() != query.resolve()]
        cosines = {place: float(features[place] @ feature) for place in others}
        expected = sorted(others, key=lambda place: (-cosines[place], place))[:asked]
        assert [place for place, _ in found] == expected
        np.testing.assert_allclose([similarity for _, similarity in found], [cosines[one] for one in expected], 1e-5)


def test_a_gallery_with_too_few_others_gives_them_all(tmp_path: Path) -> None:
    features = np.eye(3, dtype=np.float32)
    own = tmp_path / "own.png"
    gallery = SplitFeatures(
        features, np.zeros(3, np.int64), np.zeros(3, np.int64), (str(own), str(own), str(tmp_path / "other.png"))
    )
    (found,) = nearest_images(features[:1], gallery, [own], 2, partial(exact_search, gallery))
    assert [place for place, _ in found] == [2]
