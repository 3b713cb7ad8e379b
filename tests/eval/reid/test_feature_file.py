"""Saved features come back bit for bit, and nothing else is taken for them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from eval.reid.feature_file import SplitFeatures, StoredFeatures, load_features, save_features
from tests.messages import mentions

SIZE = {"height": 256, "width": 128, "flip": True}


def stored(seed: int = 0) -> StoredFeatures:
    random = np.random.default_rng(seed)
    splits = {
        name: SplitFeatures.checked(
            name,
            random.standard_normal((images, 5)),
            random.integers(-1, 9, images),
            random.integers(1, 7, images),
            [f"{name}/ü {i}.jpg" for i in range(images)],
        )
        for name, images in (("query", 4), ("gallery", 9))
    }
    return StoredFeatures("a network", "a data set", "ab" * 32, SIZE, splits)


def test_there_and_back(tmp_path: Path) -> None:
    path, before = tmp_path / "new" / "features.npz", stored()
    save_features(path, before)
    after = load_features(path, checkpoint="ab" * 32, preprocessing=SIZE)
    assert (after.network, after.data, dict(after.preprocessing)) == ("a network", "a data set", SIZE)
    for name, split in before.splits.items():
        for column in ("features", "identities", "cameras"):
            assert np.array_equal(getattr(after.splits[name], column), getattr(split, column))
        assert after.splits[name].paths == split.paths
    assert [item.name for item in path.parent.iterdir()] == ["features.npz"]


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    path = tmp_path / "features.npz"
    save_features(path, stored())
    with pytest.raises(ValueError, match="already exists"):
        save_features(path, stored(1))
    assert np.array_equal(load_features(path).splits["query"].features, stored().splits["query"].features)
    save_features(path, stored(1), overwrite=True)
    assert np.array_equal(load_features(path).splits["query"].features, stored(1).splits["query"].features)


def test_other_weights_and_other_preprocessing(tmp_path: Path) -> None:
    path = tmp_path / "features.npz"
    save_features(path, stored())
    with pytest.raises(ValueError, match=r"must be of the weights cdcdcdcdcdcd\.\.\., it is of abab"):
        load_features(path, checkpoint="cd" * 32)
    with pytest.raises(ValueError, match=mentions("'height'", 384)):
        load_features(path, preprocessing=SIZE | {"height": 384})


def test_wrong_files(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=mentions("features", "nowhere.npz")):
        load_features(tmp_path / "nowhere.npz")
    path = tmp_path / "features.npz"
    save_features(path, stored())
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ValueError, match="does not read as one"):
        load_features(path)
    np.savez(path, other=np.zeros(3))
    with pytest.raises(ValueError, match="does not read as one"):
        load_features(path)
    split = stored().splits["query"]
    save_features(
        path, replace(stored(), splits={"query": replace(split, features=split.features * np.nan)}), overwrite=True
    )
    with pytest.raises(ValueError, match=mentions("features", "query", 0)):
        load_features(path)


def test_splits_of_two_networks(tmp_path: Path) -> None:
    split = stored().splits["query"]
    mixed = {"query": split, "gallery": replace(split, features=split.features[:, :3])}
    save_features(tmp_path / "mixed.npz", replace(stored(), splits=mixed))
    with pytest.raises(ValueError, match=mentions("mixed.npz", "columns", 3, 5)):
        load_features(tmp_path / "mixed.npz")


def test_columns_that_do_not_agree() -> None:
    with pytest.raises(ValueError, match=mentions("query", 2, 1)):
        SplitFeatures.checked("query", np.ones((2, 3)), np.ones(2, int), np.ones(2, int), ["a"])
    with pytest.raises(ValueError, match=mentions("cameras", "query", 2)):
        SplitFeatures.checked("query", np.ones((2, 3)), np.ones(2, int), np.ones(3, int), ["a", "b"])
