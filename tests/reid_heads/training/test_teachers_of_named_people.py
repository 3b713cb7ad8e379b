"""Teachers of people who have names: anna and bob are numbered 1 and 2, and so are carl and dora."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dgnet.core.checkpoint import load_checkpoint, save_checkpoint
from dgnet.core.errors import UserError
from dgnet.data.datasets import read_dataset, training_labels
from dgnet.data.records import Dataset
from dgnet.models.model_file import read_model_file, save_model
from dgnet.models.people import other_people
from dgnet.models.registry import build_model
from dgnet.runs.checkpoint import list_checkpoints
from dgnet.runs.load import read_generator
from dgnet.training.teacher import load_teachers
from reid_heads.config import DistillationConfig, GeneratedConfig
from reid_heads.training.teachers import load_distillation_teacher, load_label_teachers
from tests.dgnet.data.photographs import write_image
from tests.dgnet.small_generator import small_generator, store
from tests.dgnet.small_training import narrow_trunks
from tests.messages import mentions
from tests.reid_heads.training.small_run import train

CPU = torch.device("cpu")
Load = Callable[[Path, Dataset], object]
PATHS: dict[str, Load] = {
    "of DG-Net": lambda path, dataset: load_teachers([path], dataset, CPU),
    "distillation.teacher": lambda path, dataset: load_distillation_teacher(
        DistillationConfig(teacher=path, offline_logits=1), dataset, CPU
    ),
    "generated.teacher": lambda path, dataset: load_label_teachers(
        GeneratedConfig(source=path.parent, label="soft", teacher=(path,)), dataset, CPU
    ),
}


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow_trunks(monkeypatch)


def folders(root: Path, *people: str) -> Dataset:
    """A folder with four images for each of the people; "gallery/eve" is one in the gallery only."""
    for person in people:
        for number in range(4):
            write_image(root / person / f"{number}.png", 48, 64)
    return read_dataset(root, "folders")


def manifest(root: Path, *people: str) -> Dataset:
    root.mkdir(parents=True, exist_ok=True)
    lines = [f"{person}_{number}.png,{person}\n" for person in people for number in range(2)]
    (root / "list.csv").write_text("path,identity\n" + "".join(lines))
    return read_dataset(root, "csv")


def teacher_of(path: Path, dataset: Dataset) -> Path:
    model = build_model("resnet18", len(dataset.identities))
    save_model(path, model, dataset.identities, 64, 32, dataset.people)
    return path


def as_earlier_versions_wrote(path: Path) -> Path:
    content = load_checkpoint(path)
    del content["names"]
    save_checkpoint(path, content)
    return path


@pytest.mark.parametrize("load", PATHS.values(), ids=PATHS)
@pytest.mark.parametrize("write", [folders, manifest])
def test_a_teacher_of_others_with_the_same_numbers_is_refused(
    load: Load, write: Callable[..., Dataset], tmp_path: Path
) -> None:
    known, others = write(tmp_path / "known", "anna", "bob"), write(tmp_path / "others", "anna", "dora")
    assert known.identities == others.identities == (1, 2)
    path = teacher_of(tmp_path / "teacher.pth", known)
    load(path, known)
    with pytest.raises(UserError, match=mentions(path, others.root, "class 1", "bob", "dora")):
        load(path, others)
    load(as_earlier_versions_wrote(path), others)


@pytest.mark.parametrize("load", PATHS.values(), ids=PATHS)
def test_a_teacher_of_other_images_with_the_same_numbers_is_told(
    load: Load, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Of two data sets of people 1 to 3 the one's teacher labeled the other's images, without a word."""
    trained_on = folders(tmp_path / "one", "1", "2", "3")
    folders(tmp_path / "other", "1", "2", "3")
    (tmp_path / "other" / "1" / "0.png").rename(tmp_path / "other" / "1" / "7.png")
    others = read_dataset(tmp_path / "other")
    train(tmp_path, trained_on)
    caplog.clear()
    weights = tmp_path / "run" / "last.pth"
    load(weights, trained_on)
    assert not caplog.text
    load(weights, others)
    assert f"{weights} was trained on other images than those of {tmp_path / 'other'}: its 3 classes" in caplog.text
    caplog.clear()
    train(tmp_path / "next", others, **{"model.weights": weights})
    assert "was trained on other images" in caplog.text
    caplog.clear()
    train(tmp_path / "anew", others, **{"model.weights": weights, "model.new_classifier": True})
    assert "was trained on other images" not in caplog.text


@pytest.mark.parametrize("load", PATHS.values(), ids=PATHS)
def test_people_with_names_are_not_those_with_the_numbers(load: Load, tmp_path: Path) -> None:
    named, numbered = folders(tmp_path / "named", "anna", "bob"), folders(tmp_path / "numbered", "0001", "2")
    assert named.identities == numbered.identities == (1, 2)
    for known, data in ((named, numbered), (numbered, named)):
        with pytest.raises(UserError, match=mentions("anna", "0001")):
            load(teacher_of(tmp_path / "teacher.pth", known), data)


def test_one_more_person_in_the_gallery_shifts_the_numbers_and_no_class(tmp_path: Path) -> None:
    before = folders(tmp_path / "before", "train/bob", "train/carl")
    after = folders(tmp_path / "after", "train/bob", "train/carl", "query/bob", "gallery/bob", "gallery/anna")
    assert (before.identities, after.identities) == ((1, 2), (2, 3))
    assert before.people == after.people == ("bob", "carl")
    classes = [
        dict(zip((record.path.parent.name for record in data.train), training_labels(data).tolist(), strict=True))
        for data in (before, after)
    ]
    assert classes[0] == classes[1] == {"bob": 0, "carl": 1}
    path = teacher_of(tmp_path / "teacher.pth", before)
    for load in PATHS.values():
        load(path, after)
    (teacher,) = load_teachers([path], after, CPU)
    assert teacher.identities == after.identities, "who writes labels by numbers writes those of the data"


@pytest.mark.parametrize(
    ("known", "here", "words"),
    [
        # As text 10 comes before 9: with a name in the gallery their classes change places.
        (("train/9", "train/10"), ("train/9", "train/10", "gallery/x", "query/9"), ("class 0", 9, 10)),
        (("anna", "bob"), ("anna", "bob", "carl"), ("class 2", "missing", "carl")),
        (("anna", "bob", "carl"), ("anna", "bob"), ("class 2", "carl", "missing")),
        (("0001", "0002"), ("1", "2"), ()),
        (("bj\u00f6rn", "eva"), ("bjo\u0308rn", "eva"), ()),
    ],
)
def test_people_are_compared_in_the_order_of_the_classes(
    known: Iterable[str], here: Iterable[str], words: tuple[object, ...], tmp_path: Path
) -> None:
    then, now = folders(tmp_path / "then", *known), folders(tmp_path / "now", *here)
    other = other_people(then.identities, then.people, now)
    if not words:
        assert other is None
        return
    with pytest.raises(UserError, match=mentions(*words)):
        load_teachers([teacher_of(tmp_path / "teacher.pth", then)], now, CPU)


def test_what_a_training_writes_names_the_people(tmp_path: Path) -> None:
    dataset = folders(tmp_path / "people", "anna", "bob")
    train(tmp_path, dataset, schedule__epochs=1, schedule__warmup_epochs=0, data__identities=2)
    assert read_model_file(tmp_path / "run" / "last.pth").names == ("anna", "bob")
    (checkpoint,) = list_checkpoints(tmp_path / "run" / "checkpoints")
    assert load_checkpoint(checkpoint)["names"] == ["anna", "bob"]


def test_a_generator_names_its_people(tmp_path: Path) -> None:
    path = store(tmp_path / "run", small_generator(), 4, names=["anna", "bob", "carl"])
    generator = read_generator(path)
    others = folders(tmp_path / "others", "anna", "bob", "dora")
    assert other_people(generator.identities, generator.names, others) is not None
    known = replace(others, names=((1, "anna"), (2, "bob"), (3, "carl")))
    assert other_people(generator.identities, generator.names, known) is None


def test_as_many_names_as_identities(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=mentions(2, 1, "names")):
        save_model(tmp_path / "model.pth", build_model("resnet18", 2), (1, 2), 64, 32, ("anna",))
    assert not list(tmp_path.iterdir())
