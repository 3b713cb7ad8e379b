"""A folder of the official release becomes a run of ours: the same networks, the same classes, one that goes on."""

import sys
from pathlib import Path

import pytest
import torch

from dgnet.config import load_config
from dgnet.core.checkpoint import load_checkpoint
from dgnet.core.distributed import Distributed
from dgnet.core.errors import UserError, command
from dgnet.data.datasets import read_dataset
from dgnet.data.records import Dataset, Record
from dgnet.generation.load import load_generator
from dgnet.models.model_file import read_model_file
from dgnet.official.import_run import ImportedRun, import_run, official_identities
from dgnet.official.release import read_official, read_official_teacher
from dgnet.training.job import Job
from dgnet.training.pipeline import train_job
from tests.dgnet.official.official_folder import (
    HEIGHT,
    NAMES,
    WIDTH,
    narrow_trunk,
    official_networks,
    write_images,
    write_official,
    write_teacher,
)
from tests.messages import mentions
from tests.oracles.naive_step import NaiveDGNet, upsampled
from tests.reference_fill import images
from tools import import_official

# NAMES as numbers, in the order of their text and in ours.
ORIGINAL_ORDER, OUR_ORDER = (2, 150, 15, 7), (2, 7, 15, 150)


@pytest.fixture
def naive(monkeypatch: pytest.MonkeyPatch) -> NaiveDGNet:
    narrow_trunk(monkeypatch)
    torch.manual_seed(0)
    return official_networks()


def imported(folder: Path, naive: NaiveDGNet, *settings: str) -> tuple[ImportedRun, Dataset]:
    released = read_official(write_official(folder / "official" / "e", naive), settings=settings)
    teacher = read_official_teacher(write_teacher(folder / "models" / "best", naive, {"stride": 2}))
    dataset = read_dataset(write_images(folder / "images"))
    return import_run(released, [teacher], dataset, folder, Distributed.start("cpu")), dataset


def test_classes_in_the_official_order(tmp_path: Path) -> None:
    dataset = read_dataset(write_images(tmp_path))
    assert official_identities(dataset) == ORIGINAL_ORDER
    assert dataset.identities == OUR_ORDER


def test_classes_without_folders() -> None:
    root = Path("market")
    train = [Record(root / "bounding_box_train" / f"{i:04d}_c1s1_000001_01.jpg", i, 1, "train") for i in (1500, 7, 22)]
    assert official_identities(Dataset("market1501", root, tuple(train))) == (7, 22, 1500)
    strange = Record(root / "bounding_box_train" / "portrait.jpg", 23, 1, "train")
    with pytest.raises(UserError, match="portrait"):
        official_identities(Dataset("csv", root, (*train, strange)))


def test_imported_networks_compute_what_the_official_ones_compute(tmp_path: Path, naive: NaiveDGNet) -> None:
    run, _ = imported(tmp_path, naive)
    stored = load_generator(run.folder)
    assert stored.iteration == 6 and stored.identities == OUR_ORDER
    a, b = images(1, 2, HEIGHT, WIDTH), images(2, 2, HEIGHT, WIDTH)
    columns = [ORIGINAL_ORDER.index(identity) for identity in OUR_ORDER]
    naive.id.eval()
    with torch.no_grad():
        code, (primary, fine) = naive.id(upsampled(a))
        swapped = naive.gen.decode(naive.gen.enc_content(naive.single(b)), code)
        ours = stored.network.appearance(a)
        torch.testing.assert_close(ours.primary.logits, primary[:, columns], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(ours.fine.logits, fine[:, columns], rtol=1e-4, atol=1e-5)
        assert not torch.allclose(ours.primary.logits, primary, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(stored.network(a, b), swapped, rtol=1e-3, atol=1e-3)


def test_imported_teacher(tmp_path: Path, naive: NaiveDGNet) -> None:
    run, _ = imported(tmp_path, naive)
    teacher = read_model_file(run.folder / "teacher.pth")
    assert teacher.identities == OUR_ORDER and (teacher.height, teacher.width) == (HEIGHT, WIDTH)
    a = images(1, 2, HEIGHT, WIDTH)
    columns = [ORIGINAL_ORDER.index(identity) for identity in OUR_ORDER]
    with torch.no_grad():
        expected = naive.teachers[0].eval()(upsampled(a))
        torch.testing.assert_close(teacher.network(a).mean_logits, expected[:, columns], rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_imported_run_goes_on(tmp_path: Path, naive: NaiveDGNet) -> None:
    run, dataset = imported(tmp_path, naive, "run.device=cpu")
    config = load_config(run.folder / "config.yaml")
    drawn: list[Path] = []
    job = Job(config, tmp_path, Distributed.start("cpu"), resume=True)
    train_job(job, dataset, lambda _, path: drawn.append(path))
    assert [path.name for path in sorted((run.folder / "checkpoints").iterdir())] == [
        "checkpoint_00000006.pt", "checkpoint_00000008.pt",
    ]  # fmt: skip
    assert (run.folder / "scalars.csv").read_text().count("\n") == 2  # iteration 8, the last
    before, after = (load_checkpoint(run.folder / "checkpoints" / f"checkpoint_0000000{i}.pt") for i in (6, 8))
    key = "decoder.finish.2.convolution.weight"
    assert not torch.equal(before["generator"][key], after["generator"][key])


def test_another_checkpoint_by_its_iteration(tmp_path: Path, naive: NaiveDGNet) -> None:
    folder = write_official(tmp_path / "e", naive)
    assert read_official(folder).iteration == 6
    earlier = read_official(folder, 4)
    assert earlier.iteration == 4 and not any(value.any() for value in earlier.discriminator.values())
    with pytest.raises(UserError, match=mentions("checkpoint", "iteration", 5, 4, 6)):
        read_official(folder, 5)


def test_teacher_options(tmp_path: Path, naive: NaiveDGNet) -> None:
    plain = read_official_teacher(write_teacher(tmp_path / "plain", naive, None))
    assert plain.config.last_stride == 2 and not plain.stride_known
    options = {"stride": 1, "droprate": 0.25, "PCB": False, "use_dense": False, "name": "best", "lr": 0.05}
    fine = read_official_teacher(write_teacher(tmp_path / "fine", naive, options) / "net_last.pth")
    assert fine.config.last_stride == 1 and fine.config.dropout == 0.25 and fine.stride_known
    for key, value in (("PCB", True), ("use_dense", True), ("ibn", True), ("stride", 3), ("pool", "max")):
        folder = write_teacher(tmp_path / key, naive, {key: value})
        with pytest.raises(UserError, match=rf"{key}/opts.yaml: {key}.*{value}"):
            read_official_teacher(folder)


def damage(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1000])


def extra_entry(path: Path, key: str) -> None:
    content = torch.load(path, weights_only=True)
    content["a"][key] = torch.zeros(1)
    torch.save(content, path)


@pytest.mark.slow
def test_missing_and_damaged_files_end_in_one_sentence(
    tmp_path: Path, naive: NaiveDGNet, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data, teacher = write_images(tmp_path / "images"), write_teacher(tmp_path / "best", naive, {"stride": 2})
    official = tmp_path / "official"

    def leave_with(
        status: int, *words: str, folder: Path = official, root: Path = data, settings: tuple[str, ...] = ()
    ) -> None:
        command_line = ["--outputs", folder, "--teacher", teacher, "--output-path", tmp_path, "--name", "2019"]
        arguments = [*map(str, command_line), f"data.root={root}", "run.device=cpu", *settings]
        monkeypatch.setattr(sys, "argv", ["import_official.py", *arguments])
        with pytest.raises(SystemExit) as left:
            command(import_official.main)
        output = capsys.readouterr()
        assert left.value.code == status, output.err
        said = output.err if status else output.out
        assert all(word in said for word in words), said
        assert not status or output.err.count("\n") == 1

    leave_with(2, "official/config.yaml", "no such file")
    write_official(official, naive)
    (official / "checkpoints" / "dis_00000006.pt").unlink()
    leave_with(2, "dis_00000006.pt", "no such file")
    for number, (break_it, words) in enumerate(
        [
            (lambda f: damage(f / "id_00000006.pt"), ["id_00000006.pt", "not a PyTorch file"]),
            (lambda f: extra_entry(f / "gen_00000006.pt", "enc_style.weight"), ["gen_00000006.pt", "enc_style.weight"]),
            (lambda f: extra_entry(f / "dis_00000006.pt", "cnns.5.weight"), ["dis_00000006.pt", "1 unknown"]),
            (lambda f: [path.unlink() for path in f.iterdir()], ["checkpoints", "no official checkpoint"]),
        ]
    ):
        folder = write_official(tmp_path / f"broken{number}", naive)
        break_it(folder / "checkpoints")
        leave_with(2, *words, folder=folder)
    whole = write_official(tmp_path / "whole", naive)
    leave_with(2, "structure.channels", "False", folder=whole, settings=("structure.channels=no",))
    leave_with(2, "gen_00000006.pt", "of another shape", folder=whole, settings=("structure.channels=3",))
    few = write_images(tmp_path / "few", NAMES[:3])
    leave_with(2, "have 4 identities", "has 3", "data.root", folder=whole, root=few)
    assert not (tmp_path / "outputs").exists()
    leave_with(0, "after 6 iterations, 4 identities", "--resume", "optimizer.pt", folder=whole)
    leave_with(2, "already holds a run", folder=whole)
