"""Thresholds on other data: the second table of direct transfer."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from eval.reid.feature_file import SplitFeatures, StoredFeatures, save_features
from eval.reid.pair_scores import pair_scores
from eval.reid.verification import rates_at, transferred_thresholds, verification_metrics
from eval.transfer import transfer_rows
from tools import transfer


def stored(data: str, seed: int, noise: float, network: str = "net", images: int = 120) -> StoredFeatures:
    random = np.random.default_rng(seed)
    centers = random.standard_normal((12, 8))

    def split() -> SplitFeatures:
        ids = random.integers(1, 12, images)
        features = centers[ids] + noise * random.standard_normal((images, 8))
        return SplitFeatures(features.astype(np.float32), ids, random.integers(0, 3, images), ("x",) * images)

    return StoredFeatures(network, data, "ab" * 32, {"flip": "none"}, {"query": split(), "gallery": split()})


@pytest.mark.slow
def test_a_threshold_has_the_rates_of_where_it_is_applied(tmp_path: Path, monkeypatch, capsys) -> None:
    here, there = stored("here", 0, 0.3), stored("there", 1, 1.0)
    scores = {one.data: pair_scores(one.splits["query"], one.splits["gallery"]) for one in (here, there)}
    (first, *_) = transferred_thresholds(verification_metrics(scores["here"]), scores["there"])
    assert first.wanted == 0.1 and first.threshold == verification_metrics(scores["here"]).thresholds[0.1]
    assert (first.fpr, first.tpr) == rates_at(scores["there"], first.threshold)
    assert first.own_tpr == verification_metrics(scores["there"]).tpr[0.1]
    few = stored("few", 2, 1.0, images=4)
    alone = pair_scores(few.splits["query"], few.splits["gallery"])
    assert transferred_thresholds(verification_metrics(scores["here"]), alone) == []
    assert transferred_thresholds(verification_metrics(alone), scores["here"]) == []

    words = ["transfer", "--output", str(tmp_path / "table.json")]
    for one in (here, there, stored("there", 1, 1.0, network="other")):
        save_features(tmp_path / f"{one.network}_{one.data}.npz", one)
        words += ["--features", str(tmp_path / f"{one.network}_{one.data}.npz")]
    monkeypatch.setattr(sys, "argv", words)
    assert transfer.main() == 0
    table = capsys.readouterr().out.partition("\n\n")[2].splitlines()
    assert table[0].split("  ")[0] == "network" and "TPR by own" in table[0]
    # Both ways, for one network: another network's thresholds are no concern of this one.
    assert [line.split()[:3] for line in table[1:]] == [["net", "there", "here"]] * 2 + [["net", "here", "there"]] * 2
    line = next(line.split() for line in table if line.split()[1:4] == ["here", "there", "10"])
    assert line[4:] == [
        f"{first.threshold:.4f}",
        f"{100 * first.fpr:.3g}",
        f"{100 * first.tpr:.2f}",
        f"{100 * first.own_tpr:.2f}",
    ]
    rows = json.loads((tmp_path / "table.json").read_text())
    assert rows[1]["thresholds_of_others"][0]["fpr"] == pytest.approx(first.fpr)
    assert rows[2]["thresholds_of_others"] == []
    assert rows[0]["verification"]["thresholds"]["0.1"] == first.threshold


def test_files_that_do_not_know_their_images_are_compared_by_their_features(caplog: pytest.LogCaptureFixture) -> None:
    here = stored("here", 0, 0.3)
    transfer_rows([here, stored("there", 1, 0.3), stored("here", 0, 0.3, network="other")])
    assert "have the same features" not in caplog.text
    transfer_rows([here, stored("again", 0, 0.3)])
    assert "two rows of net, on here and on again, have the same features" in caplog.text
