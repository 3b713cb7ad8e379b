"""Each layout is read as it is published; what cannot be read is said, with the place."""

import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

from dgnet.config import Config, override_config
from dgnet.core.distributed import Distributed
from dgnet.core.errors import UserError
from dgnet.data.datasets import LAYOUTS, Layout, read_dataset, register_layout, training_labels
from dgnet.data.records import DISTRACTOR, JUNK, Dataset, Record
from dgnet.data.training_data import open_dataset
from tests.dgnet.data.photographs import MARKET, write_market
from tests.messages import mentions


def touch(*paths: Path) -> None:
    """Readers go by names alone: files without content do."""
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def seen(records: tuple[Record, ...]) -> list[tuple[str, int, int]]:
    return [(record.path.name, record.identity, record.camera) for record in records]


def paths_are_sorted(dataset: Dataset) -> bool:
    splits = (dataset.train, dataset.query, dataset.gallery, dataset.multi_query)
    return all([r.path for r in split] == sorted(r.path for r in split) for split in splits)


def test_market(tmp_path: Path) -> None:
    dataset = read_dataset(write_market(tmp_path))
    assert dataset.name == "market1501" and paths_are_sorted(dataset) and not dataset.skipped
    assert seen(dataset.train)[:2] == [("0002_c12s1_000551_01.png", 2, 12), ("0002_c1s1_000451_03.png", 2, 1)]
    assert len(dataset.train) == 6 and dataset.identities == (2, 7, 10)
    assert training_labels(dataset).tolist() == [0, 0, 1, 1, 1, 2]
    assert seen(dataset.gallery)[:2] == [("-1_c1s1_000401_03.jpg", JUNK, 1), ("0000_c3s1_000451_03.jpg", DISTRACTOR, 3)]
    assert {record.split for record in dataset.query} == {"query"}


def test_multi_query_holds_identity_and_camera_of_a_query_only(tmp_path: Path) -> None:
    assert seen(read_dataset(write_market(tmp_path)).multi_query) == [("0001_c1s1_001051_07.jpg", 1, 1)]


def test_duke_names(tmp_path: Path) -> None:
    touch(tmp_path / "bounding_box_train" / "0005_c10_f0046985.jpg", tmp_path / "query" / "0005_c2_f0046985.jpg")
    dataset = read_dataset(tmp_path, "market1501")
    assert seen(dataset.train) == [("0005_c10_f0046985.jpg", 5, 10)]
    assert seen(dataset.query) == [("0005_c2_f0046985.jpg", 5, 2)]


def test_names_that_do_not_parse_and_misplaced_junk_are_skipped_with_the_reason(tmp_path: Path) -> None:
    train = write_market(tmp_path) / "bounding_box_train"
    touch(train / "holiday.jpg", train / "-1_c1s1_000001_00.jpg", train / "Thumbs.db", train / "._0002_c1s1_1_03.jpg")
    dataset = read_dataset(tmp_path)
    assert len(dataset.train) == 6
    assert [path.name for path, _ in dataset.skipped] == ["-1_c1s1_000001_00.jpg", "holiday.jpg"]
    assert "junk" in dataset.skipped[0][1] and "0002_c1s1_000451_03.jpg" in dataset.skipped[1][1]


def test_cuhk03_np_prefers_detected(tmp_path: Path) -> None:
    for kind, number in (("labeled", 1), ("detected", 2)):
        touch(tmp_path / kind / "bounding_box_train" / f"0003_c1_{number}.png")
    dataset = read_dataset(tmp_path)
    assert dataset.name == "cuhk03_np" and seen(dataset.train) == [("0003_c1_2.png", 3, 1)]
    assert seen(read_dataset(tmp_path / "labeled").train) == [("0003_c1_1.png", 3, 1)]


@pytest.mark.parametrize("folders", [("train", "test"), ("mask_train_v2", "mask_test_v2")])
def test_msmt17(tmp_path: Path, folders: tuple[str, str]) -> None:
    for folder in folders:
        (tmp_path / folder).mkdir()
    (tmp_path / "list_train.txt").write_text(
        "0000/0000_001_15_0303morning_0015_0.jpg 0\n0001/0001_000_02_0303noon_0015_0.jpg 1\n"
    )
    (tmp_path / "list_val.txt").write_text("0000/0000_000_01_0303morning_0015_0.jpg 0\n\n")
    (tmp_path / "list_query.txt").write_text("0000/0000_003_10_0303morning_0015_0.jpg 0\nnonsense\n")
    (tmp_path / "list_gallery.txt").write_text("0000/0000_004_11_0303morning_0015_0.jpg 0\n0000/other.jpg 0\n")
    dataset = read_dataset(tmp_path)
    assert dataset.name == "msmt17" and paths_are_sorted(dataset)
    # Training and validation together, cameras of two digits, train and test identity 0 not confused with one another.
    assert [(record.identity, record.camera) for record in dataset.train] == [(10000, 1), (10000, 15), (10001, 2)]
    assert dataset.train[0].path == tmp_path / folders[0] / "0000" / "0000_000_01_0303morning_0015_0.jpg"
    assert [(record.identity, record.camera) for record in dataset.query + dataset.gallery] == [
        (20000, 10),
        (20000, 11),
    ]
    assert dataset.query[0].path.parent.parent.name == folders[1]
    assert len(dataset.skipped) == 2


@pytest.mark.parametrize("base", ["pytorch", "."])
def test_official_layout(tmp_path: Path, base: str) -> None:
    root = tmp_path / base
    touch(
        root / "train_all" / "0002" / "0002_c1s1_000451_03.jpg",
        root / "train_all" / "0002" / "0002_c11s1_000451_03.jpg",
        root / "train" / "0002" / "0002_c1s1_000451_03.jpg",
        root / "val" / "0002" / "0002_c11s1_000451_03.jpg",
        root / "train_all" / "notes" / "0009_c1s1_000451_03.jpg",
        root / "query" / "0001" / "0001_c1s1_001051_00.jpg",
        root / "gallery" / "-1" / "-1_c1s1_000401_03.jpg",
        root / "gallery" / "0000" / "0000_c3s1_000451_03.jpg",
        root / "multi-query" / "0001" / "0001_c1s1_001051_07.jpg",
        root / "multi-query" / "0001" / "0001_c2s1_001051_07.jpg",
    )
    dataset = read_dataset(tmp_path)
    assert dataset.name == "dgnet" and dataset.root == root
    assert [record.camera for record in dataset.train] == [11, 1] and dataset.identities == (2,)
    assert [record.identity for record in dataset.gallery] == [JUNK, DISTRACTOR]
    assert [record.camera for record in dataset.multi_query] == [1]
    assert [path.name for path, _ in dataset.skipped] == ["notes"]


def test_folder_per_identity_with_names(tmp_path: Path) -> None:
    touch(
        tmp_path / "bob" / "1.jpg", tmp_path / "alice" / "2.png", tmp_path / "alice" / "1.png", tmp_path / "loose.jpg"
    )
    dataset = read_dataset(tmp_path)
    assert seen(dataset.train) == [("1.png", 1, -1), ("2.png", 1, -1), ("1.jpg", 2, -1)]
    assert not dataset.query and [path.name for path, _ in dataset.skipped] == ["loose.jpg"]


def test_folder_per_identity_with_splits_and_numbers(tmp_path: Path) -> None:
    touch(
        tmp_path / "train" / "0012" / "0012_c10_1.jpg",
        tmp_path / "query" / "7" / "0000_000_03_0303morning_0015_0.jpg",
        tmp_path / "gallery" / "-1" / "a.jpg",
        tmp_path / "gallery" / "0000" / "b.jpg",
    )
    dataset = read_dataset(tmp_path, "folders")
    assert seen(dataset.train) == [("0012_c10_1.jpg", 12, 10)]
    assert seen(dataset.query) == [("0000_000_03_0303morning_0015_0.jpg", 7, 3)]
    assert seen(dataset.gallery) == [("a.jpg", JUNK, -1), ("b.jpg", DISTRACTOR, -1)]


def test_a_person_called_0_is_no_distractor(tmp_path: Path) -> None:
    touch(*(tmp_path / name / "x.jpg" for name in ("0000", "0001")))
    assert read_dataset(tmp_path).identities == (1, 2)


@pytest.mark.parametrize("junk", ["-1", "00-1"])
def test_beside_junk_0_is_a_distractor(tmp_path: Path, junk: str) -> None:
    """`gallery` of the official DG-Net, and MARS' `bbox_test`, in place of a folder for each person."""
    touch(*(tmp_path / name / "x.jpg" for name in (junk, "0000", "0002", "0007")))
    dataset = read_dataset(tmp_path)
    assert dataset.identities == (2, 7) and dict(dataset.names) == {2: "0002", 7: "0007"}
    assert {path.name for path, _ in dataset.skipped} == {junk, "0000"}


@pytest.mark.parametrize(
    "places",
    [
        ("amy/x.jpg", "2/x.jpg", "0002/x.jpg"),
        ("train/2/x.jpg", "query/7/x.jpg", "gallery/007/x.jpg"),
        ("pytorch/train_all/2/x.jpg", "pytorch/train_all/0002/x.jpg"),
        ("pytorch/train_all/3/x.jpg", "pytorch/query/7/x.jpg", "pytorch/gallery/007/x.jpg"),
        ("bounding_box_train/0003_c1_0.jpg", "bounding_box_train/2_c1_0.jpg", "bounding_box_train/0002_c2_0.jpg"),
        ("image_train/0003_c001_0.jpg", "image_query/7_c001_0.jpg", "image_test/0007_c002_0.jpg"),
    ],
)
def test_one_number_written_in_two_ways_is_refused(tmp_path: Path, places: tuple[str, ...]) -> None:
    """One person or two? A split would miss its matches, or two people become one."""
    touch(*(tmp_path / place for place in places))
    two = [Path(place) for place in places[-2:]]
    written = [place.name.partition("_c")[0] if "_c" in place.name else place.parent.name for place in two]
    with pytest.raises(UserError, match=mentions(*map(repr, written))):
        read_dataset(tmp_path)


def test_one_number_written_in_two_ways_in_a_list_is_refused(tmp_path: Path) -> None:
    touch(tmp_path / "train/x", tmp_path / "test/x")
    image = "0000/0000_001_15_0303morning_0015_0.jpg"
    (tmp_path / "list_train.txt").write_text(f"{image} 7\n{image.replace('0015_0', '0015_1')} 007\n")
    with pytest.raises(UserError, match=mentions("list_train.txt", "'7'", "'007'")):
        read_dataset(tmp_path)


def test_accents_written_in_two_ways_are_one_name(tmp_path: Path) -> None:
    """macOS and archives of it decompose them, other systems do not."""
    for split, form in (("train", "NFC"), ("query", "NFC"), ("gallery", "NFD")):
        for name in ("Jos\u00e9", "Zo\u00eb"):
            touch(tmp_path / split / unicodedata.normalize(form, name) / "0001_c1s1_1.jpg")
    dataset = read_dataset(tmp_path)
    assert [record.identity for record in dataset.gallery] == [record.identity for record in dataset.query] == [1, 2]
    assert dataset.people == ("Jos\u00e9", "Zo\u00eb")


def test_manifest(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text(
        "path,identity,camera,split,note\nb/2.png,zoe,12,train,\na/1.png,amy,,train,x\nq.png,zoe,3,query,\n-.png,-1,3,gallery,\n",
        encoding="utf-8-sig",
    )
    for root in (tmp_path, tmp_path / "list.csv"):
        dataset = read_dataset(root)
        assert dataset.name == "list"
        assert [(record.path, record.identity, record.camera) for record in dataset.train] == [
            (tmp_path / "a" / "1.png", 1, -1),
            (tmp_path / "b" / "2.png", 2, 12),
        ]
        assert seen(dataset.query + dataset.gallery) == [("q.png", 2, 3), ("-.png", JUNK, 3)]


def test_a_manifest_needs_no_cameras_and_no_splits(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("path,identity\nb.png,zoe\na.png,amy\n")
    dataset = read_dataset(tmp_path)
    assert [(record.path.name, record.identity, record.camera) for record in dataset.train] == [
        ("a.png", 1, -1),
        ("b.png", 2, -1),
    ]
    assert not dataset.query
    assert not dataset.gallery


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("path,camera,split\n", "identity is missing"),
        ("path;identity;camera;split\na.png;1;1;train\n", "separated by commas, they are by semicolons"),
        ("path\tidentity\na.png\t1\n", "separated by commas, they are by tabs"),
        ("path,identity\na,b.png,1\n", "line 2: more values than columns"),
        ('path,identity\n"a.png,1\n' + 70 * 2048 * "b", "line 2.*quote"),
        ("path,identity\n,1\n", "line 2: path must not be empty"),
        ("path,identity,camera,split\na.png,1,c1,train\n", "line 2: the camera .* 'c1'"),
        ("path,identity,camera,split\na.png,1,1,train\na.png,1,1,test\n", "line 3: the split .* 'test'"),
        ("path,identity,camera,split\na.png,1\n", "line 2"),
        ("path,identity,camera,split\na.png,1,1,query\n", "no training image"),
    ],
)
def test_manifest_says_which_line_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(UserError, match=said):
        read_dataset(tmp_path)


def test_one_folder_down_is_found_and_two_are_not_guessed_between(tmp_path: Path) -> None:
    write_market(tmp_path / "Market-1501-v15.09.15")
    assert read_dataset(tmp_path).root == tmp_path / "Market-1501-v15.09.15"
    write_market(tmp_path / "DukeMTMC-reID")
    with pytest.raises(UserError, match="several data sets.*DukeMTMC-reID.*Market-1501-v15"):
        read_dataset(tmp_path)


def test_errors_name_what_was_looked_for_and_where(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such folder"):
        read_dataset(tmp_path / "nowhere")
    with pytest.raises(UserError, match=mentions("market1501", "'mars'")):
        read_dataset(tmp_path, "mars")
    with pytest.raises(UserError, match=f"{tmp_path}.*bounding_box_train.*list_train.txt.*train_all.*csv"):
        read_dataset(tmp_path)
    with pytest.raises(UserError, match="msmt17: list_train.txt with train/ or mask_train_v2/$"):
        read_dataset(tmp_path, "msmt17")
    touch(tmp_path / "bounding_box_train" / "photo.jpg")
    with pytest.raises(UserError, match=mentions("bounding_box_train", "photo.jpg")):
        read_dataset(tmp_path)


def test_every_file_of_the_small_market_is_accounted_for(tmp_path: Path) -> None:
    dataset = read_dataset(write_market(tmp_path))
    assert len(dataset.query) == len(MARKET["query"]) and len(dataset.gallery) == len(MARKET["bounding_box_test"])


@pytest.fixture
def layouts() -> Iterator[None]:
    """The layouts as they were, after the test."""
    before = dict(LAYOUTS)
    yield
    LAYOUTS.clear()
    LAYOUTS.update(before)


@pytest.mark.usefixtures("layouts")
def test_a_registered_layout_is_recognized_and_configurable(tmp_path: Path) -> None:
    def read(root: Path) -> Dataset:
        people = sorted(root.glob("person*.jpg"))
        return Dataset("flat", root, tuple(Record(path, int(path.stem[6:]), 1, "train") for path in people))

    flat = Layout(lambda root: any(root.glob("person*.jpg")), read, "person7.jpg")
    config = override_config(Config(), [f"data.root={tmp_path}", "data.layout=flat"]).data
    with pytest.raises(UserError, match=mentions("data.layout", "auto", "synthetic", "market1501", "'flat'")):
        open_dataset(config, Distributed.start("cpu"))
    register_layout("flat", flat)
    # The folder is of the layout "folders" too; the registered one comes before it.
    touch(tmp_path / "person7.jpg", tmp_path / "8" / "1.jpg")
    for dataset in (read_dataset(tmp_path), open_dataset(config, Distributed.start("cpu"))):
        assert (dataset.name, dataset.identities) == ("flat", (7,))
    for taken in ("flat", "synthetic", "market1501"):
        with pytest.raises(UserError, match=f"'{taken}' already exists"):
            register_layout(taken, flat)
