"""A generator is found by name, by path and by age, ours and official ones."""

import os
from pathlib import Path

import pytest
import torch

from dgnet.config import override_config, resolved
from dgnet.core.errors import UserError
from dgnet.generation.load import find_generator, teacher_of
from dgnet.runs.find import is_official, latest_run
from tests.dgnet.official.official_folder import NAMES, narrow_trunk, official_networks, write_official
from tests.dgnet.small_generator import IDENTITIES, small_config, small_generator, store

pytestmark = pytest.mark.slow


def at(path: Path, seconds: int) -> None:
    """Say that a file was written then."""
    os.utime(path, (seconds, seconds))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """outputs/ with an old run, a newer one, the newest of a teacher, and a folder of something else."""
    place = tmp_path_factory.mktemp("found")
    outputs = place / "outputs"
    for name, iteration, saved in (("old", 10, 100), ("new", 20, 200), ("new", 30, 300)):
        at(store(outputs / name, small_generator(iteration), iteration), saved)
    at(store(outputs / "teacher", small_generator(), 40, kind="dgnet teacher run"), 400)
    (outputs / "notes").mkdir()
    return place


def test_by_name_path_and_age(place: Path) -> None:
    run = place / "outputs/new"
    for name in (None, "new", str(run), str(run / "checkpoints/checkpoint_00000030.pt")):
        found = find_generator(name, place)
        assert (found.name, found.iteration, found.identities) == ("new", 30, IDENTITIES)
    assert find_generator("new", place, 20).iteration == 20
    assert find_generator("old", place).iteration == 10


def test_a_run_knows_its_teacher(tmp_path: Path) -> None:
    def teacher() -> Path | None:
        config = override_config(small_config(), ["name=run", f"teacher.checkpoints=[{tmp_path}/named.pth]"])
        store(tmp_path / "outputs/run", small_generator(), 10, config=resolved(config))
        return teacher_of(find_generator("run", tmp_path))

    beside = tmp_path / "outputs/run_teacher/teacher.pth"
    assert teacher() is None
    beside.parent.mkdir(parents=True)
    beside.touch()
    assert teacher() == beside
    (tmp_path / "named.pth").touch()
    assert teacher() == tmp_path / "named.pth"


@pytest.mark.parametrize("place", ["outputs", "disk"])
def test_a_run_that_is_a_link_knows_its_teacher(tmp_path: Path, place: str) -> None:
    config = override_config(small_config(), ["name=run"])
    store(tmp_path / "disk/moved", small_generator(), 10, config=resolved(config))
    (tmp_path / "outputs").mkdir()
    (tmp_path / "outputs/run").symlink_to(tmp_path / "disk/moved")
    teacher = tmp_path / place / "run_teacher/teacher.pth"
    teacher.parent.mkdir()
    teacher.touch()
    assert teacher_of(find_generator("run", tmp_path)) == teacher


def test_a_damaged_newest_file_does_not_hide_its_run(place: Path, tmp_path: Path) -> None:
    path = store(tmp_path / "outputs/run", small_generator(), 10)
    (tmp_path / "outputs/run/checkpoints/checkpoint_00000020.pt").write_bytes(path.read_bytes()[:500])
    assert latest_run(tmp_path / "outputs").name == "run"


def test_an_official_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    narrow_trunk(monkeypatch)
    naive = official_networks()
    folder = write_official(tmp_path / "outputs" / "E0.5new", naive)
    assert is_official(folder)
    for name in (None, "E0.5new", str(folder)):
        found = find_generator(name, tmp_path)
        assert (found.name, found.iteration, found.identities) == ("E0.5new", 6, ())
    assert found.network.appearance.primary.logits.out_features == len(NAMES)
    images = torch.rand(2, 3, 64, 48)
    expected = naive.gen.eval().enc_content(images.mean(1, keepdim=True))
    torch.testing.assert_close(found.network.encode_structure(images), expected, atol=1e-4, rtol=1e-4)
    assert not list(folder.glob("*.png")) and len(list(folder.iterdir())) == 2


@pytest.mark.parametrize(
    ("name", "which", "sentence"),
    [
        ("nobody", None, "nobody: no such run, .* below {place}/outputs; the runs there: new, old$"),
        ("", None, "^must be a path, got ''$"),
        ("new", 7, "no checkpoint of iteration 7; it has: 20, 30"),
        ("notes", None, "has no checkpoints"),
        ("{place}/outputs/new/checkpoints/checkpoint_00000030.pt", 20, "is one checkpoint: give its run's folder"),
        ("teacher", None, "must hold a checkpoint of DG-Net"),
    ],
)
def test_what_is_not_there(place: Path, name: str, which: int | None, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence.format(place=place)):
        find_generator(name.format(place=place), place, which)


def test_no_run_at_all(tmp_path: Path) -> None:
    for folder in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(UserError, match="holds no trained generator"):
            find_generator(None, folder)
    with pytest.raises(UserError, match="^demo: no such run, and no run of that name below .*; there is none at all$"):
        find_generator("demo", tmp_path)
