"""JSON that is no JSON of ours: one sentence, whatever is wrong with it and whoever reads it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from dgnet.core.calibration import calibration_file, find_calibration
from dgnet.core.errors import UserError
from dgnet.core.json_files import parse_json
from dgnet.data.pedestrians.spec import MANIFEST, from_manifest
from dgnet.generation.manifest import RECIPE, read_recipe
from dgnet.video.synthetic_films import ABOUT, films_of
from eval.report.report import read_report

DEEP = {"lists": "[" * 100_000 + "]" * 100_000, "objects": '{"a":' * 100_000 + "1" + "}" * 100_000}
DEEP["a little too deep"] = "[" * 102 + "]" * 102


@pytest.mark.parametrize("kind", DEEP)
def test_deep_nesting_is_no_recursion_error(kind: str) -> None:
    with pytest.raises(ValueError, match="nested"):
        parse_json(DEEP[kind])


def test_what_is_not_too_deep_is_read() -> None:
    assert parse_json("[" * 101 + "]" * 101)
    assert parse_json('{"a": [1, {"b": null}], "c": "x"}') == {"a": [1, {"b": None}], "c": "x"}


def test_a_key_that_is_there_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="'a'"):
        parse_json('{"b": {"a": 1, "a": 2}}')


def calibration(place: Path, text: str) -> None:
    weights = place / "model.pth"
    calibration_file(weights).write_text(text)
    find_calibration(weights, {})


def reader(name: str, read: Callable[[Path], object]) -> Callable[[Path, str], None]:
    def written_and_read(place: Path, text: str) -> None:
        (place / name).write_text(text)
        read(place)

    return written_and_read


@pytest.mark.parametrize("kind", DEEP)
@pytest.mark.parametrize(
    "write_and_read",
    [
        reader("report.json", lambda place: read_report(place / "report.json")),
        reader(RECIPE, read_recipe),
        reader(MANIFEST, from_manifest),
        reader(ABOUT, films_of),
        calibration,
    ],
)
def test_every_reader_refuses_what_is_too_deep(
    write_and_read: Callable[[Path, str], None], kind: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="json"):
        write_and_read(tmp_path, DEEP[kind])
