"""Queries and gallery of data without cameras, without training images, or without a split."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dgnet.core.errors import UserError
from dgnet.data.checks import check_dataset
from dgnet.data.datasets import read_dataset
from dgnet.data.query_gallery import SplitRule, read_test_data, unmatched_queries
from eval.reid.labels import check_rankable
from tests.messages import mentions


def images(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(list(name.encode())).integers(0, 256, (16, 8, 3), np.uint8)
        Image.fromarray(pixels).save(folder / name)
    return folder


def test_a_folder_per_person_without_cameras(tmp_path: Path) -> None:
    root = images(
        tmp_path / "photographs", "ann/1.jpg", "ann/2.jpg", "ann/3.jpg", "bob/1.jpg", "bob/2.jpg", "eve/1.jpg"
    )
    with pytest.raises(UserError, match="no images of the split query and the split gallery; with --leave-one-out"):
        SplitRule().of(read_dataset(root))
    with pytest.raises(UserError, match=mentions("camera", "--without-cameras")):
        SplitRule(leave_one_out=True).of(read_dataset(root))
    split = SplitRule(leave_one_out=True, without_cameras=True)
    dataset = split.of(read_test_data(root))
    assert len(dataset.query) == len(dataset.gallery) == 6 and not dataset.train
    # The own file alone is left out: all cameras differ, and a file has one.
    assert len({record.camera for record in dataset.query}) == 6
    assert [record.camera for record in dataset.query] == [record.camera for record in dataset.gallery]
    assert unmatched_queries(dataset) == 1  # Eve has one image
    assert split.name_of(dataset) == "photographs, leave one out, cameras not used"


@pytest.mark.parametrize(
    ("names", "layout"),
    [
        (("query/7/a.jpg", "gallery/7/b.jpg", "gallery/9/c.jpg", "gallery/-1/d.jpg"), "folders"),
        (
            ("query/0007_c1s1_1.jpg", "bounding_box_test/0007_c1s1_2.jpg", "bounding_box_test/0009_c1s1_2.jpg")
            + ("bounding_box_test/-1_c1s1_2.jpg",),
            "market1501",
        ),
    ],
)
def test_a_test_split_alone(tmp_path: Path, names: tuple[str, ...], layout: str) -> None:
    root = images(tmp_path / "test", *names)
    with pytest.raises(UserError):
        read_dataset(root)
    for chosen in ("auto", layout):
        rule = SplitRule(without_cameras=True)
        dataset = rule.of(read_test_data(root, chosen))
        assert [record.identity for record in dataset.query] == [7]
        assert sorted(record.identity for record in dataset.gallery) == [-1, 7, 9]
        assert unmatched_queries(dataset) == 0
    if layout == "market1501":
        assert unmatched_queries(read_test_data(root)) == 1  # by the same camera
    with pytest.raises(UserError, match=mentions("--leave-one-out", 1, 3)):
        SplitRule(leave_one_out=True).of(dataset)


def test_msmt17_without_its_training_images(tmp_path: Path) -> None:
    names = ("0000/0000_003_10_0303morning_0015_0.jpg", "0000/0000_004_11_0303morning_0015_0.jpg")
    root = images(tmp_path / "MSMT17", *(f"test/{name}" for name in names))
    (root / "list_train.txt").write_text("0000/0000_001_15_0303morning_0015_0.jpg 0\n")
    for name, image in zip(("query", "gallery"), names, strict=True):
        (root / f"list_{name}.txt").write_text(f"{image} 0\n")
    for chosen in ("auto", "msmt17"):
        dataset = read_test_data(root, chosen)
        assert dataset.name == "msmt17" and not dataset.train and unmatched_queries(dataset) == 0
    with pytest.raises(UserError, match=mentions("train", "mask_train_v2")):
        read_dataset(root)


def test_a_csv_file_of_a_test_split_alone(tmp_path: Path) -> None:
    root = images(tmp_path, "a.jpg", "b.jpg")
    (root / "list.csv").write_text("path,identity,split\na.jpg,x,query\nb.jpg,x,gallery\n")
    rule = SplitRule(without_cameras=True)
    assert unmatched_queries(rule.of(read_test_data(root / "list.csv"))) == 0


@pytest.mark.parametrize(
    ("names", "way_out"),
    [
        # By the same camera, of unknown ones, of some unknown: every other image of a person is an answer.
        (("query/0007_c1s1_1.png", "bounding_box_test/0007_c1s1_2.png"), "--without-cameras"),
        (("query/7/a.png", "gallery/7/b.png"), "--without-cameras"),
        (("query/7/0007_c1_a.png", "gallery/7/b.png"), "--without-cameras"),
        # Of other people, by whatever cameras: nothing is.
        (("query/0007_c1s1_1.png", "bounding_box_test/0008_c2s1_2.png"), ""),
        (("query/7/a.png", "gallery/8/b.png"), ""),
    ],
)
def test_a_way_out_is_named_where_there_is_one(tmp_path: Path, names: tuple[str, ...], way_out: str) -> None:
    dataset = read_test_data(images(tmp_path, *names))
    with pytest.raises(UserError) as error:
        SplitRule().of(dataset)
    assert "nothing to measure" in str(error.value) or "camera" in str(error.value)
    assert ("--without-cameras" in str(error.value)) == bool(way_out), error.value


def test_a_way_out_is_none_for_queries_without_a_gallery_nor_for_copies(tmp_path: Path) -> None:
    root = images(tmp_path / "data", "train/1/a.png", "train/2/a.png", "query/7/a.png", "gallery/7/b.png")
    dataset = replace(read_dataset(root), gallery=())
    with pytest.raises(UserError, match="no images of the split gallery$"):
        SplitRule().of(dataset)
    shutil.copy(root / "query/7/a.png", root / "gallery/7/b.png")
    with pytest.raises(UserError, match="no query has another image"):
        SplitRule().of(read_dataset(root))


def test_images_of_tracks_are_no_images_of_people(tmp_path: Path) -> None:
    dataset = read_test_data(images(tmp_path, "query/7/a.png", "gallery/7/b.png"))
    with pytest.raises(UserError, match=mentions("--without-cameras", "3 tracks")):
        SplitRule().of(replace(dataset, tracks=3))


def test_what_has_training_images_is_read_as_ever(tmp_path: Path) -> None:
    root = images(tmp_path, "train/1/a.jpg", "query/7/0007_c1_a.jpg", "gallery/7/0007_c2_b.jpg")
    assert read_test_data(root) == read_dataset(root) == SplitRule().of(read_test_data(root))


def test_a_copy_of_a_query_in_the_gallery_is_no_match_without_cameras(tmp_path: Path) -> None:
    root = images(tmp_path / "test", "query/7/a.png", "gallery/7/b.png", "query/8/c.png")
    for name in ("7/a", "8/c"):
        (root / "gallery" / name).parent.mkdir(exist_ok=True)
        shutil.copy(root / "query" / f"{name}.png", root / "gallery" / f"{name}_copy.png")
    dataset = SplitRule(without_cameras=True).of(read_test_data(root))
    assert unmatched_queries(dataset) == 1  # 8 has its own copy alone
    camera = {record.path.name: record.camera for record in (*dataset.query, *dataset.gallery)}
    assert camera["a.png"] == camera["a_copy.png"] != camera["b.png"]


def test_a_copy_of_a_query_under_another_camera_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = images(tmp_path, "query/0007_c1s1_1.png", "bounding_box_test/0007_c2s1_2.png", "query/0008_c1s1_1.png")
    dataset = SplitRule().of(read_test_data(root))
    assert not caplog.text
    for camera in (1, 2, 3):  # by its own camera it is left out
        shutil.copy(root / "query/0007_c1s1_1.png", root / f"bounding_box_test/0007_c{camera}s1_3.png")
    dataset = SplitRule().of(read_test_data(root))
    assert re.search(mentions("1 of 2 queries", "0007_c2s1_3.png"), caplog.text)
    assert [problem.kind for problem in check_dataset(dataset).problems].count("query with a copy") == 1


def test_an_image_of_two_people_is_a_problem(tmp_path: Path) -> None:
    root = images(tmp_path, "ann/1.png", "ann/2.png", "bob/1_.png")
    shutil.copy(root / "ann/1.png", root / "ann/3.png")
    assert not [p for p in check_dataset(read_dataset(root)).problems if p.kind == "one image of two people"]
    shutil.copy(root / "ann/1.png", root / "bob/2.png")
    (problem,) = (p for p in check_dataset(read_dataset(root)).problems if p.kind == "one image of two people")
    assert problem.subject.endswith("bob/2.png") and "ann/1.png" in problem.reason


def test_no_query_with_a_match_is_refused_before_long_work(tmp_path: Path) -> None:
    root = images(tmp_path, "query/0007_c1s1_1.png", "bounding_box_test/0007_c1s1_2.png")
    dataset = read_test_data(root)
    with pytest.raises(UserError, match=mentions("another camera", "--without-cameras")):
        SplitRule().of(dataset)
    with pytest.raises(UserError, match=mentions("another camera")):
        check_rankable(dataset.query, dataset.gallery)
    assert unmatched_queries(SplitRule(without_cameras=True).of(dataset)) == 0
    (root / "bounding_box_test/0007_c1s1_2.png").rename(root / "bounding_box_test/0008_c2s1_2.png")
    with pytest.raises(UserError, match=mentions("another image")):
        SplitRule(without_cameras=True).of(read_test_data(root))
