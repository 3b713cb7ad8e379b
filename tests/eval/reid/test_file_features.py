"""Features of files: read as they were extracted, refused where an image has changed, made anew without hashes."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dgnet.core.errors import UserError
from eval.reid.feature_file import save_features
from eval.reid.file_features import SPLIT, features_of_files, read_file_features
from tests.eval.mean_color import MeanColor
from tests.messages import mentions


def labels(files: Sequence[Path]) -> list[tuple[int, int]]:
    return [(int(file.stem), 1) for file in files]


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    for number in (3, 5):
        Image.new("RGB", (4, 8), (number, 0, 9)).save(tmp_path / f"{number}.png")
    return [tmp_path / "3.png", tmp_path / "5.png"]


def test_features_are_read_as_they_were_extracted(files: list[Path], tmp_path: Path) -> None:
    stored = features_of_files(files, MeanColor(), "ab" * 32, labels, data="people")
    save_features(tmp_path / "people.npz", stored)
    split = read_file_features(tmp_path / "people.npz", MeanColor(), "ab" * 32, labels)
    assert split.features.tolist() == [[3, 0, 9], [5, 0, 9]] and split.identities.tolist() == [3, 5]
    assert split.lookup(tmp_path / "people.npz")(files[1:]).tolist() == [[5, 0, 9]]
    with pytest.raises(UserError, match=mentions("people.npz", "7.png", "missing")):
        split.lookup(tmp_path / "people.npz")([tmp_path / "7.png"])
    Image.new("RGB", (4, 8), (4, 0, 9)).save(files[0])
    with pytest.raises(UserError, match=mentions("people.npz", files[0], "changed")):
        read_file_features(tmp_path / "people.npz", MeanColor(), "ab" * 32, labels)
    files[0].unlink()
    assert len(read_file_features(tmp_path / "people.npz", MeanColor(), "ab" * 32, labels)) == 2


def test_a_file_without_hashes_is_extracted_again(
    files: list[Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stored = features_of_files(files, MeanColor(), "ab" * 32, labels, data="people")
    split = replace(stored.splits[SPLIT], features=np.zeros((2, 3), np.float32), content=())
    save_features(tmp_path / "old.npz", replace(stored, splits={SPLIT: split}))
    split = read_file_features(tmp_path / "old.npz", MeanColor(), "ab" * 32, labels)
    assert split.features.tolist() == [[3, 0, 9], [5, 0, 9]] and "old.npz: holds no hashes" in caplog.text


def test_a_model_that_tells_no_images_apart_is_said(files: list[Path], caplog: pytest.LogCaptureFixture) -> None:
    features_of_files(files, MeanColor(), "ab" * 32, labels, data="people")
    features_of_files([files[0], files[0]], MeanColor(), "ab" * 32, labels, data="people")  # one image twice
    assert "are the same" not in caplog.text
    for file in files:
        with Image.open(file) as image:
            image.resize((9, 9 + int(file.stem))).point(lambda _: 7).save(file)
    features_of_files(files, MeanColor(), "ab" * 32, labels, data="people")
    assert "the features of all 2 images are the same" in caplog.text
