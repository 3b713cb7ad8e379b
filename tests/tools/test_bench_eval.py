"""The evaluation's benchmark at a tiny size, ours alone: nothing is installed."""

import argparse
import json
import re
from pathlib import Path

import numpy as np
import pytest

from tests.messages import mentions
from tests.tools.evaluation_tool import answer
from tools import bench
from tools.benchmarks import evaluation


def options(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    evaluation.add_parser(parser.add_subparsers(dest="kind"))
    return parser.parse_args(["eval", *words])


@pytest.mark.slow
def test_ours_alone_prints_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["eval", "--alone", "--query", "40", "--gallery", "300", "--features", "16", "--threads", "1"]
    status, printed, said = answer(bench, monkeypatch, capsys, *words)
    assert status == 0, said
    result = json.loads(printed)
    assert (result["query"], result["gallery"], result["torchreid"]) == (40, 300, None)
    for task in evaluation.ALONE:
        ours = result[task]["ours"]
        assert ours["seconds"] > 0
        assert ours["peak_memory_gib"] >= ours["held_before_gib"] > 0
        assert 0 < ours["mAP"] < 1


def test_the_features_have_identities(tmp_path: Path) -> None:
    for number, side in enumerate(("query", "gallery")):
        evaluation.write_features(tmp_path, side, 400, 64, number)
    ids, features = np.load(tmp_path / "query_ids.npy"), np.load(tmp_path / "query_features.npy")
    assert ids.min() >= 1
    assert 0.1 < np.mean(np.load(tmp_path / "gallery_ids.npy") == 0) < 0.25
    centers = np.random.default_rng(0).standard_normal((evaluation.IDENTITIES + 1, 64), dtype=np.float32)
    own, other = (features * centers[ids]).sum(), (features * centers[np.roll(ids, 1)]).sum()
    assert own > 10 * abs(other)


@pytest.mark.parametrize(("option", "sentence"), [("--query", mentions("--query", 1, 0)), ("--gallery", "50")])
def test_sizes_that_measure_nothing(option: str, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_info:
        options(option, "0")
    assert exit_info.value.code == 2
    assert re.search(sentence, capsys.readouterr().err)
