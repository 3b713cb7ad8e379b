"""Generated images: what a CSV file or the names say of their people is read, and a wrong cell or pattern refused."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgnet.data.readers.generated import NAME_PATTERN, SCORES, GeneratedRecord, read_generated
from tests.fuzz.cases import Refusal, attempt, folder, reading, refusal

pytestmark = pytest.mark.slow

IDENTITIES = st.none() | st.integers(-1, 10**6)
NUMBERS = st.none() | st.floats(allow_nan=False, allow_infinity=False)
IMAGES = st.lists(st.sampled_from([f"{place}{number}.png" for place in ("", "a/", "名 b/") for number in range(9)]),
                  min_size=1, max_size=5, unique=True)  # fmt: skip


@st.composite
def rows(draw: st.DrawFn) -> list[dict[str, object]]:
    """One for each image, with any of the optional columns."""
    optional = draw(st.lists(st.sampled_from(["structure_identity", "note", *SCORES]), max_size=4, unique=True))
    values = {
        "structure_identity": IDENTITIES,
        "note": st.text(st.characters(exclude_characters="\0"), max_size=3),
        **dict.fromkeys(SCORES, NUMBERS),
    }
    return [
        {"path": path, "appearance_identity": draw(IDENTITIES), **{name: draw(values[name]) for name in optional}}
        for path in draw(IMAGES)
    ]


def write(root: Path, table: list[dict[str, object]], first: str) -> Path:
    """The CSV file and its images; `first` is the name of the column of identities."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(first if name == "appearance_identity" else name for name in table[0])
    for row in table:
        # What a CSV file cannot keep apart: an empty cell and none.
        writer.writerow("" if value is None else value for value in row.values())
        path = root / str(row["path"])
        path.parent.mkdir(exist_ok=True)
        path.touch()
    (root / "images.csv").write_bytes(text.getvalue().encode("utf-8", "replace"))
    return root / "images.csv"


@given(rows(), st.sampled_from(["appearance_identity", "identity"]))
def test_what_a_file_lists_is_read(table: list[dict[str, object]], first: str) -> None:
    with folder() as root:
        records = reading(lambda: read_generated(write(root, table, first)))
        expected = [
            GeneratedRecord(
                root / str(row["path"]),
                row["appearance_identity"],  # type: ignore[arg-type]
                row.get("structure_identity"),  # type: ignore[arg-type]
                {name: row[name] for name in SCORES if row.get(name) is not None},  # type: ignore[misc]
            )
            for row in table
        ]
        assert records == tuple(sorted(expected, key=lambda record: record.path))


@given(rows(), st.data())
def test_a_wrong_cell_is_refused_by_its_line(table: list[dict[str, object]], data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(table) - 1))
    numbers = [name for name in table[0] if name in SCORES]
    wrong = [("appearance_identity", cell) for cell in ("x", "1.5", "1e3", "0x1", "1_5", "9" * 19)]
    wrong += [(name, cell) for name in numbers for cell in ("x", "nan", "inf", "1,5", "1_5")]
    column, cell = data.draw(st.sampled_from(wrong))
    table[position] = table[position] | {column: cell}
    with folder() as root:
        sentence = refusal(lambda: read_generated(write(root, table, "identity")))
        assert sentence.startswith(f"{root}/images.csv, line ") and cell in sentence


RESTS = st.sampled_from(["_c1s1_000451_03.jpg", ".png", "/7.png", "x/y.webp"])
NAMES = st.lists(st.tuples(st.integers(0, 9999), RESTS), min_size=1, max_size=5, unique=True)


@given(NAMES, st.lists(st.sampled_from(["x.png", "a/1.png", ".1.png", "1.txt"]), max_size=2))
def test_what_names_say_is_read(names: list[tuple[int, str]], others: list[str]) -> None:
    with folder() as root:
        expected: dict[Path, int | None] = {}
        for number, rest in names:
            expected[root / f"{number:04}{rest}"] = number
        for name in others:
            if name in ("x.png", "a/1.png"):
                expected[root / name] = None
        for path in (*expected, *(root / name for name in others)):
            path.parent.mkdir(exist_ok=True)
            path.touch()
        records = reading(lambda: read_generated(root, NAME_PATTERN))
        assert {record.path: record.appearance for record in records} == expected
        assert all(record.structure is None and not record.scores for record in records)


PATTERN_PARTS = (
    r"\d+", "(", ")", "[", "]", "*", "+", "?", "{2}", "|", "^", "$", ".", "\\", "_", "(?P<identity>", "(?P<structure>",
    "(?P<appearance>", "(?P<other>", "(?:", "(?=", "7", "x", r"\w", "(?i)",
)  # fmt: skip


@given(st.lists(st.sampled_from(PATTERN_PARTS), max_size=8).map("".join))
def test_any_pattern_reads_or_is_refused(pattern: str) -> None:
    with folder() as root:
        for name in ("0007_x.png", "7x7.png"):
            (root / name).touch()
        records = attempt(lambda: read_generated(root, pattern))
        if isinstance(records, Refusal):
            assert repr(pattern) in records
        else:
            assert [record.path.name for record in records] == ["0007_x.png", "7x7.png"]
            assert {record.appearance for record in records} <= {None, 0, 7, 77}
