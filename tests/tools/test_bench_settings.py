"""`bench.py settings`: the demo with single settings at the paper's value."""

import argparse
import json
from pathlib import Path

import pytest
import yaml

from dgnet.config import load_config
from dgnet.core.errors import UserError
from tests.dgnet.small_training import narrow_trunks
from tools.benchmarks import settings

DEMO = settings.ROOT / "configs" / "demo.yaml"
CONFIG = {
    "data": {
        "layout": "synthetic",
        "height": 64,
        "width": 48,
        "synthetic": {"train_identities": 4, "test_identities": 4, "images_per_identity": 4},
    },
    "appearance": {"backbone": "resnet18", "upsample_below_height": 0},
    "structure": {"channels": 2, "residual_blocks": 1},
    "decoder": {"style_hidden": 8, "initial_style": 0.1},
    "discriminator": {"channels": 2, "residual_blocks": 1, "scales": 1},
    "teacher": {"backbone": "resnet18", "upsample_below_height": 0, "epochs": 1, "batch_size": 8},
    "loss": {"swap_begin": 4, "code_ramp_begin": 0, "teacher_ramp_begin": 0, "ramp_rate": 1},
    "schedule": {"iterations": 8, "step_size": 5},
    "run": {"batch_size": 2, "device": "cpu"},
}


def options(folder: Path, *words: str) -> argparse.Namespace:
    """Parsed options for the small configuration, written below `folder`."""
    values = {**CONFIG, "data": {**CONFIG["data"], "root": str(folder / "pedestrians")}}
    (folder / "small.yaml").write_text(yaml.safe_dump(values))
    parser = argparse.ArgumentParser()
    settings.add_parser(parser.add_subparsers())
    return parser.parse_args(
        ["settings", "--config", str(folder / "small.yaml"), "--output-path", str(folder / "rows"), *words]
    )


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_rows_are_trained_kept_and_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    narrow_trunks(monkeypatch)
    arguments = options(tmp_path, "--iterations-factor", "0.5", "--only", "short_training.initial_style")
    train, trained = settings.train_and_measure, []

    def counted(config, *rest):
        short = config.short_training
        trained.append((short.initial_style, config.schedule.iterations, short.swap_begin))
        return train(config, *rest)

    monkeypatch.setattr(settings, "train_and_measure", counted)
    settings.run(arguments)
    assert trained == [(0.1, 4, 2), (1.0, 4, 2)]
    table = capsys.readouterr().out
    rows = [line.split(" | ") for line in table.splitlines() if line.startswith("| ")][2:]
    assert [row[0] for row in rows] == ["| as it is", "| short_training.initial_style"]
    assert rows[1][1:3] == ["0.1", "1.0"]
    kept = json.loads((tmp_path / "rows/rows.json").read_text())["rows"]
    assert all(set(row) == {*settings.COLUMNS.values(), "seconds"} for row in kept.values())
    # The second row has the first one's teacher.
    runs = {path.name for path in (tmp_path / "rows/outputs").iterdir()}
    assert runs == {"baseline", "baseline_teacher", "classifier", "short_training.initial_style"}

    settings.run(arguments)
    assert len(trained) == 2 and capsys.readouterr().out == table

    # A row without one of the columns is measured again, the training as it is.
    rows_file = tmp_path / "rows/rows.json"
    stored = json.loads(rows_file.read_text())
    accuracy = stored["rows"]["as it is"].pop("mAP, appearance encoder")
    stored["rows"]["as it is"]["seconds"] = 77.0
    rows_file.write_text(json.dumps(stored))
    settings.run(arguments)
    assert len(trained) == 3
    again = json.loads(rows_file.read_text())["rows"]["as it is"]
    assert again == kept["as it is"] | {"seconds": 77.0} and 0 < accuracy <= 100

    with pytest.raises(UserError, match="--output-path"):
        settings.run(options(tmp_path, "--only", "short_training.initial_style"))


def test_settings_of_the_demo_that_are_not_the_papers() -> None:
    config = load_config(DEMO)
    values = settings.paper_values(config)
    assert values["structure.input"] == "gray" and values["decoder.kind"] == "adaptive"
    assert values["short_training.swap_begin"] == 0
    assert values["loss.code_ramp_begin"] == 0.3 * config.schedule.iterations
    assert values["loss.ramp_rate"] == pytest.approx(5e-4 * 100_000 / config.schedule.iterations)
    assert not any(key.startswith(("teacher.", "data.height", "run.log")) for key in values)
    half = settings.longer(config, 0.5)
    assert (half.schedule.iterations, half.short_training.swap_begin) == (
        config.schedule.iterations // 2,
        config.short_training.swap_begin // 2,
    )
    assert half.loss.ramp_rate == 2 * config.loss.ramp_rate


def test_unknown_settings_and_other_data_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"short_training\.initial_style.*'?loss\.cycles"):
        settings.run(options(tmp_path, "--only", "loss.cycles"))
    with pytest.raises(UserError, match="synthetic"):
        settings.run(options(tmp_path, "data.layout=market1501"))
