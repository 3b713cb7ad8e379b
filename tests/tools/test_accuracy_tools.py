"""The table of DG-Net's embedding and that of direct transfer, as a user asks for them."""

import itertools
import json
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from dgnet.core import pixels
from dgnet.core.errors import UserError
from dgnet.data.cache import ImageCache
from dgnet.data.datasets import read_dataset
from dgnet.models.embedding import appearance_embedding
from eval.reid.feature_file import load_features
from eval.reid.ranking import rank_metrics
from tests.dgnet.small_generator import small_generator, store
from tests.eval.reid.sides import sides
from tests.messages import mentions
from tools import test_2label as two_labels
from tools import transfer

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("narrow")]


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A folder with outputs/small, a run after 7 iterations, and two data sets, the first with gt_bbox."""
    folder = tmp_path_factory.mktemp("place")
    random = np.random.default_rng(0)
    for name in ("here", "there"):
        for split, number in (("bounding_box_train", 0), ("query", 1), ("bounding_box_test", 2), ("gt_bbox", 3)):
            if (name, split) != ("there", "gt_bbox"):
                (folder / name / split).mkdir(parents=True)
                for identity, camera in itertools.product((1, 2, 3, 4), (1, 2)):
                    pixels = np.kron(random.integers(0, 255, (8, 6, 3)), np.ones((8, 8, 1)))
                    image = Image.fromarray(pixels.astype(np.uint8))
                    image.save(folder / name / split / f"{identity:04}_c{camera}s1_00000{number}_00.png")
    store(folder / "outputs" / "small", small_generator(3), 7)
    return folder


def run(main, place: Path, monkeypatch: pytest.MonkeyPatch, *words: str | Path) -> None:
    words = ("tool", "--output-path", place, "--device", "cpu", "--workers", "1", *words)
    monkeypatch.setattr(sys, "argv", [str(word) for word in words])
    assert main() == 0


def expected(place: Path, alpha: float) -> tuple[float, ...]:
    dataset, encoder = read_dataset(place / "here"), small_generator(3).appearance.eval()
    columns, embed = [], appearance_embedding(encoder, alpha)
    for records in (dataset.query, dataset.gallery):
        cache = ImageCache([record.path for record in records])
        with torch.no_grad():
            columns.append(embed(pixels.normalize(cache.gather(torch.arange(len(cache)), 64, 48))))
        columns += [torch.tensor([getattr(record, name) for record in records]) for name in ("identity", "camera")]
    result = rank_metrics(*sides(columns), protocol="dgnet", ranks=(1, 5, 10))
    return (*result.cmc.values(), result.mAP)


def test_the_official_table(place, monkeypatch, capsys) -> None:
    words = ("--name", "small", "--iteration", "7", "--data", place / "here")
    run(two_labels.main, place, monkeypatch, *words)
    printed = capsys.readouterr().out
    lines = re.findall(r"^Alpha:(\S+) Rank@1:(\S+) Rank@5:(\S+) Rank@10:(\S+) mAP:(\S+)$", printed, re.MULTILINE)
    assert [line[0] for line in lines] == ["0.00", "0.50", "-1.00"] * 2
    for line, alpha in zip(lines[:3], (0.0, 0.5, float("inf")), strict=True):
        assert [float(value) for value in line[1:]] == pytest.approx(expected(place, alpha), abs=1e-6)
    assert len({line[1:] for line in lines[:3]}) > 1
    assert "single query, protocol dgnet, re-ranking: none" in printed
    assert "single query, protocol dgnet, re-ranking: k-reciprocal k1=" in printed
    assert "multi" not in printed


def test_saved_features_and_several_images_of_a_query(place, monkeypatch, capsys, tmp_path) -> None:
    words = ("--name", "small", "--data", place / "here", "--multi", "--features", tmp_path / "both.npz")
    run(two_labels.main, place, monkeypatch, *words)
    first = capsys.readouterr().out
    assert first.count("Alpha:") == 12
    assert "multi query, protocol dgnet, re-ranking: none" in first
    stored = load_features(tmp_path / "both.npz")
    assert stored.network == "small after 7 iterations"
    assert (stored.preprocessing["height"], stored.preprocessing["flip"]) == (64, "added")
    assert stored.splits["query"].paths[0].startswith("query/")
    monkeypatch.setattr("eval.reid.dataset_features.features_of", None)  # nothing is extracted again
    run(two_labels.main, place, monkeypatch, *words)
    assert capsys.readouterr().out == first
    # Another data set's images are not taken for these.
    with pytest.raises(UserError, match=mentions("query/0001_c1s1_000001_00.png", "images", 16)):
        run(two_labels.main, place, monkeypatch, *words[:2], "--data", place / "there", *words[5:])


def test_the_image_alone(place, monkeypatch, capsys, tmp_path) -> None:
    words = ("--name", "small", "--data", place / "here", "--features", tmp_path / "both.npz")
    run(two_labels.main, place, monkeypatch, *words)
    usual = capsys.readouterr().out
    with pytest.raises(ValueError, match=mentions("'flip'", "'none'")):
        run(two_labels.main, place, monkeypatch, *words, "--no-mirrored")
    run(two_labels.main, place, monkeypatch, *words[:4], "--no-mirrored", "--features", tmp_path / "alone.npz")
    alone = capsys.readouterr().out
    assert usual.splitlines()[0].endswith("image and mirror image") and alone.splitlines()[0].endswith("image alone")
    stored = load_features(tmp_path / "alone.npz").splits["query"]
    cache, encoder = ImageCache([place / "here" / path for path in stored.paths]), small_generator(3).appearance.eval()
    with torch.no_grad():
        seen = encoder(pixels.normalize(cache.gather(torch.arange(len(cache)), 64, 48)))
    made = torch.cat([F.normalize(seen.primary.embedding), F.normalize(seen.fine.embedding)], dim=1)
    assert stored.features == pytest.approx(made.numpy(), abs=1e-2)
    # In direct transfer each way has files of its own, and the table says which it is.
    words = ("--network", "small", "--data", place / "here", "--save", tmp_path / "kept")
    for option, column in (("--mirrored", "added"), ("--no-mirrored", "none")):
        run(transfer.main, place, monkeypatch, *words, option)
        assert capsys.readouterr().out.splitlines()[1].split()[:3] == ["small", "here", column]
    assert len(list((tmp_path / "kept").glob("*.npz"))) == 2


def test_weights_that_changed_are_noticed(place, monkeypatch, tmp_path) -> None:
    words = ("--name", "small", "--data", place / "here", "--features", tmp_path / "both.npz")
    run(two_labels.main, place, monkeypatch, *words)
    shutil.copytree(place / "outputs", tmp_path / "outputs")
    store(tmp_path / "outputs" / "small", small_generator(4), 7)
    with pytest.raises(ValueError, match="must be of the weights"):
        run(two_labels.main, tmp_path, monkeypatch, *words)


def test_no_images_that_ask_together(place, monkeypatch) -> None:
    with pytest.raises(UserError, match=mentions("image", "split", "multi_query")):
        run(two_labels.main, place, monkeypatch, "--name", "small", "--data", place / "there", "--multi")


def test_the_table_of_direct_transfer(place, monkeypatch, capsys, tmp_path) -> None:
    words = ["--network", "small", "--data", place / "here", "--data", place / "there", "--save", tmp_path]
    run(transfer.main, place, monkeypatch, *words, "--json", tmp_path / "table.json")
    first = capsys.readouterr().out
    assert [line.split()[:2] for line in first.splitlines()[1:3]] == [["small", "here"], ["small", "there"]]
    rows = json.loads((tmp_path / "table.json").read_text())
    assert rows[0]["protocol"] == "standard"
    assert rows[0]["plain"]["reranking"] == "none"
    assert rows[0]["re-ranked"]["reranking"].startswith("k-reciprocal")
    assert f"{100 * rows[1]['plain']['mAP']:.2f}" in first.splitlines()[2]
    files = sorted(tmp_path.glob("*.npz"))
    assert len(files) == 2
    # From the saved files alone: neither network nor images.
    run(transfer.main, place, monkeypatch, *(word for file in files for word in ("--features", file)))
    assert capsys.readouterr().out == first
    monkeypatch.setattr("eval.reid.dataset_features.features_of", None)
    run(transfer.main, place, monkeypatch, *words)
    assert capsys.readouterr().out == first


@pytest.mark.parametrize("how", ["copy", "link", "features"])
def test_one_data_set_under_two_names_is_no_second_domain(place, monkeypatch, capsys, tmp_path, how: str) -> None:
    again = tmp_path / "again"
    again.symlink_to(place / "here") if how == "link" else shutil.copytree(place / "here", again)
    words = [["--network", "small", "--data", root] for root in (place / "here", again)]
    if how == "features":
        for number, one in enumerate(words):
            run(transfer.main, place, monkeypatch, *one, "--save", tmp_path / str(number))
        words = [["--features", next((tmp_path / str(number)).iterdir())] for number in (0, 1)]
    else:
        words[1] = words[1][2:]
    capsys.readouterr()
    with pytest.raises(UserError, match=mentions("here", "again", "same test images")):
        run(transfer.main, place, monkeypatch, *words[0], *words[1])
    assert not re.search("small .*here", capsys.readouterr().out)  # before any row


def test_images_that_two_data_sets_share_are_counted(place, monkeypatch, caplog, tmp_path) -> None:
    shutil.copytree(place / "here", tmp_path / "more")
    other = next((place / "there" / "query").iterdir())
    shutil.copyfile(other, tmp_path / "more" / "query" / "0001_c1s1_999999_00.png")
    run(transfer.main, place, monkeypatch, "--network", "small", "--data", place / "here", "--data", tmp_path / "more")
    count = sum(len(list((place / "here" / split).iterdir())) for split in ("query", "bounding_box_test"))
    assert re.search(mentions(f"{count} of {count + 1} test images", "more", "here"), caplog.text)


def test_few_images_have_a_reranking_of_their_own(place, monkeypatch, capsys, tmp_path) -> None:
    shutil.copytree(place / "here", tmp_path / "few")
    for file in (tmp_path / "few" / "query").glob("*"):
        if not file.name.startswith("0001_c1"):
            file.unlink()
    for file in (tmp_path / "few" / "bounding_box_test").glob("*"):
        if not file.name.startswith("0001_c2"):
            file.rename(file.with_name(f"-1{file.name[4:]}"))
    words = ["--network", "small", "--data", place / "here", "--data", tmp_path / "few"]
    run(transfer.main, place, monkeypatch, *words)
    table = capsys.readouterr().out
    # One query and one gallery image beside junk.
    assert "rr: k-reciprocal k1=15 k2=6 lambda=0.3 or k-reciprocal k1=1 k2=2 lambda=0.3" in table
    run(two_labels.main, place, monkeypatch, "--name", "small", "--data", tmp_path / "few")
    assert "re-ranking: k-reciprocal k1=1 k2=2 lambda=0.3" in capsys.readouterr().out


def test_transfer_of_nothing(place, monkeypatch, tmp_path) -> None:
    with pytest.raises(UserError, match=mentions("--network", "--data", "--features")):
        run(transfer.main, place, monkeypatch, "--network", "small")
    np.savez(tmp_path / "other.npz", a=np.zeros(1))
    with pytest.raises(ValueError, match="must be a file of features"):
        run(transfer.main, place, monkeypatch, "--features", tmp_path / "other.npz")


def test_another_data_set_of_the_same_name_has_a_row_of_its_own(place, monkeypatch, capsys, tmp_path) -> None:
    shutil.copytree(place / "there", tmp_path / "here")
    alone = ["--network", "small", "--data", tmp_path / "here"]
    run(transfer.main, place, monkeypatch, *alone)
    truth = capsys.readouterr().out.splitlines()[1].split()
    words = ["--network", "small", "--data", place / "here", "--data", tmp_path / "here", "--save", tmp_path / "kept"]
    for _ in range(2):  # extracted, then read
        run(transfer.main, place, monkeypatch, *words)
        rows = [line.split() for line in capsys.readouterr().out.splitlines()[1:3]]
        named = [f"({root / 'here'})" for root in (place, tmp_path)]  # beside the name that they share
        assert [row.pop(2) for row in rows] == named and rows[1] == truth != rows[0]
    # Files that change keep their names, not their features.
    for file in (tmp_path / "here" / "bounding_box_test").iterdir():
        Image.open(file).transpose(Image.Transpose.FLIP_TOP_BOTTOM).save(file)
    run(transfer.main, place, monkeypatch, *alone)
    flipped = capsys.readouterr().out.splitlines()[1].split()
    run(transfer.main, place, monkeypatch, *words)
    row = capsys.readouterr().out.splitlines()[2].split()
    assert row[:2] + row[3:] == flipped != truth


def test_saved_features_of_changed_files_are_refused(place, monkeypatch, tmp_path) -> None:
    shutil.copytree(place / "here", tmp_path / "here")
    words = ("--name", "small", "--data", tmp_path / "here", "--features", tmp_path / "both.npz")
    run(two_labels.main, place, monkeypatch, *words)
    changed = tmp_path / "here" / "query" / "0003_c2s1_000001_00.png"
    Image.new("RGB", (48, 64)).save(changed)
    with pytest.raises(UserError, match=mentions("both.npz", f"query/{changed.name}", 16)):
        run(two_labels.main, place, monkeypatch, *words)
