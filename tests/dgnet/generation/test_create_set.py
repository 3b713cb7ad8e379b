"""Sets hold what their plan says, whatever interrupts them, and nothing that is there is ever changed."""

import csv
import json
import shutil
from collections import Counter

import numpy as np
import pytest
import torch
from PIL import Image

from dgnet.core import pixels
from dgnet.core.checkpoint import file_hash, load_checkpoint, save_checkpoint
from dgnet.core.errors import UserError
from dgnet.core.images import read_image
from dgnet.data.datasets import read_dataset
from dgnet.data.readers.generated import read_generated
from dgnet.generation import writer
from dgnet.generation.audit import audited_set
from dgnet.generation.create_set import CreatedSet, create_set
from dgnet.generation.load import find_generator
from dgnet.generation.scores import sharpness
from dgnet.generation.verify import verify
from dgnet.generation.writer import process_positions
from dgnet.models.model_file import read_model_file
from tests.dgnet.generation.small_run import request, write_people, write_run
from tests.messages import mentions

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("narrow")]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = tmp_path_factory.mktemp("work")
    write_run(place)
    return place


@pytest.fixture(scope="module")
def whole(place):
    """A finished set of 40 images."""
    create_set(request(place, place / "whole", count=40))
    return place / "whole"


@pytest.fixture(scope="module")
def scored(place):
    """A finished set of 10 images with labels and scores."""
    create_set(request(place, place / "scored", count=10, no_scores=False))
    return place / "scored"


def rows(folder):
    with (folder / "manifest.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def images(folder):
    """The files of a set with their bytes."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in (folder / "images").rglob("*.*")}


def test_a_set_is_what_its_manifest_says(place, whole):
    stored, people = find_generator("small", place), place / "people"
    assert stored.iteration == 8
    found = rows(whole)
    assert len(found) == 40 == len({(row["appearance"], row["structure"]) for row in found})
    # Twelve training images: each lends its appearance three times or so.
    assert set(Counter(row["appearance"] for row in found).values()) <= {2, 3, 4}
    for row in found[::7]:
        appearance, structure = (
            pixels.normalize(read_image(people / row[role])[None]) for role in ("appearance", "structure")
        )
        with torch.no_grad():
            expected = pixels.to_uint8(stored.network(appearance, structure))[0].permute(1, 2, 0).numpy()
        made = read_image(whole / row["path"]).permute(1, 2, 0).numpy()
        assert np.abs(made.astype(int) - expected).max() <= 1
        assert row["sha256"] == file_hash(whole / row["path"])
        assert row["checkpoint"] == file_hash(place / "outputs/small/checkpoints/checkpoint_00000008.pt")
        identities = [int(row[role].split("/")[1][:4]) for role in ("appearance", "structure")]
        assert [int(row["appearance_identity"]), int(row["structure_identity"])] == identities
        assert int(row["identity"]) == identities[0] and row["structure_camera"] == row["camera"]
        assert row["structure"].split("_c")[1][0] == row["camera"]


def test_scores_are_the_teachers_and_the_discriminators(place, scored):
    teacher = read_model_file(place / "outputs/small_teacher/teacher.pth")
    row = rows(scored)[7]
    image = pixels.normalize(read_image(scored / row["path"])[None])
    with torch.no_grad():
        views = [teacher.network(view).mean_logits.softmax(1)[0] for view in (image, image.flip(3))]
    expected = dict(zip(teacher.identities, ((views[0] + views[1]) / 2).tolist(), strict=True))
    label = {int(part.split(":")[0]): float(part.split(":")[1]) for part in row["soft_label"].split()}
    assert label == pytest.approx(expected, abs=1e-3) and list(label.values()) == sorted(label.values(), reverse=True)
    assert float(row["identity_consistency"]) == label[int(row["identity"])]
    assert row["realism"] and float(row["sharpness"]) > 0
    assert len({row["realism"] for row in rows(scored)}) > 1


def test_sharpness_falls_when_an_image_is_blurred():
    image = torch.randint(0, 256, (1, 3, 20, 20), dtype=torch.uint8)
    blurred = torch.nn.functional.avg_pool2d(image.float(), 3, 1, 1).to(torch.uint8)
    flat = torch.full_like(image, 90)
    assert sharpness(image) > 10 * sharpness(blurred) > sharpness(flat) == 0
    gray = image[0].double().mean(0)
    edges = [
        sum(gray[y + a, x + b] for a, b in ((0, 1), (1, 0), (0, -1), (-1, 0))) - 4 * gray[y, x]
        for y in range(1, 19)
        for x in range(1, 19)
    ]
    assert float(sharpness(image)) == pytest.approx(float(torch.stack(edges).var(correction=0)), rel=1e-4)


def test_readers_take_a_set_as_it_is(whole):
    found = read_generated(whole)
    assert len(found) == 40 and {record.appearance for record in found} == {3, 5, 8}
    assert {record.structure for record in found} == {3, 5, 8}
    for dataset in (read_dataset(whole), read_dataset(whole / "images", "folders")):
        people = {record.path.name: (record.identity, record.camera) for record in dataset.train}
        assert people == {row["path"].split("/")[-1]: (int(row["identity"]), int(row["camera"])) for row in rows(whole)}


@pytest.mark.parametrize(
    "options", [{"batch_size": 3, "threads": 1, "memory": 1e-6}, {"batch_size": 500, "threads": 5}]
)
def test_the_same_set_from_any_batch_threads_and_memory(place, whole, tmp_path, options):
    create_set(request(place, tmp_path / "set", count=40, **options))
    assert images(tmp_path / "set") == images(whole) and rows(tmp_path / "set") == rows(whole)


def test_the_same_scores_from_any_batch(place, scored, tmp_path):
    create_set(request(place, tmp_path / "set", count=10, no_scores=False, batch_size=1))
    assert rows(tmp_path / "set") == rows(scored)


def test_an_interrupted_set_is_resumed_to_the_same(place, whole, tmp_path, monkeypatch, caplog):
    true, written = writer.ImageWriter.write, []

    def interrupted(self, path, image):
        if len(written) == 20:
            raise KeyboardInterrupt
        written.append(path)
        return true(self, path, image)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(writer.ImageWriter, "write", interrupted)
        create_set(request(place, tmp_path / "set", count=40))
    assert verify(tmp_path / "set").images == 20 and verify(tmp_path / "set").problems == ()
    # Killed between a file and its line, and within a line.
    journal = tmp_path / "set/.progress/done-0.jsonl"
    journal.write_text(journal.read_text()[:-9])
    with pytest.raises(UserError, match="--resume continues it"):
        create_set(request(place, tmp_path / "set", count=40))
    assert f"the audit is of {len(audited_set(tmp_path / 'set').files)} of its 40 images" in caplog.text
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "set/images").rglob("*.png")}
    assert create_set(request(place, tmp_path / "set", count=40, resume=True)).new_images == 21
    assert images(tmp_path / "set") == images(whole) and rows(tmp_path / "set") == rows(whole)
    assert all(path.stat().st_mtime_ns == time for path, time in before.items())


def test_a_set_whose_recipe_was_never_written_is_begun_again(place, whole, tmp_path):
    (tmp_path / "set" / ".progress").mkdir(parents=True)
    (tmp_path / "set" / ".progress" / "plan.csv").write_text("appearance,structure,file\n")
    create_set(request(place, tmp_path / "set", count=40))
    assert images(tmp_path / "set") == images(whole)
    (tmp_path / "other" / ".progress").mkdir(parents=True)
    (tmp_path / "other" / "note.txt").write_text("mine")
    with pytest.raises(UserError, match="already exists and nothing is overwritten; name another"):
        create_set(request(place, tmp_path / "other", count=40))


def test_a_set_grows_and_keeps_what_it_has(place, whole, tmp_path):
    create_set(request(place, tmp_path / "set", count=25))
    before = images(tmp_path / "set")
    with pytest.raises(UserError, match=mentions(25, 15, "--extend")):
        create_set(request(place, tmp_path / "set", count=40, resume=True))
    assert create_set(request(place, tmp_path / "set", count=40, extend=True)).new_images == 15
    assert before.items() < images(tmp_path / "set").items()
    assert images(tmp_path / "set") == images(whole)
    plans = json.loads((tmp_path / "set/set.json").read_text())["plans"]
    assert [plan["count"] for plan in plans] == [25, 40]
    assert verify(tmp_path / "set").planned == 40
    assert create_set(request(place, tmp_path / "set", count=25, resume=True)) == CreatedSet(
        tmp_path / "set", 40, 0, None
    )


def test_another_recipe_is_another_set(place, whole):
    for options, key in (({"iteration": 4}, "generator.iteration"), ({"jpeg_quality": 90}, "image.suffix")):
        with pytest.raises(UserError, match=key):
            create_set(request(place, whole, count=40, resume=True, **options))
    with pytest.raises(UserError, match="labels.by"):
        create_set(request(place, whole, count=40, resume=True, no_scores=False))
    with pytest.raises(UserError, match="holds no generated set"):
        create_set(request(place, place / "nothing", resume=True))


def test_what_was_changed_is_found_and_never_written_over(place, whole, tmp_path):
    copy = tmp_path / "set"
    shutil.copytree(whole, copy)
    paths = [copy / row["path"] for row in rows(whole)]
    paths[0].unlink()
    paths[1].write_bytes(paths[2].read_bytes())
    (copy / "images/stranger.png").write_bytes(paths[2].read_bytes())
    problems = verify(copy).problems
    assert [problem.split(": ")[1] for problem in problems] == [
        "missing",
        "changed since it was written",
        "not in the manifest",
    ]
    with pytest.raises(UserError, match=r"missing; 2 such images"):
        create_set(request(place, copy, count=40, resume=True))
    assert paths[1].read_bytes() == paths[2].read_bytes() and not paths[0].exists()
    # A file in the way of an image that is still to be made.
    (copy / ".progress/done-0.jsonl").unlink()
    with pytest.raises(UserError, match="already exists with other content, and nothing is overwritten"):
        create_set(request(place, copy, count=40, resume=True))
    assert paths[1].read_bytes() == paths[2].read_bytes()


def test_wrong_size_in_a_manifest_that_agrees_with_its_file(whole, tmp_path):
    copy = tmp_path / "set"
    shutil.copytree(whole, copy)
    row = rows(copy)[0]
    Image.new("RGB", (10, 10)).save(copy / row["path"])
    text = (copy / "manifest.csv").read_text().replace(row["sha256"], file_hash(copy / row["path"]))
    (copy / "manifest.csv").write_text(text)
    assert [problem.split(": ")[1] for problem in verify(copy).problems] == ["10x10, the set is of 64x48"]


@pytest.mark.parametrize(
    ("name", "damage", "sentence"),
    [
        (".progress/plan.csv", lambda text: text.replace(b"structure", b"strukture", 1), "it lacks structure"),
        (".progress/plan.csv", lambda text: text[: text.rindex(b",")] + b"\n", mentions("row", 40)),
        (".progress/plan.csv", lambda text: text.replace(b"_train/", b"_x/", 1), mentions("image", "'bounding_box_x/")),
        (".progress/plan.csv", lambda text: b"\xff\xfe" + text, "not readable as CSV"),
        (".progress/plan.csv", lambda text: b"", "its first line must name appearance, structure, file"),
        (".progress/done-0.jsonl", lambda text: text + b'{"position": 40, "sha256": "0"}\n', "of another plan: .* 40"),
        ("set.json", lambda text: text.replace(b'"generator"', b'"generater"', 1), "not the recipe"),
    ],
)
def test_a_damaged_set_is_named(place, whole, tmp_path, name, damage, sentence):
    copy = tmp_path / "set"
    shutil.copytree(whole, copy)
    (copy / name).write_bytes(damage((copy / name).read_bytes()))
    with pytest.raises(UserError, match=f"{name}.*{sentence}"):
        create_set(request(place, copy, count=40, resume=True))


def test_a_damaged_manifest_is_named(whole, tmp_path):
    copy = tmp_path / "set"
    shutil.copytree(whole, copy)
    (copy / "manifest.csv").write_text("path\nimages/a.png\n")
    with pytest.raises(UserError, match=mentions("manifest.csv", "sha256")):
        verify(copy)


def test_lists_pairs_and_identities(place, tmp_path):
    (tmp_path / "a.txt").write_text("0003_c1s1_000000_05.png\nbounding_box_train/0005_c2s1_000001_18.png\n")
    (tmp_path / "s.txt").write_text(f"{place}/people/bounding_box_train/0008_c3s1_000002_18.png\n")
    lists = {"appearances": tmp_path / "a.txt", "structures": tmp_path / "s.txt"}
    create_set(request(place, tmp_path / "lists", jpeg_quality=95, **lists))
    found = rows(tmp_path / "lists")
    assert [row["appearance"].split("/")[0] for row in found] == ["bounding_box_train", "query"]
    assert all(row["path"].endswith("8_c3s1_000002_18.jpg") for row in found)
    twice = "0003_c1s1_000000_05.png,0003_c1s1_000000_05.png\n" * 2
    (tmp_path / "pairs.csv").write_text(f"appearance,structure\n{twice}")
    create_set(request(place, tmp_path / "pairs", pairs=tmp_path / "pairs.csv"))
    (row,) = rows(tmp_path / "pairs")
    given = [("0003_c1s1_000000_05.png", "0003_c1s1_000000_05.png")]
    create_set(request(place, tmp_path / "values", pairs=given))
    assert images(tmp_path / "values") == images(tmp_path / "pairs")
    assert row["soft_label"] == row["realism"] == "" and row["path"].endswith(".png")
    create_set(request(place, tmp_path / "each", per_identity=2))
    assert Counter(row["identity"] for row in rows(tmp_path / "each")) == {"3": 2, "5": 2, "8": 2}
    with pytest.raises(UserError, match=mentions("image", "'none.png'")):
        (tmp_path / "a.txt").write_text("none.png\n")
        create_set(request(place, tmp_path / "refused", **lists))
    with pytest.raises(UserError, match="are different plans"):
        create_set(request(place, tmp_path / "refused", count=3, per_identity=2))
    with pytest.raises(UserError, match="belong together"):
        create_set(request(place, tmp_path / "refused", appearances=tmp_path / "a.txt"))
    assert not (tmp_path / "refused").exists()


def test_another_data_set_is_refused_unless_named_as_one(place, tmp_path):
    other = write_people(tmp_path / "other", identities=(3, 5, 9))
    with pytest.raises(UserError, match=mentions("trained", "identities", 3)):
        create_set(request(place, tmp_path / "set", data=other))
    assert not (tmp_path / "set").exists()
    create_set(request(place, tmp_path / "set", data=other, other_data=True, count=3, no_scores=False))
    assert all(row["soft_label"] and not row["identity_consistency"] for row in rows(tmp_path / "set"))


@pytest.mark.parametrize("file", ["small/checkpoints/checkpoint_00000008.pt", "small_teacher/teacher.pth"])
def test_people_of_other_names_are_refused_whatever_their_numbers(place, tmp_path, file):
    shutil.copytree(place / "outputs", tmp_path / "outputs")
    path = tmp_path / "outputs" / file
    save_checkpoint(path, load_checkpoint(path) | {"names": ["3", "anna", "8"]})
    asked = {"data": place / "people", "count": 3, "no_scores": False}
    with pytest.raises(UserError, match=mentions("class 1", "anna", 5)):
        create_set(request(tmp_path, tmp_path / "set", **asked))
    assert not (tmp_path / "set").exists()
    save_checkpoint(path, load_checkpoint(path) | {"names": ["3", "5", "0008"]})
    create_set(request(tmp_path, tmp_path / "set", **asked))


def test_images_of_any_size_and_what_is_none(place, tmp_path):
    people = tmp_path / "people"
    shutil.copytree(place / "people", people)
    paths = sorted((people / "bounding_box_train").iterdir())
    Image.new("RGB", (1, 1), (200, 10, 10)).save(paths[0])
    Image.new("RGB", (10_000, 30), (10, 200, 10)).save(paths[1])
    create_set(request(place, tmp_path / "set", data=people))
    assert len(rows(tmp_path / "set")) == 12
    paths[2].write_text("no image")
    with pytest.raises(UserError, match=f"{paths[2].name}: not a readable image"):
        create_set(request(place, tmp_path / "broken", data=people))
    assert not list((tmp_path / "broken").rglob("*.partial"))


def test_every_process_makes_a_run_of_whole_batches():
    for length, world in ((0, 2), (5, 4), (100, 3), (64, 2)):
        missing = list(range(1000, 1000 + length))
        parts = [process_positions(missing, rank, world, 16) for rank in range(world)]
        assert sum((list(part) for part in parts), []) == missing
        assert all(len(part) % 16 == 0 for part in parts[:-1])
        assert max(map(len, parts)) - min(map(len, parts)) <= 31


def test_a_set_is_not_continued_from_images_that_changed(place, tmp_path, caplog):
    people = shutil.copytree(place / "people", tmp_path / "people")
    create_set(request(place, tmp_path / "set", count=6, data=people))
    changed = sorted((people / "bounding_box_train").iterdir())[0]
    kept = changed.read_bytes()
    # Of one size, as where the program that made both stores pixels as they are.
    changed.write_bytes(kept[:-20] + bytes(20))
    with pytest.raises(UserError, match=mentions(str(people), "content")):
        create_set(request(place, tmp_path / "set", count=6, data=people, resume=True))
    changed.write_bytes(kept)
    create_set(request(place, tmp_path / "set", count=6, data=people, resume=True))
    assert "cannot be checked" not in caplog.text
    # A set of an earlier version goes on, and says what it does not know.
    recipe = json.loads((tmp_path / "set" / "set.json").read_text())
    del recipe["data"]["content_sha256"]
    (tmp_path / "set" / "set.json").write_text(json.dumps(recipe))
    create_set(request(place, tmp_path / "set", count=6, data=people, resume=True))
    assert "cannot be checked" in caplog.text
