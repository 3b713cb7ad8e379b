"""`tools/ssim.py` and `tools/perceptual.py` as a user meets them."""

import re
from pathlib import Path

import numpy as np
import pytest

from dgnet.core.images import image_files, read_image
from eval.image_files import files_by_folder
from eval.images.diversity import DSSIM, diversity
from eval.images.ssim import multi_scale_ssim
from tests.eval.images.random_trunk import trunk
from tests.eval.images.small_files import picture, write, write_set
from tests.messages import mentions
from tests.tools.evaluation_tool import answer
from tools import perceptual, ssim

pytestmark = pytest.mark.slow


@pytest.fixture
def people(tmp_path: Path) -> Path:
    for identity in (2, 7):
        write_set(tmp_path / "made" / f"{identity:04}", 3, seed=identity, height=48, width=32)
    for number, path in enumerate(image_files(tmp_path / "made")):
        name = path.relative_to(tmp_path / "made").with_suffix(".bmp")
        write(tmp_path / "real" / name, picture(100 + number, 48, 32))
    return tmp_path


def figure(printed: str, name: str) -> float:
    found = re.findall(rf"^ +{re.escape(name)}  +(\S+)", printed, re.MULTILINE)
    assert len(found) == 1, printed
    return float(found[0])


def test_diversity_says_that_it_is_one(people: Path, monkeypatch, capsys) -> None:
    options = ("--dir", people / "made", "--pairs", 3, "--rounds", 2)
    (people / "made" / "notes.txt").touch()
    status, printed, said = answer(ssim, monkeypatch, capsys, *options)
    assert "passed over: 1 .txt" in said
    assert status == 0, said
    expected = diversity(files_by_folder(people / "made"), (DSSIM,), pairs=3, rounds=2)["DSSIM in Lab"]
    assert figure(printed, "DSSIM in Lab") == pytest.approx(expected.midpoint, abs=1e-4)
    assert figure(printed, "DSSIM in Lab, half-range") == pytest.approx(expected.half_range, abs=1e-4)
    assert "a diversity, not a fidelity" in printed and "by dgnet: 3 pairs of each of 2 identities" in printed
    assert answer(ssim, monkeypatch, capsys, *options, "--workers", 1)[1] == printed
    assert answer(ssim, monkeypatch, capsys, *options, "--seed", 1)[1] != printed


def test_fidelity_of_files_of_one_name(people: Path, monkeypatch, capsys) -> None:
    different = answer(ssim, monkeypatch, capsys, "--dir", people / "made", "--against", people / "real")[1]
    assert "6 pairs of files of one name" in different and 3 < figure(different, "PSNR") < 15
    same = answer(ssim, monkeypatch, capsys, "--dir", people / "made", "--against", people / "made")[1]
    for name in ("SSIM, gaussian window", "SSIM, uniform window", "MS-SSIM"):
        assert figure(same, name) == 1 > figure(different, name)


def test_pairs_of_several_sizes_have_one_number_of_scales(tmp_path: Path, monkeypatch, capsys) -> None:
    pairs = []
    for name, side in (("large", 64), ("small", 24)):
        for folder, seed in (("first", 1), ("second", 2)):
            write(tmp_path / folder / f"{name}.png", picture(seed, side, side) // 8 + 100)
        pairs.append([read_image(tmp_path / folder / f"{name}.png")[None] for folder in ("first", "second")])
    options = ("--dir", tmp_path / "first", "--against", tmp_path / "second")
    status, printed, said = answer(ssim, monkeypatch, capsys, *options)
    assert status == 0 and "2 pairs of files of one name, at their size, 2 scales for MS-SSIM" in printed, said
    two, most = (np.mean([float(multi_scale_ssim(*pair, scales=scales)) for pair in pairs]) for scales in (2, None))
    assert figure(printed, "MS-SSIM") == pytest.approx(two, abs=1e-4) != pytest.approx(most, abs=1e-3)


def test_perceptual_distance(people: Path, monkeypatch, capsys) -> None:
    path, digest = trunk("squeeze", people)
    options = ("--net", "squeeze", "--weights", path, "--weights-sha256", digest, "--dir", people / "made")
    status, printed, said = answer(perceptual, monkeypatch, capsys, *options, "--pairs", 2, "--rounds", 1)
    assert (status, said) == (0, "")
    # Distances by other weights than the published ones are named.
    name_of_measure = f"LPIPS 0.1 (squeeze, weights {digest[:8]})"
    assert figure(printed, name_of_measure) > 0 and "higher is more diverse" in printed
    found = [
        figure(answer(perceptual, monkeypatch, capsys, *options, "--against", people / name)[1], name_of_measure)
        for name in ("made", "real")
    ]
    assert found[0] == 0 < found[1]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--against", "real", "--workers", 1), mentions("pairs", "--workers")),
        (("--batch-size", 4), "unknown option --batch-size"),
    ],
)
def test_perceptual_takes_no_option_that_it_would_not_read(options, sentence: str, monkeypatch, capsys) -> None:
    status, printed, said = answer(perceptual, monkeypatch, capsys, "--dir", "made", *options)
    assert (status, printed) == (2, "") and re.search(sentence, said)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--dir", "nowhere"), "nowhere: no such folder of images"),
        (("--dir", "made/0002"), mentions("folder", "identity", "000.png")),
        (("--dir", "one"), mentions("identity", "images", 1)),
        (("--dir", "made", "--against", "one"), mentions("partner", "name", "0002/000")),
        (("--dir", "twice", "--against", "twice"), mentions("a.bmp", "a.png")),
        (("--dir", "made", "--against", "real", "--seed", "0"), "--seed belongs to the diversity"),
        (("--dir", "made", "--against", "real", "--workers", "1"), "--workers belongs to the diversity"),
        (("--dir", "one", "--against", "larger"), mentions(40, 20, 41)),
        (("--dir", "tiny", "--against", "tiny"), mentions("SSIM", 11, 9)),
    ],
)
def test_bad_input_is_one_sentence(options, sentence: str, people: Path, monkeypatch, capsys) -> None:
    write(people / "one/3/a.png", picture(0))
    write(people / "larger/3/a.png", picture(0, 41))
    write(people / "tiny/3/a.png", picture(0, 9, 9))
    for suffix in ("bmp", "png"):
        write(people / f"twice/3/a.{suffix}", picture(0))
    words = [word if word.startswith("--") or word.isdigit() else people / word for word in options]
    status, printed, said = answer(ssim, monkeypatch, capsys, *words)
    assert (status, printed) == (2, "") and re.search(sentence, said), said
    assert said.startswith("error: ") and said.count("\n") == 1
