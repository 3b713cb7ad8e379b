"""Calibrate a model, and search with its threshold, as a user types it."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from dgnet.core.calibration import calibration_file
from dgnet.models.model_file import save_model
from dgnet.models.registry import build_model
from tests.tools.evaluation_tool import answer
from tools import evaluate_reid, search

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("narrow")]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`model.pth`, and the data set `shop`: ten colored people by two cameras."""
    place, random = tmp_path_factory.mktemp("place"), np.random.default_rng(0)
    torch.manual_seed(0)
    save_model(place / "model.pth", build_model("resnet18", 3).eval(), [4, 7, 9], 64, 32)
    colors = random.integers(0, 256, (10, 4, 2, 3))
    for person, camera, number in itertools.product(range(10), (1, 2), (1, 2)):
        folder = place / "shop" / ("query" if number == 1 else "bounding_box_test")
        folder.mkdir(parents=True, exist_ok=True)
        noisy = (colors[person] + random.integers(-25, 26, (4, 2, 3))).clip(0, 255).astype(np.uint8)
        picture = Image.fromarray(noisy).resize((32, 64), Image.Resampling.NEAREST)
        picture.save(folder / f"{person + 1:04}_c{camera}s1_00000{number}_00.png")
    return place


def test_a_model_is_calibrated_and_searches_with_its_threshold(place, monkeypatch, capsys, tmp_path, caplog) -> None:
    model, shop = place / "model.pth", place / "shop"
    query, gallery = shop / "query" / "0003_c1s1_000001_00.png", shop / "bounding_box_test"
    words = ("--name", model, "--device", "cpu", "--query", query, "--output", tmp_path / "found.png", "--overwrite")
    status, printed, said = answer(search, monkeypatch, capsys, *words, "--gallery", gallery)
    assert status == 0 and "no calibration" in printed, said
    status, _, said = answer(search, monkeypatch, capsys, *words, "--gallery", gallery, "--false-positive-rate", 0.1)
    assert status == 2 and "no calibration" in said
    before = model.read_bytes()
    options = ("--name", model, "--data", shop, "--device", "cpu", "--calibrate")
    # Twenty pairs of one person are too few; what was measured is not lost.
    status, _, said = answer(evaluate_reid, monkeypatch, capsys, *options, "--report", tmp_path / "without")
    assert status == 2 and "30 pairs of one person" in said and not calibration_file(model).exists()
    assert (tmp_path / "without" / "report.html").is_file()
    options = (*options, "--without-cameras", "--report", tmp_path / "report")
    status, printed, said = answer(evaluate_reid, monkeypatch, capsys, *options)
    assert status == 0, said
    assert model.read_bytes() == before
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert "ROC</h2>" in page and "pairs of one person that are called so" in page
    stored = json.loads(calibration_file(model).read_text())
    assert stored["data"] == "shop" and stored["protocol"].endswith("cameras not used")
    (threshold,) = stored["thresholds"]
    assert threshold["low"] <= threshold["similarity"] <= threshold["high"]
    assert f"{threshold['similarity']:.4f}" in printed and "TPR at FPR 0.1" in printed
    assert set(stored["not_measurable"]) >= {"TPR at FPR 0.01"}

    status, printed, said = answer(search, monkeypatch, capsys, *words, "--gallery", gallery, "--top", 20)
    assert status == 0, said
    lines = [line.split() for line in printed.splitlines()[1:21]]
    verdicts = {" ".join(line[2:-1]) == "same person" for line in lines}
    assert verdicts == {True, False}
    assert all((float(line[1]) >= threshold["similarity"]) == (line[2] == "same") for line in lines)
    assert lines[0][2] == "same" and "/0003_" in lines[0][-1]
    assert "shop" in printed and "not known to be of" not in printed
    # The same images elsewhere are known by their content; others are not.
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for file in gallery.iterdir():
        (elsewhere / file.name).write_bytes(file.read_bytes())
    printed = answer(search, monkeypatch, capsys, *words, "--gallery", elsewhere)[1]
    assert "not known to be of" not in printed
    for file in elsewhere.iterdir():
        Image.open(file).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(file)
    printed = answer(search, monkeypatch, capsys, *words, "--gallery", elsewhere)[1]
    assert f"{elsewhere} is not known to be of shop" in printed
    status, _, said = answer(search, monkeypatch, capsys, *words, "--gallery", gallery, "--false-positive-rate", 0.01)
    assert status == 2 and "0.01" in said and "3,000" in said
    # With the mirror image added the features are others.
    status, printed, said = answer(search, monkeypatch, capsys, *words, "--gallery", gallery, "--mirrored")
    assert status == 0 and "prepared otherwise" in caplog.text and "no calibration" in printed


def test_an_index_is_made_once_and_finds_the_same(place, monkeypatch, capsys, tmp_path) -> None:
    pytest.importorskip("faiss", reason="the extra 'index' is not installed")
    query, gallery = place / "shop" / "query" / "0003_c1s1_000001_00.png", place / "shop"
    words = ("--name", place / "model.pth", "--device", "cpu", "--query", query, "--overwrite")
    words = (*words, "--output", tmp_path / "found.png", "--top", 5)
    whole = (*words, "--gallery", gallery)
    status, exact, said = answer(search, monkeypatch, capsys, *whole)
    assert status == 0, said
    for told in ("made and measured now", "when it was made"):
        status, printed, said = answer(search, monkeypatch, capsys, *whole, "--index", tmp_path / "index.npz")
        assert (status, printed) == (0, exact) and "recall@10 100.0 %" in said and told in said
    elsewhere = ("--gallery", gallery / "query", "--index", tmp_path / "index.npz")
    status, _, said = answer(search, monkeypatch, capsys, *words, *elsewhere)
    assert status == 2 and "index.npz" in said
