"""`tools/extract.py`, `tools/search.py` and `tools/export_onnx.py` as their user runs them, with a head in its file."""

import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from dgnet.core import pixels
from dgnet.core.errors import UserError, command
from dgnet.data.person_labels import person_folders
from dgnet.models.model_file import StoredModel, read_model_file, save_model
from dgnet.models.registry import build_model
from dgnet.models.reid_model import Option, ReIDModel, ReIDOutput
from reid_heads import export
from tests.dgnet.small_training import WIDTHS
from tests.messages import mentions
from tools import export_onnx, extract, search
from visual.drawing.ranked_lists import RIGHT, WRONG

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("narrow")]

HEIGHT, WIDTH = 64, 32
NUMBERS = WIDTHS[-1]  # of an embedding
Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """A tool in this process: status, what it printed, what it complained of."""

    def run(tool: ModuleType, *words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", [tool.__name__, *map(str, words)])
        with pytest.raises(SystemExit) as left:
            command(tool.main)
        return int(left.value.code or 0), *capsys.readouterr()

    return run


def trained(name: str = "resnet18_kd", **options: str | int) -> ReIDModel:
    torch.manual_seed(0)
    head = build_model(name, 3, **options)
    with torch.no_grad():
        head(torch.randn(4, 3, HEIGHT, WIDTH))
    return head.eval()


class Plain(ReIDModel):
    """The least that is a head: it exports in a blink."""

    def __init__(self, name: str, identities: int, options: dict[str, Option]) -> None:
        super().__init__(name, identities, options)
        self.embedding_size = self.channels = 3

    def forward(self, images: Tensor) -> ReIDOutput:
        return ReIDOutput(self.embed(images), (), (), images)

    def embed(self, images: Tensor) -> Tensor:
        return images.mean((2, 3))

    def trunk_parameters(self) -> list[torch.nn.Parameter]:
        return []


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`head.pth`, and `people/` of five images of several sizes, some with an identity in their name."""
    place = tmp_path_factory.mktemp("heads")
    save_model(place / "head.pth", trained(), [4, 7, 9], HEIGHT, WIDTH)
    (place / "people" / "more").mkdir(parents=True)
    draw = np.random.default_rng(0)
    for name, size in (
        ("0007_c2s1_000001_00.png", (64, 32)),
        ("0009_c1s1_000001_00.png", (128, 64)),
        ("more/someone.png", (64, 32)),
        ("more/x1.png", (100, 40)),
        ("more/x2.png", (64, 32)),
    ):
        colors = draw.integers(0, 256, (4, 2, 3), dtype=np.uint8)
        Image.fromarray(colors).resize(size[::-1], Image.Resampling.BICUBIC).save(place / "people" / name)
    return place


def read(path: Path) -> Tensor:
    """What the head sees of a file, through Pillow."""
    with Image.open(path) as image:
        resized = image.convert("RGB").resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    return torch.from_numpy(np.array(resized)).permute(2, 0, 1)


def embeddings(place: Path, files: list[Path]) -> np.ndarray:
    head = read_model_file(place / "head.pth").network
    with torch.no_grad():
        return F.normalize(head.embed(pixels.normalize(torch.stack([read(path) for path in files])))).numpy()


def test_features_of_a_folder_and_a_file(place: Path, tmp_path: Path, call: Call) -> None:
    people, to = place / "people", tmp_path / "features.npz"
    words = ("--model-path", place / "head.pth", "--to", to, people / "more", people / "0007_c2s1_000001_00.png")
    status, printed, said = call(extract, *words, "--batch-size", 2)
    assert status == 0, said
    assert f"4 images, {NUMBERS} numbers each" in printed
    with np.load(to) as file:
        stored = {name.removeprefix("images/"): file[name] for name in file.files}
    names = ["more/someone.png", "more/x1.png", "more/x2.png", "0007_c2s1_000001_00.png"]
    files = [people / name for name in names]
    assert [Path(path) for path in stored["paths"].tolist()] == files
    assert stored["identities"].tolist() == [-1, -1, -1, 7]
    assert stored["cameras"].tolist() == [-1, -1, -1, 2]
    assert np.allclose(np.linalg.norm(stored["features"], axis=1), 1, atol=1e-6)
    # Pillow rounds between its two passes of resizing, torch does not: a level of 255 here and there.
    assert np.allclose(stored["features"], embeddings(place, files), atol=5e-3)
    before = to.read_bytes()
    status, _, said = call(extract, *words)
    assert (status, to.read_bytes() == before) == (2, True)
    assert f"{to} already exists" in said


def test_an_image_that_is_named_twice_is_taken_once(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a gallery it would be found twice."""
    monkeypatch.chdir(place)
    folder, once = Path("people"), extract.files_of([Path("people")])
    assert extract.files_of([folder, once[0], (place / once[1]), folder]) == once


def test_files_of_a_folder_that_are_not_read_are_said(place: Path, tmp_path: Path, call: Call) -> None:
    """A gallery of .heic and .jfif files beside one .png was one image, without a word."""
    folder = tmp_path / "gallery"
    folder.mkdir()
    for name in ("a.png", "b.heic", "c.jfif"):
        shutil.copy(place / "people" / "more" / "x1.png", folder / name)
    passed_over = f"{folder}: 1 images; passed over: 1 .heic, 1 .jfif"
    model = ("--model-path", place / "head.pth")
    status, _, said = call(extract, *model, "--to", tmp_path / "few.npz", folder)
    assert status == 0 and passed_over in said
    query = ("--query", place / "people" / "more" / "x2.png")
    status, _, said = call(search, *model, *query, "--gallery", folder, "--to", tmp_path / "few.png")
    assert status == 0 and passed_over in said


def test_a_search_finds_the_copy_first_and_never_the_query_itself(
    place: Path, tmp_path: Path, call: Call, caplog: pytest.LogCaptureFixture
) -> None:
    people = place / "people"
    copy = tmp_path / "copy.png"
    copy.write_bytes((people / "more" / "x1.png").read_bytes())
    words = ("--model-path", place / "head.pth", "--top", 3)
    status, printed, said = call(
        search, *words, "--query", copy, people / "more/x2.png", "--gallery", people, "--to", tmp_path / "found.png"
    )
    assert status == 0, said
    lines = printed.splitlines()
    assert lines[0] == f"{copy}:" and lines[1].split() == ["1", "1.0000", str(people / "more/x1.png")]
    assert lines[4] == f"{people / 'more/x2.png'}:"
    assert not [line for line in lines[5:8] if line.endswith("x2.png")]
    likeness = embeddings(place, [people / "more/x2.png"]) @ embeddings(place, others := [
        path for path in sorted(people.rglob("*.png")) if path.name != "x2.png"
    ]).T  # fmt: skip
    assert lines[5].split()[2] == str(others[int(likeness[0].argmax())])
    with Image.open(tmp_path / "found.png") as picture:
        assert picture.width > 4 * 2 * WIDTH and picture.height > 2 * 2 * HEIGHT

    # A file of features is the same gallery, if it was made in the same way.
    features = tmp_path / "features.npz"
    assert call(extract, *words[:2], "--to", features, people)[0] == 0
    again = ("--query", copy, "--gallery", features, "--to", tmp_path / "again.png")
    assert call(search, *words, *again)[1].splitlines()[1:4] == lines[1:4]
    status, _, said = call(search, *words, *again, "--overwrite", "--mirrored")
    assert status == 2 and "must be of images prepared by" in said
    save_model(tmp_path / "other.pth", trained(), [1, 2, 3], HEIGHT, WIDTH)
    status, _, said = call(search, "--model-path", tmp_path / "other.pth", *again, "--overwrite")
    assert status == 2 and "must be of the weights" in said
    # Its images must be those of then; a file of an earlier version does not tell and is not trusted.
    moved = tmp_path / "moved"
    shutil.copytree(people, moved)
    assert call(extract, *words[:2], "--to", features, moved, "--overwrite")[0] == 0
    black = moved / "more" / "x1.png"
    Image.new("RGB", (40, 100)).save(black)
    status, _, said = call(search, *words, *again, "--overwrite")
    assert status == 2 and str(black) in said and "changed" in said
    with np.load(features) as file:
        np.savez(features, **{name: file[name] for name in file.files if name != "images/content"})
    status, printed, said = call(search, *words, *again, "--overwrite")
    assert status == 0 and "cannot be checked" in caplog.text
    assert (
        printed.splitlines()[1:4]
        == call(search, *words, *again[:2], "--gallery", moved, *again[4:], "--overwrite")[1].splitlines()[1:4]
        != lines[1:4]
    )
    # Nobody else to find.
    alone = tmp_path / "alone" / "me.png"
    alone.parent.mkdir()
    alone.write_bytes(copy.read_bytes())
    status, _, said = call(search, *words, "--query", alone, "--gallery", alone.parent, "--to", tmp_path / "no.png")
    assert status == 2 and f"{alone.parent}: holds no image beside {alone} itself" in said


def test_a_search_frames_right_and_wrong_where_names_tell(place: Path, tmp_path: Path, call: Call) -> None:
    person = (place / "people" / "0007_c2s1_000001_00.png").read_bytes()
    colors: dict[str, list[bool]] = {}
    for query in ("0007_c1s1_000001_00.png", "somebody.png"):
        (tmp_path / "gallery").mkdir(exist_ok=True)
        for name in (query, *(f"gallery/{identity}_c3s1_000001_00.png" for identity in ("0007", "0009", "-1"))):
            (tmp_path / name).write_bytes(person)
        words = ("--query", tmp_path / query, "--gallery", tmp_path / "gallery", "--to", tmp_path / "to.png")
        status, _, said = call(search, "--model-path", place / "head.pth", "--overwrite", *words)
        assert status == 0, said
        with Image.open(tmp_path / "to.png") as picture:
            found = {color for _, color in picture.getcolors(2**24)}
        colors[query] = [RIGHT in found, WRONG in found]
    assert list(colors.values()) == [[True, True], [False, False]]


def test_a_search_frames_right_and_wrong_where_each_person_has_a_folder(
    place: Path, tmp_path: Path, call: Call
) -> None:
    image = (place / "people" / "0007_c2s1_000001_00.png").read_bytes()
    for name in (
        "set/anna/1.png",
        "set/anna/2.png",
        "set/bert/1.png",
        "new/bert/9.png",
        "new/carl/9.png",
        "flat/1.png",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(image)
    colors = {}
    for query in ("set/anna/1.png", "new/bert/9.png", "new/carl/9.png", "flat/1.png"):
        words = ("--query", tmp_path / query, "--gallery", tmp_path / "set", "--to", tmp_path / "to.png")
        status, _, said = call(search, "--model-path", place / "head.pth", "--overwrite", *words)
        assert status == 0, said
        with Image.open(tmp_path / "to.png") as picture:
            found = {color for _, color in picture.getcolors(2**24)}
        colors[query] = (RIGHT in found, WRONG in found)
    # Carl is in no folder of the gallery: nobody knows whether somebody there is him.
    assert list(colors.values()) == [(True, True), (True, True), (False, False), (False, False)]
    people = person_folders([str(tmp_path / "set/anna/1.png"), str(tmp_path / "set/bert/1.png")])
    assert people == {"anna", "bert"}
    assert person_folders([str(tmp_path / "set/anna/1.png"), str(tmp_path / "new/bert/9.png")]) == set()
    assert person_folders([str(tmp_path / "flat/1.png")]) == set()


@pytest.mark.parametrize(
    ("tool", "words", "said"),
    [
        (extract, ("nowhere.png", "--to", "{tmp}/x.npz"), "nowhere.png"),
        (search, ("--query", "nowhere.png", "--gallery", "{place}/people", "--to", "{tmp}/x.png"), "nowhere.png"),
        (search, ("--query", "x.png", "--gallery", "x", "--top", "0"), mentions("--top", 1, 0)),
        (
            search,
            ("--query", "{place}/people/more/x1.png", "--gallery", "{place}/head.pth", "--to", "{tmp}/x.png"),
            "a file of features",
        ),
        (export_onnx, ("--to", "{place}/head.pth"), "must end in .onnx"),
        (export_onnx, ("--to", "{place}/head.pth/x.onnx"), mentions("head", "folder", "head.pth")),
    ],
)
def test_a_mistake_is_one_sentence(
    tool: ModuleType, words: tuple[str, ...], said: str, place: Path, tmp_path: Path, call: Call
) -> None:
    filled = [word.format(tmp=tmp_path, place=place) for word in words]
    status, _, complaint = call(tool, "--model-path", place / "head.pth", *filled)
    assert status == 2
    assert complaint.startswith("error: ") and complaint.count("\n") == 1 and re.search(said, complaint)
    assert not list(tmp_path.iterdir())


def test_no_picture_is_written_among_the_images_that_are_searched(
    place: Path, tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next search would find it."""
    people = shutil.copytree(place / "people", tmp_path / "people")
    images = sorted(people.rglob("*.*"))
    query = next(path for path in images if path.suffix == ".png")
    words = ("--model-path", place / "head.pth", "--query", query, "--gallery", people)
    monkeypatch.chdir(people)
    for output in ((), ("--to", people / "more" / "found.jpg"), ("--to", "../people/found")):
        status, _, complaint = call(search, *words, *output)
        assert status == 2 and re.search(f"found.*: lies in {people}, whose images are read", complaint)
    assert sorted(people.rglob("*.*")) == images
    assert call(search, *words, "--to", people / "found.pdf")[0] == 0


def test_the_exported_head_takes_plain_rgb_in_any_number(place: Path, tmp_path: Path, call: Call) -> None:
    to, people = tmp_path / "head.onnx", place / "people"
    status, printed, said = call(export_onnx, "--model-path", place / "head.pth", "--to", to)
    assert status == 0, said
    assert f"uint8 RGB 64x32 -> {NUMBERS} numbers" in printed
    session = onnxruntime.InferenceSession(to)
    files = [people / "more/someone.png", people / "more/x2.png", people / "0007_c2s1_000001_00.png"]
    plain = torch.stack([read(path) for path in files]).numpy()
    for count in (1, 2, 3):
        (ours,) = session.run(None, {"images": plain[:count]})
        assert np.allclose(ours, embeddings(place, files[:count]), atol=1e-5)
    model = onnx.load(to)
    about = {entry.key: entry.value for entry in model.metadata_props}
    assert about["model"] == "resnet18" and "uint8 0..255, 64x32" in about["input"]
    assert not [weight.name for weight in model.graph.initializer if "branch" in weight.name]
    assert [path.name for path in tmp_path.iterdir()] == ["head.onnx"]


@pytest.mark.parametrize("weight", [0.0, 1e18])
def test_a_model_without_embeddings_is_not_exported(weight: float, tmp_path: Path, call: Call) -> None:
    """Those of weights that are all 0 are 0 in onnxruntime, too: the file was written, with a difference of 0."""
    broken = trained("resnet18")
    with torch.no_grad():
        for parameter in broken.parameters():
            parameter.fill_(weight)
    save_model(tmp_path / "broken.pth", broken, [4, 7, 9], HEIGHT, WIDTH)
    status, _, said = call(export_onnx, "--name", tmp_path / "broken.pth", "--output", tmp_path / "broken.onnx")
    assert status == 2 and re.search(mentions("broken.onnx", "embeddings", "length 1"), said)
    assert not (tmp_path / "broken.onnx").exists()


def test_mgn_by_max_exports_with_unit_input_and_the_mirror_image(tmp_path: Path) -> None:
    head = trained("mgn", trunk="resnet18", features=8, pooling="max")
    stored, to = StoredModel(head, (1, 2, 3), HEIGHT, WIDTH), tmp_path / "mgn.onnx"
    done = export.export_onnx(stored, to, kind="unit", mirrored=True)
    assert done.size == to.stat().st_size
    images = torch.randint(0, 256, (5, 3, HEIGHT, WIDTH), dtype=torch.uint8)
    (ours,) = onnxruntime.InferenceSession(to).run(None, {"images": (images.float() / 255).numpy()})
    with torch.no_grad():
        normalized = pixels.normalize(images)
        wanted = F.normalize(head.embed(normalized) + head.embed(normalized.flip(3)))
    assert np.allclose(ours, wanted.numpy(), atol=1e-5)


def test_a_file_that_answers_otherwise_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "parity", lambda *_: 0.5)
    stored = StoredModel(Plain("plain", 3, {}).eval(), (1, 2, 3), HEIGHT, WIDTH)
    with pytest.raises(UserError, match="was not written: onnxruntime's embeddings differ"):
        export.export_onnx(stored, tmp_path / "head.onnx")
    assert not list(tmp_path.iterdir())
