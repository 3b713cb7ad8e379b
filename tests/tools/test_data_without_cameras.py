"""A figure for data without cameras or without training images, as its user types it; queries without a match."""

import itertools
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from dgnet.models.model_file import save_model
from dgnet.models.registry import build_model
from eval.report.report import read_report
from tests.tools.evaluation_tool import answer
from tools import evaluate_reid, transfer
from tools import test as test_tool

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("narrow")]

FOLDERS = ("--leave-one-out", "--without-cameras")
WITHOUT_MATCH = "1 of 5 queries have no true match: left out of every mean"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model; `people/`, a folder for each of two persons and a stranger; `test/`, queries and gallery of them."""
    place, random = tmp_path_factory.mktemp("place"), np.random.default_rng(0)
    torch.manual_seed(0)
    save_model(place / "model.pth", build_model("resnet18", 3).eval(), [4, 7, 9], 64, 32)
    for person, number in [*itertools.product(("ann", "bob"), (1, 2)), ("eve", 1)]:
        file = place / "people" / person / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 255, (64, 32, 3), np.uint8)).save(file)
        side = place / "test" / ("query" if number == 1 else "gallery") / person
        side.mkdir(parents=True)
        shutil.copy(file, side)
    return place


def test_a_folder_for_each_person(place, monkeypatch, capsys, tmp_path) -> None:
    words = ("--name", place / "model.pth", "--data", place / "people", "--device", "cpu")
    status, _, said = answer(evaluate_reid, monkeypatch, capsys, *words)
    assert status == 2 and "--leave-one-out" in said
    status, _, said = answer(evaluate_reid, monkeypatch, capsys, *words, "--leave-one-out")
    assert status == 2 and "--without-cameras" in said
    status, printed, said = answer(evaluate_reid, monkeypatch, capsys, *words, *FOLDERS, "--report", tmp_path / "new")
    assert status == 0, said
    assert WITHOUT_MATCH in printed
    metric = read_report(tmp_path / "new" / "report.json").metrics[0]
    assert metric.name == "mAP" and "5 queries (4 with a match)" in metric.protocol
    assert metric.protocol.endswith("leave one out, cameras not used")
    figure = f"{metric.value:.2f}"

    words = ("--network", place / "model.pth", "--data", place / "people", "--device", "cpu")
    status, printed, said = answer(transfer, monkeypatch, capsys, *words, *FOLDERS)
    assert status == 0 and "people, leave one out, cameras not used" in printed and WITHOUT_MATCH in printed, said
    assert re.search(rf"\b{re.escape(figure)}\b", printed)

    words = ("--model-path", place / "model.pth", "--data", place / "people", "run.device=cpu")
    status, printed, said = answer(test_tool, monkeypatch, capsys, *words, *FOLDERS)
    assert status == 0 and "leave one out, cameras not used" in printed, said
    assert "5 queries, 1 of them without a true match, left out of every mean" in printed
    assert re.search(rf"^mAP +{re.escape(figure)} %$", printed, re.MULTILINE)


def test_images_that_the_model_was_trained_on_are_warned_of(place, monkeypatch, capsys, caplog, tmp_path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    shutil.copy(place / "model.pth", run / "last.pth")
    copies, others = (shutil.copytree(place / "people", tmp_path / name) for name in ("copies", "others"))
    for file in others.rglob("*.png"):
        Image.fromarray(255 - np.asarray(Image.open(file))).save(file)
    config = {"data": {"layout": "auto", "root": str(place / "people")}, "model": {"name": "resnet18"}}
    (run / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    for tool, words in (
        (evaluate_reid, ("--name", run / "last.pth", "--device", "cpu")),
        (transfer, ("--network", run / "last.pth", "--device", "cpu")),
        (test_tool, ("--model-path", run / "last.pth", "run.device=cpu")),
    ):
        status, _, said = answer(tool, monkeypatch, capsys, *words, "--data", place / "people", *FOLDERS)
        assert status == 0, said
        assert "5 of 5 test images are images that" in caplog.text
        caplog.clear()
        status, _, said = answer(tool, monkeypatch, capsys, *words, "--data", copies, *FOLDERS)
        assert status == 0 and "5 of 5 test images are images that" in caplog.text, said
        caplog.clear()
        status, _, said = answer(tool, monkeypatch, capsys, *words, "--data", others, *FOLDERS)
        assert status == 0, said
        assert "trained on" not in caplog.text


def test_queries_and_gallery_alone(place, monkeypatch, capsys) -> None:
    for tool, words in (
        (evaluate_reid, ("--name", place / "model.pth", "--device", "cpu")),
        (transfer, ("--network", place / "model.pth", "--device", "cpu")),
        (test_tool, ("--model-path", place / "model.pth", "run.device=cpu")),
    ):
        given = (*words, "--data", place / "test")
        status, _, said = answer(tool, monkeypatch, capsys, *given)
        assert status == 2 and "--without-cameras" in said
        status, _, said = answer(tool, monkeypatch, capsys, *given, "--without-cameras")
        assert status == 0, said
        status, _, said = answer(tool, monkeypatch, capsys, *given, *FOLDERS)
        assert status == 2 and "--leave-one-out" in said
