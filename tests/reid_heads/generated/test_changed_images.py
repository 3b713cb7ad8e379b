"""Generated images that are not those of their set's manifest any more."""

import json
import shutil
from pathlib import Path

import pytest

from dgnet.core.checkpoint import file_hash
from dgnet.core.errors import UserError
from dgnet.data.datasets import read_dataset
from dgnet.generation.paths import content as images_of
from reid_heads.config import GeneratedConfig, ReIDConfig
from reid_heads.generated.filters import FilterConfig
from reid_heads.generated.sources import StoredImages, open_generated
from tests.dgnet.data.photographs import MARKET, write_image
from tests.messages import mentions


def generated_set(place: Path) -> tuple[Path, Path]:
    """People 1 and 2 with an image each, and a set of two images of each."""
    people, made = place / "people", place / "made"
    rows = []
    for identity in (1, 2):
        write_image(people / f"000{identity}" / f"{identity}.bmp")
        for index in (0, 1):
            path = made / "images" / f"000{identity}" / f"000{identity}_{index}.bmp"
            write_image(path)
            rows.append(f"{path.relative_to(made)},{identity},{3 - identity},{file_hash(path)},0.9\n")
    columns = "path,appearance_identity,structure_identity,sha256,diversity\n"
    (made / "manifest.csv").write_text(columns + "".join(rows))
    (made / "set.json").write_text("{}")
    return people, made


def config(source: Path, **more: object) -> GeneratedConfig:
    return ReIDConfig().generated.model_copy(update={"source": source, **more})


@pytest.mark.parametrize("named", ["", "manifest.csv", "images", "images/0002"])
@pytest.mark.parametrize("filtered", [False, True])
def test_a_replaced_image_is_not_learned_from(named: str, filtered: bool, tmp_path: Path) -> None:
    """One person's image under another's name, of the same size in bytes, was learned with the label of before."""
    people, made = generated_set(tmp_path)
    filters = (FilterConfig(score="diversity", least=0.5),) if filtered and "images" not in named else ()
    source, dataset = config(made / named, filters=filters), read_dataset(people)
    before = open_generated(source, dataset)
    assert isinstance(before, StoredImages) and len(before) == (2 if named.endswith("2") else 4)
    changed = made / "images/0002/0002_0.bmp"
    size = changed.stat().st_size
    shutil.copy(made / "images/0001/0001_0.bmp", changed)
    assert changed.stat().st_size == size
    with pytest.raises(UserError, match=mentions("0002/0002_0.bmp", "changed", "manifest.csv", "sha256")):
        open_generated(source, dataset)


def test_a_set_that_is_not_finished_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Or one whose manifest was cut off: fewer images, without a word."""
    people, made = generated_set(tmp_path)
    plan = "appearance,structure,file\n" + "".join(f"a{n},b{n},images/{n}.bmp\n" for n in range(4))
    (made / ".progress").mkdir()
    (made / ".progress" / "plan.csv").write_text(plan)
    open_generated(config(made), read_dataset(people))
    assert not caplog.text
    lines = (made / "manifest.csv").read_text().splitlines(keepends=True)
    (made / "manifest.csv").write_text("".join(lines[:-1]))
    open_generated(config(made), read_dataset(people))
    assert f"{made} holds 3 of 4 planned images" in caplog.text


def test_a_list_without_hashes_means_the_images_as_they_are(tmp_path: Path) -> None:
    people, made = generated_set(tmp_path)
    shutil.copy(made / "images/0001/0001_0.bmp", made / "images/0002/0002_0.bmp")
    mine = made / "mine.csv"
    mine.write_text("path,appearance_identity\nimages/0001/0001_0.bmp,1\nimages/0002/0002_0.bmp,1\n")
    images = open_generated(config(mine), read_dataset(people))
    assert isinstance(images, StoredImages) and images.appearance.tolist() == [0, 0]


def test_a_list_elsewhere_is_compared_with_its_own_hashes(tmp_path: Path) -> None:
    people, made = generated_set(tmp_path)
    image = made / "images/0001/0001_0.bmp"
    mine = tmp_path / "mine.csv"
    mine.write_text(f"path,identity,sha256\n{image},1,{file_hash(image).upper()}\n")
    assert isinstance(open_generated(config(mine), read_dataset(people)), StoredImages)
    mine.write_text(f"path,identity,sha256\n{image},1,{'0' * 64}\n")
    with pytest.raises(UserError, match=mentions(image, "mine.csv")):
        open_generated(config(mine), read_dataset(people))


def real_images(place: Path, kind: str) -> Path:
    """Images of the data set MARKET in `place` as a source of generated ones."""
    people, other = place / "Market-1501", place / "other"
    if kind == "a copy":
        return shutil.copytree(people / "bounding_box_train", other)
    if kind == "a link":
        other.symlink_to(people / "bounding_box_train")
        return other
    if kind == "a list":
        rows = [f"{path},2\n" for path in (people / "bounding_box_train").glob("0002*")]
        (place / "list.csv").write_text("path,identity\n" + "".join(rows))
        return place / "list.csv"
    if kind == "one among others":
        write_image(other / "0002_generated.png")
        shutil.copy(people / "bounding_box_train" / "0002_c1s1_000451_03.png", other / "0002_other_name.png")
        return other
    return people / kind


@pytest.mark.parametrize(
    ("kind", "count"),
    [
        ("bounding_box_train", "6 of its 6"),
        ("bounding_box_test", "5 of its 5"),
        ("query", "2 of its 2"),
        ("a copy", "6 of its 6"),
        ("a link", "6 of its 6"),
        ("a list", "2 of its 2"),
        ("one among others", "1 of its 2"),
    ],
)
def test_images_of_the_data_set_are_not_generated(kind: str, count: str, tmp_path: Path) -> None:
    """They were learned from twice, the test's, too, with whatever weight and label generated images have."""
    for folder, names in MARKET.items():
        for name in names:
            write_image(tmp_path / "Market-1501" / folder / name)
    source = config(real_images(tmp_path, kind), label="lsro")
    dataset = read_dataset(tmp_path / "Market-1501")
    with pytest.raises(UserError, match=mentions("generated.source", count, str(tmp_path / "Market-1501"))):
        open_generated(source, dataset)


@pytest.mark.parametrize("named", ["", "images", "manifest.csv"])
def test_a_set_that_was_generated_from_another_data_set_is_said(
    named: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Both had people 1 and 2, and the swaps of one pair were learned as those of the other."""
    people, made = generated_set(tmp_path)
    data = {"root": str(people), "content_sha256": images_of(read_dataset(people))}
    recipe = {"image": {"height": 1, "width": 1}, "plans": [0], "generator": {}, "labels": {}, "data": data}
    (made / "set.json").write_text(json.dumps(recipe))
    open_generated(config(made / named), read_dataset(people))
    assert not caplog.text
    for identity in (1, 2):
        write_image(tmp_path / "others" / f"000{identity}" / f"other_{identity}.bmp")
    others = read_dataset(tmp_path / "others")
    open_generated(config(made / named, label="lsro"), others)
    assert not caplog.text
    open_generated(config(made / named), others)
    assert f"{made} was generated from other images ({people}) than those of {tmp_path / 'others'}" in caplog.text
