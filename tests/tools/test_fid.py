"""`tools/fid.py` as a user meets it."""

import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from dgnet.config import parse_config
from dgnet.core.checkpoint import file_hash, save_checkpoint
from dgnet.models.build import build_teacher
from dgnet.models.model_file import save_model
from dgnet.models.registry import build_model
from tests.dgnet.small_generator import small_generator, store
from tests.eval.images.random_inception import random_state
from tests.eval.images.small_files import picture, write, write_set
from tests.messages import mentions
from tests.tools.evaluation_tool import answer
from tools import fid

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`real` and `made` (nested, of mixed sizes and formats), Inception weights, a run and a teacher."""
    place = tmp_path_factory.mktemp("sets")
    write_set(place / "real", 6, seed=1)
    for number, name in enumerate(["a.png", "deep/b.jpg", "deep/er/c.bmp", "deep/er/d.png", "e.webp"]):
        write(place / "made" / name, picture(number, 30 + 5 * number, 20))
    write_set(place / "one", 1)
    (place / "empty").mkdir()
    torch.save(random_state(), place / "inception.pth")
    store(place / "outputs/small", small_generator(), 7)
    config = parse_config({"teacher": {"backbone": "resnet18", "upsample_below_height": 0}}, "test").teacher
    torch.manual_seed(0)
    teacher = {
        "kind": "dgnet teacher",  # as earlier versions wrote it
        "architecture": {
            key: getattr(config, key) for key in ("backbone", "last_stride", "upsample_below_height", "dropout")
        },
        "identities": [3, 5],
        "preprocessing": {"height": 32, "width": 16},
        "state": build_teacher(config, 2).state_dict(),
    }
    save_checkpoint(place / "teacher.pth", teacher)
    return place


def figure(printed: str, name: str) -> float:
    found = re.findall(rf"^ +{re.escape(name)}  +(\S+)", printed, re.MULTILINE)
    assert len(found) == 1, printed
    return float(found[0])


def test_inception_on_folders_and_statistics(sets: Path, tmp_path: Path, monkeypatch, capsys, caplog) -> None:
    digest = hashlib.sha256((sets / "inception.pth").read_bytes()).hexdigest()
    options = ("--weights", sets / "inception.pth", "--weights-sha256", digest[:8])
    more = ("--kid", "--precision-recall")
    status, printed, said = answer(fid, monkeypatch, capsys, sets / "real", sets / "made", *options, *more)
    assert status == 0, said
    assert figure(printed, "FID") > 0 and "pytorch-fid" in printed and "6 against 5 images" in printed
    assert 0 <= figure(printed, "precision") <= 100 and "biased upwards" in printed
    assert "cannot fill a covariance of 2048 features" in caplog.text

    same = answer(fid, monkeypatch, capsys, sets / "real", sets / "real", *options, *more)[1]
    assert figure(same, "FID") == pytest.approx(0, abs=1e-6)
    assert figure(same, "precision") == figure(same, "recall") == 100

    saved = tmp_path / "real.npz"
    assert answer(fid, monkeypatch, capsys, "--save-stats", sets / "real", saved, *options)[0] == 0
    again = answer(fid, monkeypatch, capsys, saved, sets / "made", *options, "--batch-size", 2, "--workers", 1)[1]
    assert figure(again, "FID") == pytest.approx(figure(printed, "FID"), rel=1e-3)
    with np.load(saved) as content:
        assert content["mu"].shape == (2048,)
    status, _, said = answer(fid, monkeypatch, capsys, saved, sets / "made", *options, "--kid")
    assert status == 2 and "KID, precision and recall need the images, statistics are not enough" in said
    status, _, said = answer(fid, monkeypatch, capsys, saved, sets / "made", *options, "--protocol", "clean")
    assert status == 2 and "both sets must have features of one extractor" in said


@pytest.mark.parametrize(("real", "made", "few"), [(6, 3, "the generated set has 3"), (5, 6, "the real set has 5")])
def test_sets_too_small_for_precision_are_refused_before_a_network_is_loaded(
    sets: Path, tmp_path: Path, monkeypatch, capsys, real: int, made: int, few: str
) -> None:
    image = next((sets / "real").rglob("*.png"))
    for name, images in (("real", real), ("made", made)):
        (tmp_path / name).mkdir()
        for number in range(images):
            shutil.copy(image, tmp_path / name / f"{number}.png")
    options = ("--precision-recall", "--extractor", tmp_path / "no_such.pth")
    status, _, said = answer(fid, monkeypatch, capsys, tmp_path / "real", tmp_path / "made", *options)
    assert status == 2 and few in said, said


def test_identity_space_needs_no_download(sets: Path, monkeypatch, capsys) -> None:
    digits = file_hash(sets / "teacher.pth")[:8]
    named = {
        "small": "DG-Net's encoder of small after 7 iterations",
        # No path of this machine.
        sets / "teacher.pth": f"ide {sets.name}/teacher.pth ({digits}), mirror image added, 32x16",
    }
    found = []
    for name, said_in_protocol in named.items():
        options = ("--extractor", name, "--output-path", sets)
        status, printed, said = answer(fid, monkeypatch, capsys, sets / "real", sets / "made", *options)
        assert status == 0, said
        assert said_in_protocol in printed
        found.append(figure(printed, "Frechet distance, identity space"))
        same = answer(fid, monkeypatch, capsys, sets / "real", sets / "real", *options)[1]
        assert figure(same, "Frechet distance, identity space") == pytest.approx(0, abs=1e-6)
    assert found[0] != found[1] and min(found) > 0


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("real", "nowhere"), "nowhere: no such folder of images or .npz file of statistics"),
        (("real", "empty"), "empty: no image in it or below it"),
        (("real", "one"), mentions("images", 1)),
        (("real", "spoilt"), "1.png: not a readable image"),
        (("real", "made", "--device", "cuda:9"), "device 'cuda:9'"),
        (("real", "made", "--weights-sha256", "0a"), mentions("--weights-sha256", "Inception")),
        (("real", "made", "--protocol", "clean"), mentions("--protocol", "Inception")),
        (("--save-stats", "real", "new.npz", "--kid"), "--save-stats compares nothing"),
        (("--save-stats", "nowhere", "real.txt"), mentions("statistics", "real.txt")),
        (("--save-stats", "nowhere", "teacher.npz/real.npz"), "real.npz: the folder"),
    ],
)
def test_bad_input_is_one_sentence(options, sentence: str, sets: Path, monkeypatch, capsys) -> None:
    write(sets / "spoilt/0.png", picture(0))
    (sets / "spoilt/1.png").write_bytes(b"no image")
    words = [sets / word if word[0] not in "-0159c" else word for word in options]
    extractor = ("--extractor", sets / "teacher.pth")
    status, printed, said = answer(fid, monkeypatch, capsys, *words, *extractor)
    complaint = [line for line in said.splitlines() if not line.startswith("warning")]
    assert status == 2 and len(complaint) == 1 and re.search(sentence, complaint[0]) and printed == ""


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("empty", "made"), "empty: no image in it or below it"),
        (("real", "one"), mentions("images", 1)),
        (("real", "teacher.pth"), mentions("teacher", "folder", "teacher.pth")),
        (("real", "broken.npz"), mentions("statistics", "broken.npz")),
        (("--save-stats", "empty", "new.npz"), "empty: no image in it or below it"),
    ],
)
def test_a_wrong_set_is_noticed_before_weights_are_asked_for(words, sentence, sets: Path, monkeypatch, capsys) -> None:
    (sets / "broken.npz").write_bytes(b"nothing")
    named = [word if word.startswith("--") else sets / word for word in words]
    status, _, said = answer(fid, monkeypatch, capsys, *named, "--weights", sets / "nowhere.pth")
    assert status == 2 and re.search(sentence, said)


def test_without_weights_one_sentence_from_a_program_of_its_own(sets: Path, tmp_path: Path) -> None:
    nowhere = {"TORCH_HOME": str(tmp_path), "https_proxy": "http://127.0.0.1:9", "PATH": "", "OMP_NUM_THREADS": "1"}
    words = [sys.executable, "tools/fid.py", str(sets / "real"), str(sets / "made")]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, env=nowhere, check=False, timeout=300)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("error: pt_inception-2015-12-05-6726825d.pth is needed and could not be downloaded")
    assert "name the file by --weights" in done.stderr and done.stderr.count("\n") == 1


def test_inception_has_no_mirror_image(sets: Path, monkeypatch, capsys) -> None:
    status, _, said = answer(fid, monkeypatch, capsys, sets / "real", sets / "made", "--no-mirrored")
    assert status == 2 and said == "error: --mirrored belongs to a re-ID network: give --extractor, too\n"


def test_the_run_of_a_head_is_named_by_its_folder(
    sets: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = sets / "outputs" / "trained"
    folder.mkdir()
    save_model(folder / "mAP_45.5.pth", build_model("resnet18", 2), (3, 5), 32, 16)
    options = ("--extractor", "trained", "--output-path", sets)
    status, printed, _ = answer(fid, monkeypatch, capsys, sets / "real", sets / "made", *options)
    assert status == 0
    assert re.search(r"resnet18 trained/mAP_45.5.pth \(\w{8}\), image alone, 32x16", printed)
    status, printed, _ = answer(fid, monkeypatch, capsys, sets / "real", sets / "made", *options, "--mirrored")
    assert status == 0
    assert re.search(r"resnet18 trained/mAP_45.5.pth \(\w{8}\), mirror image added, 32x16", printed)


def test_both_sets_are_required(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, said = answer(fid, monkeypatch, capsys)
    assert status == 2
    assert said == "error: the following arguments are required: REAL, GENERATED\n"
