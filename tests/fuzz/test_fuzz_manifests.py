"""CSV manifests in every spelling that programs write are read as what they list; damaged ones are read or refused."""

import csv
import io
from pathlib import Path
from unicodedata import normalize

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dgnet.core.files import read_text
from dgnet.data.datasets import read_dataset
from dgnet.data.readers.manifest import NO_IDENTITY
from dgnet.data.records import Dataset
from tests.fuzz.cases import Refusal, attempt, folder, reading, refusal

pytestmark = pytest.mark.slow

ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-32")
SPLITS = ("train", "query", "gallery", "multi_query")
# No control characters, surrogates and spaces at the ends; with commas, quotes, and letters of every script.
TEXT = st.text(st.characters(exclude_categories=("C", "Z"), include_characters=' ,;"'), min_size=1, max_size=8)
PATHS = TEXT.filter(lambda text: text == text.strip() and "/" not in text).map(lambda text: f"images/{text}.jpg")
NUMBERS = st.integers(1, 10**18 - 1).map(str)
NAMES = TEXT.map(str.strip).filter(bool)


@st.composite
def manifests(draw: st.DrawFn) -> list[dict[str, str]]:
    """Rows of which the first is for training; one image has one identity and one camera."""
    identities = draw(st.lists(draw(st.sampled_from([NUMBERS, NAMES])), min_size=1, max_size=4, unique=True))
    identity_of: dict[str, str] = {}
    camera_of: dict[str, str] = {}
    rows = []
    for position, path in enumerate(draw(st.lists(PATHS, min_size=1, max_size=6))):
        split = "train" if position == 0 else draw(st.sampled_from(SPLITS))
        identity = identity_of.setdefault(path, draw(st.sampled_from(identities)))
        camera = camera_of.setdefault(path, draw(st.sampled_from(["", "0", "1", "12"])))
        rows.append({"path": path, "identity": identity, "camera": camera, "split": split})
    return rows


@st.composite
def files(draw: st.DrawFn, rows: list[dict[str, str]]) -> bytes:
    """The rows as a program may write them: any order of columns, others beside them, quotes, line ends, encoding."""
    columns = draw(st.permutations(["path", "identity", "camera", "split", *draw(st.sampled_from([[], ["note"]]))]))
    text = io.StringIO(newline="")
    line_end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    quoting = draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]))
    writer = csv.DictWriter(text, columns, restval="as is", lineterminator=line_end, quoting=quoting)
    writer.writeheader()
    for row in rows:
        writer.writerow(row)
        text.write(line_end * draw(st.integers(0, 1)))
    return text.getvalue().encode(draw(st.sampled_from(ENCODINGS)))


def read(root: Path, content: bytes) -> Dataset:
    (root / "list.csv").write_bytes(content)
    return read_dataset(root / "list.csv")


def expected_numbers(rows: list[dict[str, str]]) -> dict[str, int]:
    """Numbers keep themselves where all are different positive ones, as the manifests here have; texts are counted,
    and those that Unicode takes for the same are one.
    """
    written = {row["identity"]: normalize("NFC", row["identity"]) for row in rows if row["identity"] != "-1"}
    names = sorted(set(written.values()))
    if all(name.isascii() and name.isdigit() and name == str(int(name)) and 0 < int(name) < 10**18 for name in names):
        return {name: int(name) for name in names} | {"-1": -1}
    return {name: names.index(plain) + 1 for name, plain in written.items()} | {"-1": -1}


@given(st.data())
def test_what_it_lists_is_read(data: st.DataObject) -> None:
    rows = data.draw(manifests())
    unclear = {row["identity"] for row in rows if row["identity"].isdigit() and row["identity"] != "0"}
    if any(name.startswith("0") or not name.isascii() for name in unclear) or "0" in {row["identity"] for row in rows}:
        return  # 007 beside 7, and distractors: tests/dgnet/data
    if any(NO_IDENTITY.fullmatch(row["identity"]) for row in rows):
        return  # tests/dgnet/data, too
    numbers = expected_numbers(rows)
    with folder() as root:
        if rows[0]["identity"] == "-1":
            return
        dataset = reading(lambda: read(root, data.draw(files(rows))))
        for split in SPLITS:
            listed: dict[Path, tuple[int, int]] = {}
            for row in rows:
                if row["split"] == split and not (row["identity"] == "-1" and split in ("train", "query")):
                    # An image that is listed again counts once.
                    listed.setdefault(root / row["path"], (numbers[row["identity"]], int(row["camera"] or -1)))
            records = getattr(dataset, split)
            assert {record.path: (record.identity, record.camera) for record in records} == listed
            assert len(records) == len(listed)
            assert [record.path for record in records] == sorted(record.path for record in records)


@given(st.data())
def test_a_wrong_cell_is_refused_by_its_line(data: st.DataObject) -> None:
    rows = data.draw(manifests())
    assume(not any(NO_IDENTITY.fullmatch(row["identity"]) for row in rows))  # refused as such
    position = data.draw(st.integers(0, len(rows) - 1))
    column, cell = data.draw(
        st.sampled_from(
            [("split", "test"), ("split", "Train "), ("camera", "c1"), ("camera", "-1"), ("camera", "1.0")]
            + [("camera", "9" * 19), ("identity", ""), ("identity", "  "), ("path", "")]
        )
    )
    rows[position] = rows[position] | {column: cell}
    with folder() as root:
        sentence = refusal(lambda: read(root, data.draw(files(rows))))
        assert sentence.startswith(f"{root}/list.csv, line ") and column in sentence


@given(manifests(), st.data())
def test_one_image_of_two_people_is_refused(rows: list[dict[str, str]], data: st.DataObject) -> None:
    assume(not any(NO_IDENTITY.fullmatch(row["identity"]) for row in rows))  # refused as such
    rows.append(rows[0] | {"identity": rows[0]["identity"] + "x"})
    with folder() as root:
        assert rows[0]["path"] in refusal(lambda: read(root, data.draw(files(rows))))


@given(st.data())
def test_damaged_bytes_are_read_as_csv_reads_them_or_refused(data: st.DataObject) -> None:
    content = bytearray(data.draw(files(data.draw(manifests()))))
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, len(content)))
        match data.draw(st.sampled_from(["cut", "insert", "replace", "drop"])):
            case "cut":
                del content[position:]
            case "insert":
                content[position:position] = data.draw(st.sampled_from([b'"', b",", b"\n", b"\0", b"\xff", b";\t"]))
            case "replace":
                content[position : position + 1] = data.draw(st.binary(min_size=1, max_size=2))
            case "drop":
                del content[position : position + 3]
    with folder() as root:
        dataset = attempt(lambda: read(root, bytes(content)))
        if isinstance(dataset, Refusal):
            return
        lines = csv.reader(io.StringIO(read_text(root / "list.csv"), newline=""), skipinitialspace=True, strict=True)
        listed = [cells for cells in lines if cells][1:]
        records = [record for split in SPLITS for record in getattr(dataset, split)]
        assert len(records) + len(dataset.skipped) == len(listed)
        assert all(
            any(str(record.path) == str(root / cell) for cells in listed for cell in cells) for record in records
        )


@given(st.binary(max_size=200))
def test_any_bytes_are_no_manifest(content: bytes) -> None:
    with folder() as root:
        assert str(root) in refusal(lambda: read(root, content))
