"""Sets of images: what two have in common is said, and whether saved statistics are those of today's images."""

import logging
from pathlib import Path

import numpy as np
import pytest
from torch import Tensor

from dgnet.core.checkpoint import file_hash
from dgnet.core.errors import UserError
from eval import fid, kid, lpips
from eval.extractor import Extractor
from eval.images import inception
from eval.images.frechet import save_statistics
from eval.images.image_sets import read_set
from eval.images.set_metrics import set_metrics
from tests.eval.images.small_files import picture, write, write_set

EXTRACTOR = Extractor("mean colors", lambda image: image.float().mean((1, 2)), lambda colors: colors)


def metric(real: Path, generated: Path) -> tuple[float, str]:
    both = (read_set(path, EXTRACTOR) for path in (real, generated))
    found = set_metrics(*both, EXTRACTOR, kid=False, precision_and_recall=False)
    return found[0].value, found[0].note


@pytest.fixture
def sets(tmp_path: Path) -> tuple[Path, Path]:
    return write_set(tmp_path / "real", 6, seed=1), write_set(tmp_path / "made", 5, seed=2)


def test_two_sets_that_have_nothing_in_common(sets: tuple[Path, Path], caplog: pytest.LogCaptureFixture) -> None:
    value, note = metric(*sets)
    assert value > 0 and "images are" not in note and "are the same" not in note
    assert "images are in" not in caplog.text


def test_an_extractor_that_tells_no_images_apart_measures_nothing(sets: tuple[Path, Path]) -> None:
    """A collapsed network made two different sets alike: distance 0, precision and recall 100 %."""
    blind = Extractor("blind", lambda image: image.float().mean((1, 2)), lambda colors: 0 * colors + 0.3)
    with pytest.raises(UserError, match="blind tells no images apart"):
        set_metrics(*(read_set(path, blind) for path in sets), blind)
    # A generator that collapsed is another thing: it is measured, as far away.
    one = np.stack([picture(1)] * 4)
    assert set_metrics(read_set(sets[0], EXTRACTOR), read_set(one, EXTRACTOR), EXTRACTOR, kid=False)[0].value > 0


def test_one_set_twice_and_sets_that_overlap(
    sets: tuple[Path, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    real, made = sets
    copy = tmp_path / "copy"
    for number, path in enumerate(sorted(real.iterdir())):
        (copy / "deep").mkdir(parents=True, exist_ok=True)
        (copy / "deep" / f"other name {number}.png").write_bytes(path.read_bytes())
    for other in (real, copy):
        value, note = metric(real, other)
        assert value == pytest.approx(0, abs=1e-9) and f"{real} and {other} are the same images" in note
    # A generated set inside the real one is read as a part of it.
    made.rename(real / "made")
    assert f"5 images are in {real} and in {real / 'made'}" in metric(real, real / "made")[1]
    assert "5 images are in" in caplog.text
    arrays = np.stack([picture(seed) for seed in range(4)])
    assert not read_set(arrays, EXTRACTOR).hashes


def test_copies_within_a_set_are_said(
    sets: tuple[Path, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A folder above train_all and train holds each image twice: with copies as neighbors density was 0."""
    real, made = sets
    assert "copies" not in metric(real, made)[1]
    for path in sorted(real.iterdir()):
        (tmp_path / "above" / "again").mkdir(parents=True, exist_ok=True)
        for folder in ("above", "above/again"):
            (tmp_path / folder / path.name).write_bytes(path.read_bytes())
    words = f"6 of 12 images of {tmp_path / 'above'} are copies of others"
    for pair in ((tmp_path / "above", made), (made, tmp_path / "above")):
        caplog.clear()
        assert words in metric(*pair)[1] and words in caplog.text


def test_saved_statistics_know_their_images(
    sets: tuple[Path, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    real, made = sets
    saved = tmp_path / "real.npz"
    save_statistics(read_set(real, EXTRACTOR).statistics, saved)
    assert "are the same images" in metric(saved, real)[1]
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        expected = metric(saved, made)
    assert "changed" not in caplog.text
    write(real / "000.png", picture(77))
    assert metric(saved, made) == expected
    assert f"{saved}: the images of {real} have changed since" in caplog.text
    # Gone, they cannot be looked at.
    caplog.clear()
    real.rename(tmp_path / "elsewhere")
    assert metric(saved, made) == expected and "changed" not in caplog.text


def test_features_of_other_weights_have_another_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "other.pth"
    file.write_bytes(b"weights")

    class Network:
        def to(self, device: object) -> "Network":
            return self

        def eval(self) -> "Network":
            return self

        def __call__(self, images: Tensor) -> Tensor:
            return images

    monkeypatch.setattr(inception, "published_weights", lambda *_: {})
    monkeypatch.setattr(inception, "_network", lambda _: Network())
    names = {
        inception.inception_extractor("clean").name,
        inception.inception_extractor("clean", weights=file).name,
        inception.inception_extractor("clean", weights=file, sha256="ab12").name,
    }
    (other,) = [name for name in names if ", weights " in name]
    assert len(names) == 2 and other.endswith(f", weights {file_hash(file)[:8]})")


PICTURES = np.stack([picture(seed) for seed in range(3)])


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (PICTURES.astype(np.float32), "uint8.*float32"),
        (PICTURES[:1], "two images.*1"),
        ([Path("nowhere.png"), Path("nowhere.png")], "nowhere.png"),
    ],
)
@pytest.mark.parametrize("measure", [fid, kid])
def test_what_is_no_set_is_refused_before_weights_are_asked_for(measure, wrong, named: str, tmp_path: Path) -> None:
    nowhere = Path("nowhere.pth")
    for name, pair in (("real", (wrong, PICTURES)), ("generated", (PICTURES, wrong))):
        with pytest.raises(UserError, match=f"^{name}.*{named}"):
            measure(*pair, weights=nowhere)
    with pytest.raises(UserError, match="nowhere.pth"):
        measure(PICTURES, PICTURES, weights=nowhere)
    save_statistics(read_set(PICTURES, EXTRACTOR).statistics, tmp_path / "colors.npz")
    with pytest.raises(UserError, match=r"colors\.npz.*2048.* 3$"):
        measure(tmp_path / "colors.npz", PICTURES, weights=nowhere)
    with pytest.raises(UserError, match="^first must be images.*32 pixels"):
        lpips(PICTURES[:2], PICTURES, trunk=nowhere)
