"""MSMT17's lists: what they list is read, whatever wrote them."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dgnet.data.datasets import read_dataset
from dgnet.data.readers.msmt17 import LISTS, TEST_OFFSET, TRAIN_OFFSET
from dgnet.data.records import Dataset
from tests.fuzz.cases import Refusal, attempt, folder, reading

pytestmark = pytest.mark.slow

FOLDERS = st.sampled_from(["", "0000/", "0000\\", "a b/", "名/"])
NAMES = st.builds("{:04}_{:03}_{:02}_0303{}_{:04}_0.{}".format, st.integers(0, 9999), st.integers(0, 999),
                  st.integers(1, 15), st.sampled_from(["morning", "noon", "afternoon"]), st.integers(0, 9999),
                  st.sampled_from(["jpg", "png"]))  # fmt: skip
ENTRIES = st.tuples(FOLDERS, NAMES, st.integers(0, 4100))
# A line that is no entry, and is passed over.
OTHER = st.sampled_from(
    ["x", "x.jpg 1", "0000_000_01_0303morning_0015_0.jpg", "1 2 3", "0000_000_01_0303morning_0015_0.jpg -1"]
)


@st.composite
def lists(draw: st.DrawFn, least: int) -> tuple[bytes, list[tuple[str, str, int]], int]:
    """The bytes of a list, its entries, and the number of other lines."""
    # One image twice is read once, or refused where it is of two people: that is for tests of its own.
    entries = draw(st.lists(ENTRIES, min_size=least, max_size=5, unique_by=lambda entry: entry[1]))
    others = draw(st.lists(OTHER, max_size=2))
    gap = draw(st.sampled_from([" ", "\t", "  "]))
    lines = [f"{place}{name}{gap}{identity}" for place, name, identity in entries] + others
    lines = [line + draw(st.sampled_from(["", " "])) for line in draw(st.permutations(lines))]
    lines += [""] * draw(st.integers(0, 2))
    text = draw(st.sampled_from(["\n", "\r\n", "\r"])).join(lines)
    return text.encode(draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))), entries, len(others)


def read(root: Path, contents: dict[str, bytes]) -> Dataset:
    for name in ("train", "test"):
        (root / name).mkdir()
    for name, content in contents.items():
        (root / name).write_bytes(content)
    return read_dataset(root)


@given(st.tuples(*(lists(least=int(name == "list_train.txt")) for name in LISTS)))
def test_what_they_list_is_read(drawn: tuple[tuple[bytes, list[tuple[str, str, int]], int], ...]) -> None:
    listed: dict[str, Counter] = {split: Counter() for split in ("train", "query", "gallery")}
    with folder() as root:
        for (name, split), (_, entries, _) in zip(LISTS.items(), drawn, strict=True):
            images, offset = (root / "train", TRAIN_OFFSET) if split == "train" else (root / "test", TEST_OFFSET)
            for place, image, identity in entries:
                path = images / (place.replace("\\", "/") + image)
                assume(all(path != other for other, _, _ in listed[split]))  # list_train.txt and list_val.txt
                listed[split][path, identity + offset, int(image.split("_")[2])] += 1
            assert name in LISTS
        contents = {name: content for name, (content, _, _) in zip(LISTS, drawn, strict=True)}
        dataset = reading(lambda: read(root, contents))
        for split, expected in listed.items():
            records = getattr(dataset, split)
            assert Counter((record.path, record.identity, record.camera) for record in records) == expected
        assert len(dataset.skipped) == sum(others for _, _, others in drawn)


@given(lists(least=1), st.integers(0, 400), st.binary(min_size=1, max_size=4))
def test_damaged_bytes_are_accounted_for(drawn: tuple[bytes, list, int], position: int, damage: bytes) -> None:
    content = drawn[0][:position] + damage + drawn[0][position + 1 :]
    with folder() as root:
        dataset = attempt(lambda: read(root, {"list_train.txt": content}))
        if isinstance(dataset, Refusal):
            assert str(root) in dataset
            return
        encodings = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
        text = content.decode(encodings.get(content[:2], "utf-8-sig")).replace("\r\n", "\n").replace("\r", "\n")
        assert len(dataset.train) + len(dataset.skipped) == sum(bool(line.strip()) for line in text.split("\n"))
