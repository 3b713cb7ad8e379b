"""Trees of files named as data sets, people and systems name them: an image is read, or passed over with a reason."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgnet.core.folder_names import is_leftover
from dgnet.core.images import is_image_name
from dgnet.data.datasets import read_dataset
from dgnet.data.records import Dataset
from tests.fuzz.cases import Refusal, attempt, folder, reading

pytestmark = pytest.mark.slow

# Layout -> its folders by split.
NAMED: dict[str, dict[str, str]] = {
    "market1501": {"train": "bounding_box_train", "query": "query", "gallery": "bounding_box_test"},
    "veri776": {"train": "image_train", "query": "image_query", "gallery": "image_test"},
    "cuhk03_np": {
        "train": "labeled/bounding_box_train", "query": "labeled/query", "gallery": "labeled/bounding_box_test"
    },
}  # fmt: skip
PER_PERSON: dict[str, dict[str, str]] = {
    "dgnet": {"train": "pytorch/train_all", "query": "pytorch/query", "gallery": "pytorch/gallery"},
    "folders": {"train": "train", "query": "query", "gallery": "gallery"},
}
ENDINGS = st.sampled_from(["jpg", "JPG", "jpeg", "png", "bmp", "webp", "tif", "tiff"])
# What stands behind identity and camera in Market-1501, DukeMTMC-reID, CUHK03-NP and VeRi-776.
RESTS = st.sampled_from(["s1_000451_03", "_f0046985", "_7", "_00016450_0", "", " copy", ".crop"])
IDENTITIES = st.integers(1, 9999)
IMAGES = st.lists(st.tuples(st.integers(0, 99), ENDINGS), min_size=1, max_size=3, unique=True)
SPLITS = ("train", "query", "gallery", "multi_query")
# Of systems: never an image, and never reported.
LEFTOVERS = st.sampled_from(["._0002_c1s1_000451_03.jpg", ".DS_Store", "Thumbs.db", "desktop.ini", "@tmp", ".x.png"])
# A user's, and no image of the layout: reported.
OTHER = st.sampled_from(
    ["readme.txt", "image.jpg", "0002.jpg", "c1s1_0002.png", "0002_c.jpg", "x_c1s1.jpg", "0002_c1s1.gif"]
)


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def seen_in(dataset: Dataset, split: str) -> Counter:
    return Counter((record.path, record.identity, record.camera) for record in getattr(dataset, split))


@given(st.sampled_from(sorted(NAMED)), st.booleans(), st.data())
def test_images_that_their_names_tell(layout: str, nested: bool, data: st.DataObject) -> None:
    with folder() as top:
        root = top / "unpacked" if nested else top
        expected: dict[str, Counter] = {}
        reported = set()
        for split, place in NAMED[layout].items():
            people = st.tuples(IDENTITIES, st.integers(1, 99), RESTS, ENDINGS)
            if split == "gallery":
                people |= st.tuples(st.sampled_from([-1, 0]), st.integers(1, 9), RESTS, ENDINGS)
            drawn = data.draw(st.lists(people, min_size=int(split == "train"), max_size=5, unique=True))
            expected[split] = Counter()
            for identity, camera, rest, ending in drawn:
                number = "-1" if identity == -1 else f"{identity:04}"
                path = touch(root / place / f"{number}_c{camera}{rest}.{ending}")
                expected[split][path, identity, camera] = 1
            for name in data.draw(st.lists(LEFTOVERS, max_size=2)):
                touch(root / place / name)
            reported |= {touch(root / place / name) for name in data.draw(st.lists(OTHER, max_size=2))}
        dataset = reading(lambda: read_dataset(top))
        assert dataset.name == layout
        assert {split: seen_in(dataset, split) for split in expected} == expected
        assert {path for path, _ in dataset.skipped} == reported


@given(st.sampled_from(sorted(PER_PERSON)), st.data())
def test_images_in_a_folder_for_each_person(layout: str, data: st.DataObject) -> None:
    names = IDENTITIES.map(str)
    if layout == "folders" and data.draw(st.booleans()):
        names = st.sampled_from(["amy", "Bob", "zoë", "名", "p 7", "tester", "0x1", "7a"])
    with folder() as root:
        expected: dict[str, set] = {}
        identity_of: dict[str, set[int]] = {}
        reported = set()
        for split, place in PER_PERSON[layout].items():
            people = data.draw(st.lists(names, min_size=int(split == "train"), max_size=3, unique=True))
            expected[split] = set()
            for person in people:
                images = data.draw(
                    st.lists(st.tuples(st.integers(0, 99), ENDINGS), min_size=1, max_size=3, unique=True)
                )
                expected[split] |= {
                    (touch(root / place / person / f"{number}.{ending}"), person) for number, ending in images
                }
                for name in data.draw(st.lists(LEFTOVERS, max_size=1)):
                    touch(root / place / person / name)
            stray = data.draw(st.lists(st.sampled_from(["a.jpg", "b.png"]), max_size=1))
            reported |= {touch(root / place / name) for name in stray}
        dataset = reading(lambda: read_dataset(root))
        for split, pairs in expected.items():
            records = getattr(dataset, split)
            assert {(record.path, record.path.parent.name) for record in records} == pairs
            assert len(records) == len(pairs)
            for record in records:
                identity_of.setdefault(record.path.parent.name, set()).add(record.identity)
        # One number for each person, another for each other one; numbers stay.
        assert all(len(numbers) == 1 for numbers in identity_of.values())
        assert len({number for numbers in identity_of.values() for number in numbers}) == len(identity_of)
        assert all(numbers == {int(name)} for name, numbers in identity_of.items() if name.isdecimal())
        assert {path for path, _ in dataset.skipped} == reported


ANY_FOLDER = st.sampled_from(
    ["train", "Train", "query", "gallery", "bounding_box_train", "image_train", "pytorch", "train_all", "labeled",
     "0002", "amy", "-1", "0", "images", ".git", "@eaDir", "__MACOSX", "test"]
)  # fmt: skip
ANY_FILE = st.one_of(
    LEFTOVERS, OTHER, st.sampled_from(["0002_c1s1_000451_03.jpg", "7.png", "list_train.txt", "people.csv", "a.webp"])
)


@given(st.lists(st.tuples(st.lists(ANY_FOLDER, max_size=4), ANY_FILE), max_size=8))
def test_any_tree_is_accounted_for(files: list[tuple[list[str], str]]) -> None:
    with folder() as root:
        paths = {touch(root.joinpath(*folders, name)) for folders, name in files}
        dataset = attempt(lambda: read_dataset(root))
        if isinstance(dataset, Refusal):
            assert str(root) in dataset
            return
        records = [
            record for split in ("train", "query", "gallery", "multi_query") for record in getattr(dataset, split)
        ]
        read = {record.path for record in records}
        assert dataset.train and len(read) == len(records)
        assert all(path in paths and is_image_name(path.name) for path in read)
        assert not any(is_leftover(part) for path in read for part in path.relative_to(root).parts)
        if dataset.root == root and dataset.name == root.name:
            # Folders of identities: an image is read, or it or a folder above it is passed over.
            passed_over = {path for path, _ in dataset.skipped}
            images = {path for path in paths if is_image_name(path.name)}
            images = {path for path in images if not any(map(is_leftover, path.relative_to(root).parts))}
            forgotten = {path for path in images - read if not passed_over & {path, *path.parents}}
            # Beside `train` nothing is looked for but the other splits.
            assert not forgotten or ((root / "train").is_dir() and all(path.parent == root for path in forgotten))
