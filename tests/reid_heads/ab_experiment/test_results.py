"""A kept result is the run's that its file is named by, with figures that are some."""

import json
from pathlib import Path
from typing import Any

import pytest

from dgnet.core.errors import UserError
from reid_heads.ab_experiment.config import ABConfig
from reid_heads.ab_experiment.results import Result, ResultFolder


def test_only_the_result_of_this_run_is_read(tmp_path: Path) -> None:
    folder = ResultFolder(tmp_path, ABConfig.model_construct(), "data", tmp_path)
    folder.create()
    folder.write(Result("real", 0, {"here": {"mAP": 0.5, "Rank-1": 1}}, 8, 6, 0, 1.5, [], "data"))
    assert folder.read("real", 1) is None
    kept = folder.read("real", 0)
    assert kept is not None and kept.figures == {"here": {"mAP": 0.5, "Rank-1": 1}}
    path = folder.path("real", 0)
    content = json.loads(path.read_text())
    values = (float("nan"), 7, -0.1, "0.5", None, True)
    wrong: list[dict[str, Any]] = [{"figures": {"here": {"mAP": value}}} for value in values]
    for change in (*wrong, {"seed": 1}, {"variant": "generated"}):
        path.write_text(json.dumps(content | change))
        with pytest.raises(UserError, match=r"real_0\.json: not the result of a run .*; remove it to train"):
            folder.read("real", 0)
