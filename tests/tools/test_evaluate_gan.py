"""`tools/evaluate_gan.py` on a handful of built-in pedestrians and a generator that never learned anything."""

import hashlib
import re
import urllib.error
from pathlib import Path
from unittest import mock

import pytest
import torch

from dgnet.config import parse_config, resolved
from dgnet.core.checkpoint import save_checkpoint
from dgnet.core.distributed import Distributed
from dgnet.core.errors import UserError
from dgnet.data.training_data import open_dataset
from dgnet.models.build import build_generator
from dgnet.runs.checkpoint import checkpoint_path
from eval.image_quality import measure_parts
from eval.report.report import MetricValue, Report, read_report
from tests.dgnet.generation.small_run import write_people
from tests.eval.images.random_inception import random_state
from tests.eval.images.random_trunk import trunk
from tests.messages import mentions
from tests.tools.evaluation_tool import answer
from tools import evaluate_gan

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("narrow")]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run `small` on four pedestrians."""
    place = tmp_path_factory.mktemp("gan")
    people = {"train_identities": 2, "test_identities": 2, "images_per_identity": 4}
    values = {
        "name": "small",
        "data": {"layout": "synthetic", "height": 64, "width": 48, "root": str(place / "people"), "synthetic": people},
        "appearance": {"backbone": "resnet18", "upsample_below_height": 0},
        "structure": {"channels": 2, "residual_blocks": 1},
        "decoder": {"style_hidden": 8},
    }
    config = parse_config(values, "test")
    dataset = open_dataset(config.data, Distributed.start("cpu"))
    torch.manual_seed(0)
    state = {
        "kind": "dgnet generator",
        "config": resolved(config),
        "identities": list(dataset.identities),
        "iteration": 7,
        "generator": build_generator(config, len(dataset.identities)).state_dict(),
        "discriminator": {"weight": torch.zeros(1)},
    }
    (place / "outputs/small/checkpoints").mkdir(parents=True)
    save_checkpoint(checkpoint_path(place / "outputs/small/checkpoints", 7), state)
    return place


def report(place: Path) -> Report:
    return read_report(place / "outputs/small/evaluation/00000007/report.json")


@pytest.mark.timeout(240)
def test_everything_is_measured_or_said_to_be_missing(place: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(place / "hub"))
    refuse = mock.Mock(side_effect=urllib.error.URLError("no network"))
    monkeypatch.setattr(torch.hub, "download_url_to_file", refuse)
    options = ("--name", "small", "--output-path", place, "--lpips-net", "squeeze", "--most", 4)
    options = (*options, "--pairs", 2, "--rounds", 2)
    status, printed, said = answer(evaluate_gan, monkeypatch, capsys, *options)
    assert status == 0, said
    # Before the work: which generator, and how many images.
    first, second = [line for line in said.splitlines() if line.startswith("small after 7 iterations: ")]
    assert f"8 swaps of the training images of {place}" in first and " 4 reconstructions" in first
    assert second.startswith("small after 7 iterations: 8 images to make of 8 pairs, at ")
    for name in ("FID by dgnet", "FID, KID, precision and recall by clean", "LPIPS (squeeze)"):
        assert f"    {name}: " in printed.split("Not measured\n")[1]
        assert "could not be downloaded (no network)" in report(place).not_measured[name]
    without = report(place)
    assert without.data.keys() == {"training images", "query and gallery"}
    assert {metric.section for metric in without.metrics} == {
        "Distribution",
        "Memorization",
        "Intra-identity diversity",
        "Fidelity of reconstructions",
        "Identity consistency",
    }
    assert "DG-Net's encoder of small after 7 iterations" in printed
    real = without.value("Intra-identity diversity", "DSSIM in Lab, real")
    assert 0.1 < real < 0.6 and real != without.value("Intra-identity diversity", "DSSIM in Lab, generated")
    for queries in ("generated queries", "their real appearance sources", "their real structure sources"):
        assert 0 < without.value("Identity consistency", f"mAP, {queries}") <= 100
    page = (place / "outputs/small/evaluation/00000007/report.html").read_text()
    scored = page.split("Swaps by identity consistency</h2>")[1].split("</section>")[0]
    assert scored.count("<img") == scored.count("; pose of person") == 2
    assert 0 <= without.value("Memorization", "suspected copies") <= 100
    assert page.split("Copies of training images?</h2>")[1].split("</section>")[0].count("<img") == 16
    assert 0 <= without.value("Distribution", "coverage, identity space") <= 100
    images = place / "outputs/small/evaluation/00000007/swaps/images"
    before = {path: path.stat().st_mtime_ns for path in images.rglob("*.png")}
    assert len(before) == without.counts["training images"] == 8

    status, _, said = answer(evaluate_gan, monkeypatch, capsys, *options)
    assert status == 2 and "report.json already exists: --overwrite replaces it" in said

    # What tools/generate.py advises is no option here.
    status, _, said = answer(evaluate_gan, monkeypatch, capsys, *options, "--overwrite", "--seed", 5)
    assert status == 2 and "swaps is of an earlier evaluation: remove it" in said and "--extend" not in said
    others = write_people(place / "others", identities=(1, 2, 3))
    status, _, said = answer(evaluate_gan, monkeypatch, capsys, *options, "--overwrite", "--data", others)
    assert status == 2 and "give its own data set by --data" in said and "--other-data" not in said

    weights, (alike, digest) = place / "inception.pth", trunk("squeeze", place)
    torch.save(random_state(), weights)
    found = hashlib.sha256(weights.read_bytes()).hexdigest()
    files = ("--weights", weights, "--weights-sha256", found, "--lpips-weights", alike, "--lpips-sha256", digest)
    more = ("--overwrite", "--batch-size", 5, "--workers", 1)
    status, printed, said = answer(evaluate_gan, monkeypatch, capsys, *options, *files, *more)
    assert status == 0, said
    assert "Not measured" not in printed and report(place).not_measured == {} and "8 images, 0 of them new" in said
    assert {path: path.stat().st_mtime_ns for path in images.rglob("*.png")} == before
    whole, lpips = report(place), f"LPIPS 0.1 (squeeze, weights {digest[:8]})"
    for metric in without.metrics:
        same = [
            f
            for f in whole.metrics
            if (f.section, f.name, f.protocol) == (metric.section, metric.name, metric.protocol)
        ]
        assert len(same) == 1 and same[0].value == pytest.approx(metric.value, rel=1e-5, abs=1e-6), metric
    new = {metric.name for metric in whole.metrics} - {metric.name for metric in without.metrics}
    assert {"FID", "KID", "precision", "recall", f"{lpips}, generated", f"{lpips}, self-reconstruction"} <= new
    fids = {
        metric.protocol.split("(")[1].split(":")[0]: metric.value for metric in whole.metrics if metric.name == "FID"
    }
    assert set(fids) == {"dgnet", "clean"} and min(fids.values()) > 0 and len(set(fids.values())) == 2


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--name", "nobody"), "nobody"),
        (("--name", "small", "--iteration", 3), mentions("checkpoint", "iteration", 3)),
        (("--name", "small", "--weights", "nowhere.pth"), mentions("weights", "nowhere.pth")),
        (("--name", "small", "--lpips-weights", __file__), mentions("SHA-256", "7be5be79")),
        (("--name", "small", "--extractor", "nobody", "--overwrite"), "nobody: no such file of weights, and no run"),
    ],
)
def test_bad_input_is_one_sentence(options, sentence: str, place: Path, monkeypatch, capsys) -> None:
    status, printed, said = answer(evaluate_gan, monkeypatch, capsys, *options, "--output-path", place)
    # What the data set holds may have been said before.
    sentences = [line for line in said.splitlines() if line.startswith("error: ")]
    assert (status, printed) == (2, "") and sentences == said.splitlines()[-1:] and re.search(sentence, said), said


def test_a_part_that_cannot_be_measured_leaves_the_others() -> None:
    def refused() -> list[MetricValue]:
        raise UserError("a swap needs images of at least two identities")

    metric = MetricValue("Distribution", "FID", 1.0)
    metrics, missing = measure_parts({"consistency": refused, "FID": lambda: [metric]})
    assert metrics == [metric]
    assert missing == {"consistency": "a swap needs images of at least two identities"}
