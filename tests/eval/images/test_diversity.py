"""Intra-identity diversity against scikit-image, pair by pair."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.color import rgb2lab
from skimage.metrics import structural_similarity

from eval.image_files import files_by_folder
from eval.images import diversity as diversity_module
from eval.images.diversity import DISSIMILARITY, DSSIM, diversity, drawn_pairs
from tests.eval.images.small_files import picture, write, write_set
from tests.messages import mentions


@pytest.fixture(autouse=True)
def small_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diversity_module, "HEIGHT", 24)
    monkeypatch.setattr(diversity_module, "WIDTH", 12)


def people(folder: Path) -> dict[str, list[Path]]:
    write_set(folder / "0002", 3, seed=1)
    write_set(folder / "0005", 5, seed=2, height=50, width=26)
    write_set(folder / "0009", 1, seed=3)
    return files_by_folder(folder)


def obvious_dssim(first: Path, second: Path) -> float:
    planes = [
        rgb2lab(np.asarray(Image.open(path).resize((12, 24), Image.Resampling.BICUBIC))) for path in (first, second)
    ]
    return (1 - structural_similarity(*planes, channel_axis=2, data_range=100)) / 2


def test_dssim_in_lab_is_scikit_images(tmp_path: Path) -> None:
    groups = people(tmp_path)
    found = diversity(groups, (DSSIM, DISSIMILARITY), pairs=4, rounds=3)
    result = found["DSSIM in Lab"]
    rounds = []
    for number in range(3):
        values = []
        for identity in ("0002", "0005"):
            files = groups[identity]
            for a, b in drawn_pairs(identity, len(files), 4, 3, 0)[number]:
                values.append(obvious_dssim(files[a], files[b]))
        rounds.append(np.mean(values))
    # The resize rounds a half up or down as it likes: a gray level in some pixels.
    assert result.of_rounds == pytest.approx(rounds, abs=2e-3)
    assert result.midpoint == pytest.approx((max(rounds) + min(rounds)) / 2, abs=2e-3)
    assert result.half_range == pytest.approx((max(rounds) - min(rounds)) / 2, abs=2e-3)
    assert result.half_range > 4e-3 and 0.1 < result.mean < 0.6
    assert (result.identities, result.skipped, result.pairs) == (2, 1, 24)
    assert abs(found["1 - SSIM"].mean / 2 - result.mean) > 5e-3, "Lab is told from RGB"


def test_at_the_size_of_the_files_it_is_exact(tmp_path: Path) -> None:
    files = [write(tmp_path / "7" / f"{number}.png", picture(number, 24, 12)) for number in range(2)]
    found = diversity({"7": files}, pairs=1, rounds=1)["DSSIM in Lab"]
    assert found.mean == pytest.approx(obvious_dssim(*files), abs=1e-9)
    assert found.half_range == 0


def test_pairs_are_pure_functions_of_their_arguments() -> None:
    pairs = drawn_pairs("0002", 6, 50, 4, 0)
    assert (pairs[..., 0] != pairs[..., 1]).all() and pairs.min() == 0 and pairs.max() == 5
    counts = np.zeros((6, 6), int)
    for a, b in drawn_pairs("0002", 6, 3000, 1, 0)[0]:
        counts[a, b] += 1
    assert counts.diagonal().sum() == 0 and counts[~np.eye(6, dtype=bool)].min() > 60, "each pair as likely"
    assert np.array_equal(pairs[:2], drawn_pairs("0002", 6, 50, 2, 0))
    assert not np.array_equal(pairs[0], pairs[1])
    for other in (drawn_pairs("0003", 6, 50, 4, 0), drawn_pairs("0002", 6, 50, 4, 1)):
        assert not np.array_equal(pairs, other)


def test_order_and_workers_change_nothing(tmp_path: Path) -> None:
    groups = people(tmp_path)
    first = diversity(groups, pairs=3, rounds=2, workers=1)["DSSIM in Lab"]
    second = diversity(dict(reversed(groups.items())), pairs=3, rounds=2, workers=3)["DSSIM in Lab"]
    assert np.array_equal(first.of_rounds, second.of_rounds)


def test_only_images_of_a_drawn_pair_are_read(tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.png" for number in range(200)]
    for place in np.unique(drawn_pairs("1", len(files), 3, 2, 0)):
        write(files[place], picture(int(place)))
    assert diversity({"1": files}, pairs=3, rounds=2)["DSSIM in Lab"].mean > 0.1


def test_images_that_are_all_alike_have_no_diversity(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        write(tmp_path / "1" / f"{name}.png", picture(0))
    found = diversity(files_by_folder(tmp_path), (DSSIM, DISSIMILARITY))
    assert found["DSSIM in Lab"].mean == pytest.approx(0, abs=1e-12) == found["1 - SSIM"].mean


def test_bad_input_is_one_sentence(tmp_path: Path) -> None:
    alone = {"1": [write(tmp_path / "a.png", picture(0))]}
    with pytest.raises(ValueError, match=mentions("identity", "images", 1)):
        diversity(alone)
    with pytest.raises(ValueError, match=mentions("pairs", 1, 0, 5)):
        diversity(alone, pairs=0)
    (tmp_path / "b.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match="b.png: not a readable image"):
        diversity({"1": [*alone["1"], tmp_path / "b.png"]})
    with pytest.raises(ValueError, match=mentions("'4'", 1)):
        drawn_pairs("4", 1, 2, 2, 0)
