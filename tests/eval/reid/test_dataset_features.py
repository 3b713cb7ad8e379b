"""Saved features are those of an image's content; labels are those of the data set that is read now."""

import json
import logging
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from dgnet.core.content import content_digest, content_hashes
from dgnet.core.errors import UserError
from eval.reid.color_histogram import ColorHistogram
from eval.reid.dataset_features import features_of_dataset, query_and_gallery
from eval.reid.feature_file import load_features
from eval.reid.ranking import rank_metrics
from tests.messages import mentions

WEIGHTS = "ab" * 32
MODEL = ColorHistogram(16, 8)
SHADES = {1: (200, 20, 20), 2: (20, 200, 20), 3: (20, 20, 200), 4: (200, 200, 20)}


def write(folder: Path, shades: dict[int, tuple[int, int, int]] = SHADES) -> Path:
    """Two images of each person, of one color: camera 1 asks, camera 2 is the gallery. All files have one size."""
    for split, camera in (("query", 1), ("gallery", 2)):
        (folder / split).mkdir(parents=True)
        for identity, shade in shades.items():
            Image.new("RGB", (8, 16), shade).save(folder / split / f"{identity}_c{camera}.bmp")
    return folder


def read(folder: Path, people: dict[int, int] | None = None) -> SimpleNamespace:
    """The data set; `people` renames identities, as an edited CSV does."""
    splits = {}
    for split in ("query", "gallery"):
        splits[split] = [
            SimpleNamespace(path=path, identity=int(path.name[0]), camera=int(path.stem[-1]))
            for path in sorted((folder / split).iterdir())
        ]
    for record in splits["gallery"]:
        record.identity = (people or {}).get(record.identity, record.identity)
    return SimpleNamespace(root=folder, **splits)


def accuracy(dataset: SimpleNamespace, file: Path | None = None) -> float:
    return rank_metrics(*query_and_gallery(features_of_dataset(dataset, MODEL, WEIGHTS, file=file))).mAP


def without_hashes(file: Path) -> None:
    """The file as version 0.2 wrote it."""
    with np.load(file) as content:
        arrays = {name: content[name] for name in content.files if not name.endswith("/content")}
    about = json.loads(str(arrays["about"]))
    del about["preprocessing"]["decoding"]
    np.savez(file, **arrays | {"about": np.array(json.dumps(about))})


def test_the_same_images_are_read_wherever_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, moved, file = write(tmp_path / "a" / "market"), write(tmp_path / "b" / "market"), tmp_path / "features.npz"
    expected = accuracy(read(first), file)
    (moved / "query" / "1_c1.bmp").rename(moved / "query" / "1_another_name_c1.bmp")
    monkeypatch.setattr("eval.reid.dataset_features.features_of", None)  # nothing is extracted again
    assert accuracy(read(moved), file) == expected == 1.0
    stored = features_of_dataset(read(moved), MODEL, WEIGHTS, file=file)
    assert stored.splits["query"].paths[0] == "query/1_another_name_c1.bmp"


def test_another_data_set_of_the_same_name(tmp_path: Path) -> None:
    file = tmp_path / "features.npz"
    assert accuracy(read(write(tmp_path / "a" / "market")), file) == 1.0
    swapped = {1: SHADES[2], 2: SHADES[3], 3: SHADES[1], 4: SHADES[4]}
    other = write(tmp_path / "b" / "market")
    for identity, shade in swapped.items():
        Image.new("RGB", (8, 16), shade).save(other / "gallery" / f"{identity}_c2.bmp")
    truth = accuracy(read(other))
    assert truth < 1
    # The gallery's files are the old ones under other names: each is known by its content.
    assert accuracy(read(other), file) == truth
    Image.new("RGB", (8, 16), (90, 90, 90)).save(other / "gallery" / "4_c2.bmp")
    with pytest.raises(UserError, match=mentions("features.npz", "gallery/4_c2.bmp", str(other))):
        accuracy(read(other), file)


def test_darkened_files_of_the_same_size_and_time(tmp_path: Path) -> None:
    folder, file = write(tmp_path / "market"), tmp_path / "features.npz"
    accuracy(read(folder), file)
    for path in (folder / "gallery").iterdir():
        before = path.stat()
        Image.new("RGB", (8, 16), (5, 5, 5)).save(path)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert path.stat().st_size == before.st_size
    kept = file.read_bytes()
    with pytest.raises(UserError, match=mentions("features.npz", "gallery/1_c2.bmp", 4, 8)):
        accuracy(read(folder), file)
    assert file.read_bytes() == kept


def test_labels_are_those_of_today(tmp_path: Path) -> None:
    folder, file = write(tmp_path / "market"), tmp_path / "features.npz"
    assert accuracy(read(folder), file) == 1.0
    corrected = read(folder, {1: 2, 2: 1})
    assert accuracy(corrected, file) == accuracy(corrected) == 0.75
    for record in corrected.query:
        record.camera = 2
    with pytest.raises(UserError, match="no query has"):
        accuracy(corrected, file)


def test_a_file_without_hashes_is_not_trusted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder, file = write(tmp_path / "market"), tmp_path / "features.npz"
    accuracy(read(folder), file)
    without_hashes(file)
    assert not load_features(file).checkable
    for path in (folder / "gallery").iterdir():
        Image.new("RGB", (8, 16), SHADES[1]).save(path)
    with caplog.at_level(logging.WARNING):
        assert accuracy(read(folder), file) == accuracy(read(folder)) < 1
    assert [record.getMessage() for record in caplog.records if "cannot be checked" in record.getMessage()]
    # It was replaced by one that can be checked: no second warning.
    caplog.clear()
    assert load_features(file).checkable
    assert accuracy(read(folder), file) < 1 and not caplog.records


def test_a_file_without_hashes_of_other_weights_stays(tmp_path: Path) -> None:
    folder, file = write(tmp_path / "market"), tmp_path / "features.npz"
    accuracy(read(folder), file)
    without_hashes(file)
    kept = file.read_bytes()
    with pytest.raises(UserError, match="weights"):
        features_of_dataset(read(folder), MODEL, "cd" * 32, file=file)
    with pytest.raises(UserError, match=mentions("'height'", 32)):
        features_of_dataset(read(folder), ColorHistogram(32, 8), WEIGHTS, file=file)
    assert file.read_bytes() == kept


def test_a_part_of_the_images_is_enough(tmp_path: Path) -> None:
    folder, file = write(tmp_path / "market"), tmp_path / "features.npz"
    accuracy(read(folder), file)
    fewer = read(folder)
    del fewer.query[0], fewer.gallery[3]
    assert accuracy(fewer, file) == accuracy(fewer)


def test_a_file_needs_the_hash_of_the_weights(tmp_path: Path) -> None:
    folder = write(tmp_path / "market")
    with pytest.raises(UserError, match="checkpoint"):
        features_of_dataset(read(folder), MODEL, file=tmp_path / "features.npz")


def test_hashes_of_files(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one")
    (tmp_path / "b").write_bytes(b"two")
    one, two = content_hashes([tmp_path / "a", tmp_path / "b"], workers=2)
    assert one != two and content_hashes([tmp_path / "b", tmp_path / "a"]) == (two, one)
    assert content_digest([one, two, one]) == content_digest([two, one]) != content_digest([one])
    with pytest.raises(UserError, match="missing.jpg"):
        content_hashes([tmp_path / "missing.jpg"])
