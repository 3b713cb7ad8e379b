"""The benchmark of finding people, on a tiny film."""

import argparse
from pathlib import Path

import numpy as np
import pytest
import torch

from dgnet.models.model_file import save_model
from dgnet.models.registry import build_model
from dgnet.video.box_files import read_boxes
from dgnet.video.film import Film
from tests.dgnet.video.films import mot_lines, scene, write_film
from tools.benchmarks import people, people_memory


@pytest.mark.slow
def test_every_figure_of_a_tiny_film(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film = write_film(tmp_path / "walk.mkv", [scene(number) for number in range(6)])
    (tmp_path / "boxes.txt").write_text(mot_lines(6, tracks=False))
    torch.manual_seed(0)
    save_model(tmp_path / "m.pth", build_model("resnet18", 2), (1, 2), 64, 48)
    measured = {}

    def peak(path: Path, gallery: Path, *options: str) -> float:
        boxes = Path(options[options.index("--boxes") + 1])
        measured[gallery.name] = list(Film(path).frames()), read_boxes(boxes)
        return 1.0

    monkeypatch.setattr(people_memory, "peak_of_find_people", peak)
    parser = argparse.ArgumentParser()
    people.add_parser(parser.add_subparsers(dest="kind"))
    words = (
        "--film",
        film,
        "--boxes",
        tmp_path / "boxes.txt",
        "--name",
        tmp_path / "m.pth",
        "--frames",
        4,
        "--times",
        3,
    )
    result = people.run(parser.parse_args(["people", *map(str, words)]))
    assert result["frames_measured"] == 4
    assert set(result["frames_per_processor_second"]) == {"decode", "link", "link by appearance", "embed"}
    assert all(rate > 0 for part in result["frames_per_processor_second"].values() for rate in part.values())
    frames, table = measured["boxes longer"]
    assert len(frames) == 18 and [frame.time for frame in frames] == sorted({frame.time for frame in frames})
    assert np.array_equal(table.of(13).places, measured["boxes film"][1].of(1).places)
    assert set(measured) == {
        f"{kind} {length}" for kind in ("boxes", "boxes and model") for length in ("film", "longer")
    }
    parts = result["frames_per_processor_second"]
    rates = [parts[name]["ours"] for name in ("decode", "link by appearance", "embed")]
    assert result["sum"]["ours"] == pytest.approx(1 / sum(1 / rate for rate in rates), rel=0.02)
    assert frames[13].read().tolist() == scene(1).tolist()
