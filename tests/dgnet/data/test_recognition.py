"""A data set is recognized by what it is; what is nearly one is told what it lacks, and nothing else is a person."""

import re
from pathlib import Path

import pytest

from dgnet.core.errors import UserError
from dgnet.data.datasets import read_dataset
from dgnet.data.description import describe_dataset
from tests.dgnet.data.photographs import MARKET, write_market
from tests.messages import mentions

SYSTEM_FOLDERS = (
    "__MACOSX",
    ".git",
    "@eaDir",
    "$RECYCLE.BIN",
    "System Volume Information",
    "lost+found",
    ".ipynb_checkpoints",
    "#recycle",
)
SYSTEM_FILES = ("Thumbs.db", ".DS_Store", "._x.jpg", "desktop.ini", "0002.jpg:Zone.Identifier")
SPLIT_FOLDERS = (
    "train",
    "Test",
    "query",
    "gallery",
    "val",
    "bounding_box_test",
    "image_query",
    "images",
    "gt_bbox",
    "multi-query",
    "distractors",
    "cam_a",
    "cam1",
    "thermal",
    "results",
)


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def refusal(root: Path, layout: str = "auto") -> str:
    with pytest.raises(UserError) as error:
        read_dataset(root, layout)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_veri776(tmp_path: Path) -> None:
    touch(
        tmp_path / "image_train" / "0001_c001_00016450_0.jpg",
        tmp_path / "image_train" / "0003_c020_00016455_0.jpg",
        tmp_path / "image_query" / "0002_c002_00030600_0.jpg",
        tmp_path / "image_test" / "0002_c003_00084280_0.jpg",
        tmp_path / "name_train.txt",
        tmp_path / "train_label.xml",
    )
    dataset = read_dataset(tmp_path)
    assert dataset.name == "veri776" and not dataset.skipped and dataset.identities == (1, 3)
    assert [record.camera for record in (*dataset.train, *dataset.query, *dataset.gallery)] == [1, 20, 2, 3]


@pytest.mark.parametrize(
    ("folders", "layout", "missing"),
    [
        (("query", "bounding_box_test"), "market1501", "bounding_box_train"),
        (("image_query", "image_test"), "veri776", "image_train"),
        (("query", "gallery", "multi-query"), "folders", "train"),
        (("Train", "Query", "Gallery"), "folders", "train"),
    ],
)
@pytest.mark.parametrize("below", [".", "unpacked"])
def test_what_is_nearly_a_layout_is_told_what_it_lacks(
    tmp_path: Path, folders: tuple[str, ...], layout: str, missing: str, below: str
) -> None:
    """Each folder would pass for a person with one picture."""
    for folder in folders:
        touch(tmp_path / below / folder / "0001_c1s1_000001_00.jpg")
    assert re.search(mentions(layout, "missing", missing, folders[0]), refusal(tmp_path))


def test_a_list_without_its_training_images_is_told(tmp_path: Path) -> None:
    touch(tmp_path / "list_query.txt", tmp_path / "list_gallery.txt", tmp_path / "test" / "0000" / "a.jpg")
    assert re.search(mentions("msmt17", "list_train.txt", "list_query.txt"), refusal(tmp_path))


def test_images_that_lie_in_no_folder_of_an_identity_are_told(tmp_path: Path) -> None:
    for split in ("train", "query", "gallery"):
        touch(tmp_path / split / "0001_c1_1.jpg")
    assert re.search(mentions("folders", "train", "for each identity"), refusal(tmp_path))


@pytest.mark.parametrize("name", SYSTEM_FOLDERS)
def test_what_systems_leave_is_no_person_and_is_not_mentioned(tmp_path: Path, name: str) -> None:
    for folder in (tmp_path, tmp_path / "amy"):
        touch(folder / name / "thumbnail.jpg", folder / name / "0002_c1.jpg")
    touch(tmp_path / "amy" / "1.jpg", tmp_path / "bob" / "1.jpg")
    dataset = read_dataset(tmp_path)
    assert [record.path.parent.name for record in dataset.train] == ["amy", "bob"] and not dataset.skipped
    for leftover in SYSTEM_FILES:
        touch(tmp_path / "amy" / leftover, tmp_path / leftover)
    assert not read_dataset(tmp_path).skipped


def test_a_copy_by_macos_is_no_second_data_set(tmp_path: Path) -> None:
    write_market(tmp_path / "Market-1501-v15.09.15")
    touch(tmp_path / "__MACOSX" / "Market-1501-v15.09.15" / "bounding_box_train" / "._0002_c1s1_000451_03.jpg")
    touch(tmp_path / "__MACOSX" / "bounding_box_train" / "._0002_c1s1_000451_03.jpg")
    assert read_dataset(tmp_path).root == tmp_path / "Market-1501-v15.09.15"


@pytest.mark.parametrize("name", SPLIT_FOLDERS)
def test_a_split_is_no_person(tmp_path: Path, name: str) -> None:
    touch(tmp_path / name / "0001_c1s1.jpg")
    refusal(tmp_path)
    touch(tmp_path / "people" / "amy" / "1.jpg", tmp_path / "people" / "bob" / "1.jpg")
    touch(tmp_path / "people" / name / "0001_c1s1.jpg")
    if name == "train":  # people/train is a folder of identities, without one
        refusal(tmp_path / "people")
        return
    dataset = read_dataset(tmp_path / "people")
    assert len(dataset.identities) == 2
    assert f"passed over: 1 ({name})" in describe_dataset(dataset)


def test_an_archive_s_folder_comes_before_folders_with_pictures(tmp_path: Path) -> None:
    write_market(tmp_path / "Market-1501-v15.09.15")
    touch(tmp_path / "figures" / "1.png", tmp_path / "results" / "curve.png")
    assert read_dataset(tmp_path).name == "market1501"


def test_a_data_set_further_down_is_named(tmp_path: Path) -> None:
    place = write_market(tmp_path / "market1501" / "Market-1501-v15.09.15")
    assert str(place) in refusal(tmp_path)
    touch(tmp_path / "other" / "mine" / "train" / "amy" / "1.jpg")
    assert str(tmp_path / "other" / "mine") in refusal(tmp_path / "other")


@pytest.mark.parametrize("split", ["bounding_box_train", "query"])
def test_a_split_in_place_of_its_data_set_is_told(tmp_path: Path, split: str) -> None:
    write_market(tmp_path)
    assert re.search(mentions(tmp_path, "market1501", split), refusal(tmp_path / split))


def test_the_one_folder_of_identities_below_is_named(tmp_path: Path) -> None:
    touch(*(tmp_path / name for name in ("images/00001/1.jpg", "images/00002/2.jpg", "train_test_split/list.txt")))
    assert re.search(mentions(tmp_path / "images", "folders"), refusal(tmp_path))
    touch(tmp_path / "scenes" / "all" / "everything" / "1.jpg")
    assert "name that folder" not in refusal(tmp_path / "scenes")
    touch(*(tmp_path / "tracks" / name for name in ("0001/1/1.jpg", "0002/1/2.jpg")))
    assert "0001 has the layout" not in refusal(tmp_path / "tracks")


def test_msmt17_without_its_lists_is_told(tmp_path: Path) -> None:
    touch(*(tmp_path / name for name in ("mask_train_v2/0000/1.jpg", "mask_test_v2/0000/1.jpg", "list_train")))
    assert re.search(mentions("msmt17", "list_train.txt", "mask_train_v2"), refusal(tmp_path))


def test_a_file_that_is_no_data_set(tmp_path: Path) -> None:
    touch(tmp_path / "Market-1501.zip")
    assert "it is a file, and no .csv" in refusal(tmp_path / "Market-1501.zip")


def test_a_wrong_path_is_said_to_be_wrong(tmp_path: Path) -> None:
    write_market(tmp_path / "Market-1501")
    said = refusal(tmp_path / "market-1510" / "v15")
    assert re.search(mentions("no such folder", f"{tmp_path} is there", "Market-1501"), said)
    assert "bounding_box_train" not in said
    assert "query is there" in refusal(tmp_path / "Market-1501" / "query" / "nowhere")


def test_other_csv_files_beside_people_are_nothing(tmp_path: Path) -> None:
    touch(tmp_path / "amy" / "1.jpg", tmp_path / "bob" / "1.jpg")
    (tmp_path / "notes.csv").write_text("who,when\namy,monday\n")
    assert read_dataset(tmp_path).identities == (1, 2)
    (tmp_path / "list.csv").write_text("path,identity\namy/1.jpg,7\n")
    assert read_dataset(tmp_path).name == "list"
    (tmp_path / "more.csv").write_text("path,identity\nbob/1.jpg,8\n")
    (tmp_path / "amy").rename(tmp_path / "images")
    (tmp_path / "bob").rename(tmp_path / "query")
    assert re.search(mentions("list.csv", "more.csv", "split"), refusal(tmp_path))


@pytest.mark.parametrize("ending", [".bmp", ".webp", ".tif", ".TIFF", ".ppm"])
def test_every_ending_that_decodes_is_read(tmp_path: Path, ending: str) -> None:
    touch(tmp_path / "bounding_box_train" / f"0002_c1s1_000451_03{ending}", tmp_path / "bounding_box_train" / "2.pdf")
    dataset = read_dataset(tmp_path)
    assert len(dataset.train) == 1 and [path.name for path, _ in dataset.skipped] == ["2.pdf"]


def test_folders_inside_those_of_images_and_links_to_nothing_are_said(tmp_path: Path) -> None:
    train = write_market(tmp_path, MARKET) / "bounding_box_train"
    touch(train / "more" / "0002_c1s1_000451_04.jpg")
    (train / "0002_c2s1_000451_03.jpg").symlink_to("nowhere.jpg")
    (train / "0003_c2s1_000451_03.jpg").mkdir()
    assert [path.name for path, _ in read_dataset(tmp_path).skipped] == [
        "0002_c2s1_000451_03.jpg",
        "0003_c2s1_000451_03.jpg",
        "more",
    ]


def test_unread_splits_beside_people_are_said(tmp_path: Path) -> None:
    touch(
        tmp_path / "train" / "1" / "1.jpg", tmp_path / "val" / "1" / "2.jpg", tmp_path / "train" / "2" / "a" / "1.jpg"
    )
    assert [str(path.relative_to(tmp_path)) for path, _ in read_dataset(tmp_path).skipped] == ["val", "train/2/a"]


def test_identities_of_twenty_digits(tmp_path: Path) -> None:
    """Two of them differ in digits that no 64-bit number has."""
    names = ("10000000000000000001", "10000000000000000002")
    touch(*(tmp_path / "people" / name / "1.jpg" for name in names))
    assert read_dataset(tmp_path / "people").identities == (1, 2)
    for name in names:
        touch(tmp_path / "market" / "bounding_box_train" / f"{name}_c1s1.jpg")
    touch(tmp_path / "market" / "bounding_box_train" / "0002_c10000000000000000001s1.jpg")
    assert names[0] in refusal(tmp_path / "market") or "0002" in refusal(tmp_path / "market")
    touch(tmp_path / "dgnet" / "train_all" / names[0] / "1.jpg", tmp_path / "dgnet" / "train_all" / "7" / "1.jpg")
    assert read_dataset(tmp_path / "dgnet").identities == (7,)
    (tmp_path / "list.csv").write_text(f"path,identity,camera\n1.jpg,{names[0]},{names[1]}\n")
    assert re.search(mentions("camera", names[1]), refusal(tmp_path / "list.csv"))
    (tmp_path / "list.csv").write_text(f"path,identity\n1.jpg,{names[0]}\n2.jpg,{'9' * 5000}\n")
    assert read_dataset(tmp_path / "list.csv").identities == (1, 2)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_lists_of_every_encoding_that_says_what_it_is(tmp_path: Path, encoding: str, line_end: str) -> None:
    (tmp_path / "train").mkdir()
    (tmp_path / "test").mkdir()
    lines = ["0000\\0000_001_15_0303morning_0015_0.jpg 0", "行人/0001_000_02_0303noon_0015_0.jpg\t1", ""]
    (tmp_path / "list_train.txt").write_bytes(line_end.join(lines).encode(encoding))
    dataset = read_dataset(tmp_path)
    assert [(record.identity, record.camera) for record in dataset.train] == [(10000, 15), (10001, 2)]
    assert {record.path.parent.name for record in dataset.train} == {"0000", "行人"} and not dataset.skipped
    (tmp_path / "list.csv").write_bytes(line_end.join(["path,identity", "行人.jpg,1", ""]).encode(encoding))
    assert [record.path.name for record in read_dataset(tmp_path / "list.csv").train] == ["行人.jpg"]


def test_lists_of_an_encoding_that_cannot_be_told_are_refused(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    (tmp_path / "test").mkdir()
    text = "0000/0000_001_15_0303morning_0015_0.jpg 0\n行人/0001_000_02_0303noon_0015_0.jpg 1\n"
    (tmp_path / "list_train.txt").write_bytes(text.encode("gb18030"))
    assert re.search(mentions("list_train.txt", "line 2", "UTF-8"), refusal(tmp_path))
    (tmp_path / "list.csv").write_bytes("path,identity\n行人.jpg,1\n".encode("gb18030"))
    assert re.search(mentions("list.csv", "line 2", "UTF-8"), refusal(tmp_path / "list.csv"))


def test_an_image_that_a_list_names_twice_counts_once(tmp_path: Path) -> None:
    """Twice in the gallery it would change the mAP."""
    name, other = "0000/0000_001_15_0303morning_0015_0.jpg", "0001/0001_001_15_0303morning_0015_0.jpg"
    touch(tmp_path / "msmt17" / "train" / name, tmp_path / "msmt17" / "test" / name)
    text = f"{name} 0\n{name} 0\n{other} 1\n"
    (tmp_path / "msmt17" / "list_train.txt").write_text(text)
    rows = f"a.png,7,query\na.png,7,gallery\n{name},8,train\n"
    (tmp_path / "list.csv").write_text(f"path,identity,split\n{rows}{rows}")
    for root in (tmp_path / "msmt17", tmp_path / "list.csv"):
        dataset = read_dataset(root)
        assert dataset.train and all(
            len(split) == len({record.path for record in split})
            for split in (dataset.train, dataset.query, dataset.gallery)
        )
        assert "listed again in the train split" in describe_dataset(dataset)
    for wrong, words in ((f"{text}{name} 1\n", mentions(name, 0, 1)), (f"{text}{name[:-5]}9.jpg 10000\n", "9999")):
        (tmp_path / "msmt17" / "list_train.txt").write_text(wrong)
        assert re.search(words, refusal(tmp_path / "msmt17"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("path,identity\na.png,1\na.png,2\n", mentions("a.png", 1, 2)),
        ("path,identity\na.png,1\n./a.png,2\n", mentions("a.png", 1, 2)),
        ("path,identity\nb/a.png,1\nb/../b/a.png,2\n", mentions("a.png", 1, 2)),
        ("path,identity\na.png,1\nb.png,-1.0\n", mentions("line 3", "-1.0")),
        ("path,identity\na.png,nan\nb.png,1\n", mentions("line 2", "nan")),
        ("path,identity\na.png,1\nb.png,NA\n", mentions("line 3", "NA")),
        ("path,identity\na.png,2.10E+17\nb.png,1\n", mentions("line 2", "2.10E+17", "long numbers")),
        ("path,identity\na.png,2e+17\nb.png,1\n", mentions("line 2", "2e+17")),
        ("path,identity\na.png,#N/A\nb.png,1\n", mentions("line 2", "#N/A")),
        ("path,identity\na.png,#REF!\nb.png,1\n", mentions("line 2", "#REF!")),
        ("path,identity,camera\na.png,1,2\na.png,1,3\n", mentions("a.png", "camera", 2, 3)),
        ("path,identity,camera\na.png,1,2\n./a.png,1,\n", mentions("a.png", "camera", 2, "unknown")),
        (
            "path,identity,camera,split\nb.png,1,1,train\na.png,2,2,query\na.png,2,3,gallery\n",
            mentions("a.png", "camera", 2, 3),
        ),
        ("path,identity,identity\na.png,1,2\n", mentions("identity", "twice")),
        ('path,identity\n"a.png,1\nb.png,2\n', mentions("line 2", "quote")),
    ],
)
def test_a_manifest_that_contradicts_itself(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "list.csv").write_text(text)
    assert re.search(said, refusal(tmp_path))


@pytest.mark.parametrize(
    ("column", "ours"), [("camid", "camera"), ("Camera", "camera"), ("Split", "split"), ("sub_set", "split")]
)
def test_a_camera_or_a_split_by_another_name_is_not_passed_over(tmp_path: Path, column: str, ours: str) -> None:
    """Unread, it left images without cameras, and queries among the training images."""
    file = tmp_path / "list.csv"
    file.write_text(f"path,identity,{column}\na.png,1,query\n")
    for root in (file, tmp_path):
        assert re.search(mentions("list.csv", column, ours), refusal(root))
    # Beside ours it is a note, as any other column.
    file.write_text("path,identity,subset,camera,split,note\na.png,1,day,3,train,x\n")
    assert [record.camera for record in read_dataset(file).train] == [3]


def test_spaces_behind_commas_make_nobody_else(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("path, identity, camera, split\na.png, 7 , 1, train\nb.png,7,2,train\n")
    assert [(record.identity, record.camera) for record in read_dataset(tmp_path).train] == [(7, 1), (7, 2)]


def test_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    write_market(tmp_path / "Market-1501")
    assert read_dataset("~/Market-1501").root == tmp_path / "Market-1501"
