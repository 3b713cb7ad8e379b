"""The audit for copies: planted copies are found, however lightly altered, and chance is what it says."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance

from dgnet.core import pixels
from eval.images import memorization
from eval.images.memorization import memorization_audit, nearest_distances, thumbnails
from eval.images.memorization_metrics import audited
from tests.messages import mentions

HEIGHT, WIDTH = 64, 32


def pictures(seed: int, count: int) -> np.ndarray:
    """Smooth random colors with some noise: alike among each other as photographs of people are not, nearly."""
    random = np.random.default_rng(seed)
    made = []
    for colors in random.integers(30, 226, (count, 8, 4, 3)).astype(np.uint8):
        smooth = np.asarray(Image.fromarray(colors).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC))
        made.append(np.clip(smooth + random.normal(0, 8, smooth.shape), 0, 255).astype(np.uint8))
    return np.stack(made)


def jpeg(image: Image.Image) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=30)
    return Image.open(io.BytesIO(file.getvalue())).convert("RGB")


def shifted(image: Image.Image, right: int, down: int) -> Image.Image:
    around = np.pad(np.asarray(image), ((2, 2), (2, 2), (0, 0)), mode="edge")
    return Image.fromarray(around[2 - down : 2 - down + HEIGHT, 2 - right : 2 - right + WIDTH])


MIRROR = Image.Transpose.FLIP_LEFT_RIGHT
ALTERED = {
    "as it is": lambda image: image,
    "JPEG": jpeg,
    "shifted by 1": lambda image: shifted(image, 1, -1),
    "shifted by 2": lambda image: shifted(image, 0, 2),
    "mirrored": lambda image: image.transpose(MIRROR),
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.3),
    "darker": lambda image: ImageEnhance.Brightness(image).enhance(0.6),
    "more contrast": lambda image: ImageEnhance.Contrast(image).enhance(1.3),
    "half as large": lambda image: image.resize((WIDTH // 2, HEIGHT // 2), Image.Resampling.BICUBIC),
    "all of it": lambda image: jpeg(ImageEnhance.Brightness(shifted(image.transpose(MIRROR), 1, 1)).enhance(1.2)),
}
TRAINING, HELD_OUT = pictures(0, 120), pictures(1, 120)


@pytest.mark.parametrize("altered", ALTERED)
def test_planted_copies_are_found(altered: str) -> None:
    sources = np.arange(0, 120, 9)
    copies = [np.asarray(ALTERED[altered](Image.fromarray(TRAINING[source]))) for source in sources]
    own = pictures(2, 60)
    size = copies[0].shape[:2]
    made = np.stack([*copies, *(np.asarray(Image.fromarray(image).resize(size[::-1])) for image in own)])
    audit = memorization_audit(made, TRAINING, HELD_OUT, workers=1)
    assert audit.suspected[: len(copies)].all()
    assert (audit.nearest[: len(copies)] == sources).all()
    assert set(audit.nearest_first[: len(copies)].tolist()) == set(range(len(copies)))
    assert audit.suspected[len(copies) :].sum() <= 3


def test_distances_are_the_obvious_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    points, among = pictures(3, 5), pictures(4, 7)

    def thumbnail(image: np.ndarray) -> np.ndarray:
        return pixels.resize(torch.from_numpy(image).permute(2, 0, 1)[None], 16, 8)[0].numpy().astype(float)

    def distance(one: np.ndarray, other: np.ndarray) -> float:
        small, known = thumbnail(one), thumbnail(other)
        return min(1 - np.corrcoef(small.ravel(), side.ravel())[0, 1] for side in (known, known[:, :, ::-1]))

    expected = np.array([[distance(point, other) for other in among] for point in points])
    assert expected.min() > 0.1 and expected.max() < 1.5
    found, which = nearest_distances(thumbnails(points, workers=1), thumbnails(among, workers=1))
    assert found == pytest.approx(expected.min(axis=1), abs=1e-6)
    assert which.tolist() == expected.argmin(axis=1).tolist()
    monkeypatch.setattr("eval.reid.distance._BLOCK_ELEMENTS", 14)
    again = nearest_distances(thumbnails(points, workers=1, batch=2), thumbnails(among, workers=1))
    assert (again[0] == found).all() and (again[1] == which).all()


@pytest.mark.parametrize(("images", "rank"), [(5, 1), (98, 1), (99, 1), (199, 2), (1000, 10)])
def test_the_threshold_and_its_alarm_rate(images: int, rank: int, monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).permutation(np.arange(1, images + 1) / images)
    made = np.array([rank / images - 1e-9, rank / images])
    sides = iter([(values, np.zeros(images, int)), (made, np.zeros(2, int))])
    monkeypatch.setattr(memorization, "nearest_distances", lambda points, among: next(sides))
    monkeypatch.setattr(memorization, "thumbnails", lambda images, **options: images)
    audit = memorization_audit([], [], [])
    assert audit.threshold == rank / images
    assert audit.alarm_rate == rank / (images + 1) and (images < 99 or audit.alarm_rate <= 0.01)
    assert audit.suspected.tolist() == [True, False]


def test_an_image_of_one_color_is_no_copy() -> None:
    gray = np.full((1, HEIGHT, WIDTH, 3), 90, np.uint8)
    audit = memorization_audit(gray, TRAINING, HELD_OUT, workers=1)
    assert audit.distances.tolist() == [1.0] and not audit.suspected.any()


def test_held_out_images_that_are_training_images_are_refused() -> None:
    with pytest.raises(ValueError, match=mentions("held-out", 2, 30, 7)):
        mixed = np.concatenate([HELD_OUT[:30], TRAINING[7:9]])
        memorization_audit(TRAINING[:3], TRAINING, mixed, workers=1)


def test_the_report_lists_the_nearest_pairs_and_what_chance_would_do(tmp_path: Path) -> None:
    files: dict[str, list[Path]] = {"training": [], "held_out": [], "made": []}
    for name, images in (("training", TRAINING[:40]), ("held_out", HELD_OUT[:40]), ("made", pictures(2, 20))):
        for number, image in enumerate(images):
            files[name].append(tmp_path / f"{name}_{number:03}.png")
            Image.fromarray(image).save(files[name][-1])
    Image.fromarray(TRAINING[5]).transpose(MIRROR).save(files["made"][11])
    audit, metrics, section = audited(files["made"], files["training"], files["held_out"], workers=1)
    share, of_made, of_held_out = metrics
    assert (share.name, share.unit, share.better) == ("suspected copies", "%", "lower")
    assert share.value == 100 * audit.suspected.sum() / 20 and share.value >= 5
    assert "chance takes 2.4 % of held-out images" in share.note and "here 0.5" in share.note
    assert share.protocol.startswith("20 against 40 training images, 40 held out")
    assert of_made.value == np.median(audit.distances) and of_held_out.value == np.median(audit.held_out)
    page = str(section.body)
    assert page.index("made_011.png") < page.index("training_005.png") < page.index("made_0", page.index("ing_005"))
    with pytest.raises(ValueError, match="held-out"):
        audited(files["made"], files["training"], [], workers=1)
