"""What version 0.1 wrote still opens, goes on, and gives the figures that version 0.1 gave.

`expected.json` holds what version 0.1 printed and wrote for each of `cases.py` (see make_version_0_1.py). Only the
command lines are used: names of modules may change.
"""

import json
import math
import runpy
import shutil
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.compatibility.cases import CASES, STORED, Case, unpack

ROOT = Path(__file__).resolve().parents[2]
EXPECTED = json.loads((STORED / "expected.json").read_text(encoding="utf-8"))
# Relative tolerances. Other processors and versions of torch round otherwise, which steps of training enlarge: without
# oneDNN and with two threads the losses of the last iteration differ by up to 3e-3, weights that Adam moves by 8e-3.
TOLERANCES = {".rows": 1e-2, ".state": 3e-2, ".teacher": 3e-2, ".weights": 3e-2}
RELATIVE, ABSOLUTE = 1e-3, 2e-4
# Settings of version 0.1 that have another name now, by the beginning of their dotted keys; and values: (key of today,
# value then) -> value of today. A setting that is not here has the name and the value that it had.
RENAMED_KEYS: dict[str, str] = {
    "appearance.detach_codes": "short_training.detach_codes",
    "appearance.double_up_to_height": "appearance.upsample_below_height",
    "appearance.from_teacher": "short_training.from_teacher",
    "appearance.head": "appearance.model",
    "data.each_pass": "data.epoch_mode",
    "decoder.initial_style": "short_training.initial_style",
    "decoder.standardise_code": "short_training.standardize_code",
    "loss.encode_again": "loss.structure_encoder_probability",
    "loss.identity_begin": "short_training.identity_begin",
    "loss.image_norm": "short_training.image_norm",
    "loss.swap_begin": "short_training.swap_begin",
    "loss.teacher": "loss.teacher_factor",
    "loss.fine": "loss.fine_grained",
    "optimiser": "optimizer",
    "optimiser.centre_rate": "optimizer.center_rate",
    "optimiser.matrix_rate": "short_training.muon_rate",
    "run.merge_batch_statistics": "short_training.merge_batch_statistics",
    "structure.mix_colours": "short_training.mix_colors",
    "structure.surroundings": "short_training.background",
    "teacher.double_up_to_height": "teacher.upsample_below_height",
    "teacher.style": "teacher.label",
}
# Of DG-Net alone: a re-ID model's schedule has a setting of this name, too.
RENAMED_OF_DGNET = {"schedule.decay": "short_training.decay"}
# Of a re-ID model.
RENAMED_OF_REID = {"head": "model"}
RENAMED_VALUES: dict[tuple[str, str], Any] = {
    ("structure.input", "grey"): "gray",
    ("teacher.label", "0"): "soft",
}


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of an archive's files: to unpack one takes ten times as long as to copy them."""

    @cache
    def folder(archive: str) -> Path:
        place = tmp_path_factory.mktemp(archive)
        unpack(place, archive)
        return place

    return folder


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_version_0_1(
    case: Case,
    unpacked: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for archive in case.archives:
        shutil.copytree(unpacked(archive), tmp_path, dirs_exist_ok=True)
    words = case.words(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [case.tool, *words])
    monkeypatch.setattr(sys, "path", [*sys.path])
    with pytest.raises(SystemExit) as left:
        runpy.run_path(str(ROOT / case.tool), run_name="__main__")
    printed, complaint = capsys.readouterr()
    assert (left.value.code or 0) == case.status, complaint
    assert "unknown key" not in complaint
    found, expected = case.read(tmp_path, printed), EXPECTED[case.name]
    if case.name.startswith("settings_of") and expected is not None:
        expected = translated(expected)
        found = {key: value for key, value in found.items() if key in expected}  # settings that are new since then
    # Through JSON, as the expected ones went: tuples become lists.
    assert list(differences(json.loads(json.dumps(found)), expected)) == []


def translated(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings of version 0.1 by the keys and values of today."""
    renamed = {}
    keys = RENAMED_KEYS | (RENAMED_OF_DGNET if "discriminator.kind" in settings else RENAMED_OF_REID)
    for key, value in settings.items():
        old = max((start for start in keys if f"{key}.".startswith(f"{start}.")), key=len, default="")
        now = keys[old] + key.removeprefix(old) if old else key
        renamed[now] = RENAMED_VALUES.get((now, str(value)), value)
    return renamed


def differences(found: Any, expected: Any, place: str = "") -> Iterator[str]:
    """A sentence for each place at which two trees of numbers and texts differ."""
    if isinstance(expected, dict) and isinstance(found, dict):
        if found.keys() != expected.keys():
            yield f"{place}: the keys {sorted(found.keys() ^ expected.keys())} are on one side alone"
        for key in found.keys() & expected.keys():
            yield from differences(found[key], expected[key], f"{place}.{key}")
    elif isinstance(expected, list) and isinstance(found, list):
        if len(found) != len(expected):
            yield f"{place}: {len(found)} entries, expected {len(expected)}"
        for number, pair in enumerate(zip(found, expected, strict=False)):
            yield from differences(*pair, f"{place}[{number}]")
    elif isinstance(expected, float) and isinstance(found, int | float):
        relative = next((TOLERANCES[start] for start in TOLERANCES if place.startswith(start)), RELATIVE)
        # Gray levels are 0..255; a rounding to whole ones may fall on the other side.
        absolute = 0.5 if "gray levels" in place else ABSOLUTE
        if not math.isclose(found, expected, rel_tol=relative, abs_tol=absolute):
            yield f"{place}: {found}, expected {expected}"
    elif found != expected:
        yield f"{place}: {found!r}, expected {expected!r}"


def test_another_figure_and_a_lost_setting_are_noticed() -> None:
    expected = {"loss": [1.0, 2.0], "picture": {"gray levels": [100.0]}}
    assert list(differences({"loss": [1.0, 2.001], "picture": {"gray levels": [100.4]}}, expected)) == []
    assert len(list(differences({"loss": [1.0, 2.1], "picture": {"gray levels": [110.0]}}, expected))) == 2
    assert len(list(differences({"loss": [1.0]}, expected))) == 2
    assert len(list(differences({"loss": ["1.0", float("nan")], "picture": {}}, expected))) == 3
