"""Commands on files of version 0.1, and what of their outcome is compared. No module of ours is imported here: their
names change, the command lines do not."""

import csv
import json
import lzma
import re
import shutil
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from PIL import Image
from torch import Tensor

STORED = Path(__file__).resolve().parent / "version_0_1"
# name -> what the archive holds
ARCHIVES = {
    "common": ["people", "settings", "outputs/teacher/teacher.pth", "outputs/teacher/config.yaml"],
    "demo": ["people_demo", "outputs/demo", "outputs/demo_teacher", "outputs/demo_witness"],
    "teacher_half": ["outputs/teacher_half"],
    "paper": ["outputs/paper"],
    "demo_half": ["outputs/demo_half"],
    "student": ["outputs/student"],
    "bnneck": ["outputs/bnneck"],
    "distilled": ["outputs/distilled"],
    "mgn": ["outputs/mgn"],
    "sets": ["sets"],
    "ab": ["outputs/ab"],
    "evaluation": ["reports", "features"],
}


def unpack(place: Path, *names: str) -> None:
    """Lay the files of these archives below `place`, and the configurations."""
    shutil.copytree(STORED / "configs", place / "configs")
    for name in names:
        with lzma.open(STORED / f"{name}.tar.xz") as file, tarfile.open(fileobj=file, mode="r|gz") as archive:
            archive.extractall(place, filter="data")


PEOPLE = (
    *("--train-identities", "3", "--test-identities", "2", "--images-per-identity", "4"),
    *("--height", "64", "--width", "32", "--distractors", "2", "--junk", "2"),
)
Read = Callable[[Path, str], Any]


@dataclass(frozen=True)
class Case:
    """A tool, run in a folder with the files of `archives`.

    `read` is given the folder and what was printed, and returns what is compared: numbers, text, lists, dictionaries.
    """

    name: str
    archives: tuple[str, ...]
    tool: str
    options: tuple[str, ...]
    read: Read
    status: int = 0

    def words(self, place: Path) -> list[str]:
        """The options with `*` filled in by the one file of that name in `place`."""
        found = []
        for option in self.options:
            paths = [str(path.relative_to(place)) for path in place.glob(option)] if "*" in option else [option]
            assert len(paths) == 1, f"{option}: {paths}"
            found += paths
        return found


def losses(name: str) -> Read:
    """Each logged loss of the run `name`, and its final state."""

    def read(place: Path, said: str) -> Any:
        folder = place / "outputs" / name
        with open(folder / "scalars.csv", newline="") as handle:
            rows = list(csv.DictReader(handle))
        kept = ("loss/", "weight/", "learning_rate/", "accuracy")
        # Names of terms may change: their values in order do not.
        table = [[float(text) for key, text in row.items() if key.startswith(kept) and text] for row in rows]
        last = max((folder / "checkpoints").glob("*.pt"))
        return {"rows": table, "iterations": [int(row["iteration"]) for row in rows], "state": state(last)}

    return read


def teacher(place: Path, said: str) -> Any:
    run = losses("teacher_half")(place, said)
    return run | {"teacher": state(place / "outputs/teacher_half/teacher.pth")}


def head(name: str) -> Read:
    """As `losses`, with the best weights and the figures that the log says."""

    def read(place: Path, said: str) -> Any:
        run = losses(name)(place, said)
        (best,) = (place / "outputs" / name).glob("mAP_*.pth")
        return run | {"best": best.name, "weights": state(best)}

    return read


def state(path: Path) -> dict[str, Any]:
    """For each shape of a file's large tensors: how many there are, and the sum of their absolute values."""
    found: dict[str, list[float]] = {}
    for tensor in tensors(torch.load(path, weights_only=True)):
        if tensor.is_floating_point() and tensor.numel() > 16:
            entry = found.setdefault("x".join(map(str, tensor.shape)), [0, 0.0])
            entry[0] += 1
            entry[1] += float(tensor.double().abs().sum())
    return dict(sorted(found.items()))


def tensors(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return [tensor for item in items for tensor in tensors(item)]


def picture(path: Path) -> dict[str, Any]:
    """The size of an image and its mean colors in a grid of 8x8."""
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB"), dtype=np.float64)
    rows = [np.array_split(row, 8, axis=1) for row in np.array_split(pixels, 8, axis=0)]
    means = [[round(float(cell.mean()), 2) for cell in row] for row in rows]
    return {"size": list(pixels.shape), "gray levels": means}


def pictures(pattern: str) -> Read:
    return lambda place, said: {str(path.relative_to(place)): picture(path) for path in sorted(place.glob(pattern))}


def manifest(name: str) -> Read:
    """Images and manifest of a generated set."""

    def read(place: Path, said: str) -> Any:
        with open(place / "sets" / name / "manifest.csv", newline="") as handle:
            rows = list(csv.DictReader(handle))
        columns = ("path", "appearance", "structure", "appearance_identity", "structure_identity")
        scores = ("identity_consistency", "diversity", "realism", "sharpness")
        return {
            "rows": [[row[column] for column in columns] for row in rows],
            "scores": [[float(row[score]) for score in scores] for row in rows],
            "images": pictures(f"sets/{name}/images/*/*")(place, said),
        }

    return read


def features(path: str) -> Read:
    """Some numbers of each array of a .npz file."""

    def read(place: Path, said: str) -> Any:
        with np.load(place / path) as stored:
            arrays = {name: stored[name] for name in stored.files if stored[name].dtype.kind in "fiU"}
        return {
            name: array[:, :: max(1, array.shape[1] // 8)].astype(np.float64).round(5).tolist()
            if array.ndim == 2
            else array.tolist()
            for name, array in arrays.items()
            if array.ndim
        }

    return read


def report(path: str) -> Read:
    """The figures of a report.json, in its order."""

    def read(place: Path, said: str) -> Any:
        return [figure["value"] for figure in json.loads((place / path).read_text())["figures"]]

    return read


def numbers(place: Path, said: str) -> list[float]:
    """The decimal numbers that were printed."""
    return [float(text) for text in re.findall(r"(?<![\w.])-?\d+\.\d+(?![\w.]*\d| s\b)", said)]


def percentages(place: Path, said: str) -> list[float]:
    """The numbers with two digits behind the point that were printed."""
    return [float(text) for text in re.findall(r"(?<![\w.])\d+\.\d\d(?!\d)", said)]


def both(*reads: Read) -> Read:
    return lambda place, said: [read(place, said) for read in reads]


def settings(place: Path, said: str) -> dict[str, Any]:
    """Each setting of a printed configuration by its dotted key."""
    return flat(yaml.safe_load(said))


def flat(value: Any, key: str = "") -> dict[str, Any]:
    if isinstance(value, dict) and value:
        return {name: item for part in value for name, item in flat(value[part], f"{key}.{part}".lstrip(".")).items()}
    return {key: value}


def nothing(place: Path, said: str) -> None:
    """The exit status alone is compared."""


def rows_of_ab(place: Path, said: str) -> Any:
    paths = sorted((place / "outputs/ab/rows").glob("*.json"))
    return {path.stem: json.loads(path.read_text())["figures"] for path in paths[:3]} | {"rows": len(paths)}


GAN, HEADS = "tools/train_gan.py", "tools/train.py"
BNNECK = "outputs/bnneck/mAP_*.pth"  # `*` in an option stands for the one file of that name
CPU = ("--device", "cpu")
NARROW = ("appearance.backbone=resnet18", "structure.channels=2", "discriminator.channels=2", "run.device=cpu")

CASES = [
    # Runs that were stopped in the middle go on to their end.
    Case(
        "teacher_resumed",
        ("common", "teacher_half"),
        "tools/train_teacher.py",
        ("--config", "settings/paper.yaml", "teacher.checkpoints=[]", "--name", "teacher_half", "--resume"),
        teacher,
    ),
    Case("paper_resumed", ("common", "paper"), GAN, ("--config", "settings/paper.yaml", "--resume"), losses("paper")),
    # By the configuration that the run itself has stored.
    Case(
        "demo_resumed",
        ("demo", "demo_half"),
        GAN,
        ("--config", "outputs/demo_half/config.yaml", "--resume"),
        losses("demo_half"),
    ),
    Case(
        "student_resumed",
        ("common", "student"),
        GAN,
        ("--config", "settings/student.yaml", "--resume"),
        losses("student"),
    ),
    Case(
        "bnneck_resumed",
        ("common", "bnneck"),
        HEADS,
        ("--config", "settings/heads/bnneck.yaml", "--resume"),
        head("bnneck"),
    ),
    Case(
        "distilled_resumed",
        ("common", "bnneck", "demo", "sets", "distilled"),
        HEADS,
        ("--config", "settings/heads/distilled.yaml", "--resume"),
        head("distilled"),
    ),
    Case("mgn_resumed", ("common", "mgn"), HEADS, ("--config", "outputs/mgn/config.yaml", "--resume"), head("mgn")),
    Case(
        "ab_resumed",
        ("common", "demo", "sets", "ab"),
        "tools/ab.py",
        ("--config", "settings/ab.yaml", "--resume"),
        rows_of_ab,
    ),
    # A finished demo prints its figures again.
    Case("demo_finished", ("common", "demo"), "tools/demo.py", ("--config", "settings/demo.yaml"), numbers),
    # Sets.
    Case("set_verified", ("sets",), "tools/generate.py", ("--verify", "sets/whole"), nothing),
    Case(
        "set_resumed",
        ("demo", "sets"),
        "tools/generate.py",
        ("--name", "demo", "--per_identity", "4", "--output", "sets/half", "--resume", *CPU),
        manifest("half"),
    ),
    Case(
        "set_extended",
        ("demo", "sets"),
        "tools/generate.py",
        ("--name", "demo", "--per_identity", "3", "--output", "sets/whole", "--extend", *CPU),
        manifest("whole"),
    ),
    # Swaps.
    Case(
        "swaps",
        ("demo",),
        "visual/show_swap.py",
        ("--name", "demo", "--count", "3", "--scale", "1", "--output", "swaps.png", *CPU),
        pictures("swaps.png"),
    ),
    Case(
        "swaps_of_student",
        ("common", "student"),
        "visual/show_swap.py",
        ("--name", "student", "--count", "3", "--scale", "1", "--output", "swaps.png", *CPU),
        pictures("swaps.png"),
    ),
    Case("swaps_measured", ("demo",), "tools/measure_swaps.py", ("--name", "demo", *CPU), numbers),
    # Embeddings and accuracy of what is loaded.
    *(
        Case(
            f"accuracy_of_{name}",
            archives,
            "tools/evaluate_reid.py",
            ("--name", given, "--data", "people", "--features", "new.npz", "--report", "new", *CPU),
            both(features("new.npz"), report("new/report.json")),
        )
        for name, archives, given in (
            ("paper", ("common", "paper"), "paper"),
            ("demo", ("common", "demo"), "demo"),
            ("student", ("common", "student"), "student"),
            ("teacher", ("common",), "outputs/teacher/teacher.pth"),
            ("mgn", ("common", "mgn"), "mgn"),
            ("distilled", ("common", "distilled"), "outputs/distilled/mAP_*.pth"),
        )
    ),
    Case(
        "head_tested",
        ("common", "bnneck"),
        "tools/test.py",
        ("--model_path", BNNECK, "--datadir", "people", "run.device=cpu"),
        percentages,
    ),
    Case(
        "features_extracted",
        ("common", "bnneck"),
        "tools/extract.py",
        ("--model_path", BNNECK, "--to", "new.npz", "people/query", "people/bounding_box_test", *CPU),
        features("new.npz"),
    ),
    # Saved features and reports. Features are read and not made again where the weights are the same.
    Case(
        "saved_features_read",
        ("common", "demo", "evaluation"),
        "tools/evaluate_reid.py",
        ("--name", "demo", "--data", "people", "--features", "features/demo.npz", "--report", "new", *CPU),
        report("new/report.json"),
    ),
    Case(
        "transfer_of_saved_features",
        ("evaluation",),
        "tools/transfer.py",
        ("--features", "features/teacher.npz", "--features", "features/transfer/*.npz", "--json", "table.json"),
        percentages,
    ),
    Case(
        "search_in_saved_features",
        ("common", "bnneck", "evaluation"),
        "tools/search.py",
        (
            *("--model_path", BNNECK, "--gallery", "features/extracted.npz", "--top", "3", "--to", "found.png", *CPU),
            *("--query", "people/query/0004_c5s1_000001_00.png"),
        ),
        numbers,
    ),
    Case(
        "reports_compared",
        ("evaluation", "demo"),
        "tools/compare_reports.py",
        ("reports/demo/report.json", "reports/bnneck/report.json"),
        numbers,
    ),
    Case(
        "reports_of_images_compared",
        ("evaluation", "demo"),
        "tools/compare_reports.py",
        ("reports/gan/report.json", "outputs/demo/report.json"),
        numbers,
    ),
    Case(
        "page_of_a_run",
        ("demo",),
        "tools/report.py",
        ("--name", "demo", "--without-accuracy", "--to", "page.html", *CPU),
        nothing,
    ),
    # Configurations of version 0.1: what each setting is in the end.
    *(
        Case(
            f"settings_of_{name}",
            ("common",),
            GAN,
            ("--config", f"configs/{name}.yaml", "--dry-run", "data.root=people", "data.layout=market1501", *NARROW),
            settings,
        )
        for name in ("latest", "msmt17", "cuhk03_np", "demo")
    ),
    *(
        Case(
            f"settings_of_{name}",
            ("common",),
            HEADS,
            ("--config", f"configs/heads/{name}.yaml", "--dry-run", "data.root=people", "run.device=cpu"),
            settings,
        )
        for name in ("bnneck", "self_distillation", "mgn")
    ),
    # Its keys are known; the generator that it names is not there.
    Case("settings_of_ab_demo", ("common",), "tools/ab.py", ("--config", "configs/ab_demo.yaml"), nothing, status=2),
    # The pedestrians of the same specification are the same set.
    Case("pedestrians", ("common",), "tools/make_synthetic.py", ("people", *PEOPLE), nothing),
    Case("pedestrians_again", (), "tools/make_synthetic.py", ("people", *PEOPLE), pictures("people/*/*.png")),
]
