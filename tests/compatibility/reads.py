"""What of the outcome of a command is compared: numbers, texts, lists and dictionaries.

Each function is given the folder that the command ran in and what it printed.
"""

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from PIL import Image
from torch import Tensor

Read = Callable[[Path, str], Any]
# Of tools/measure_swaps.py what is new since version 0.1: paragraphs by their heads, and lines.
NEW_PARAGRAPHS = ("Swap fidelity: clothes", "Where detail is lost")
NEW_LINES = ("gradient ", "Frechet distance ")


def losses(name: str) -> Read:
    """Each logged loss of the run `name`, and its final state."""

    def read(place: Path, said: str) -> Any:
        folder = place / "outputs" / name
        with open(folder / "scalars.csv", newline="") as handle:
            rows = list(csv.DictReader(handle))
        kept = ("loss/", "weight/", "learning_rate/", "accuracy")
        # Names of terms and their order may change, their values do not.
        table = [sorted(float(text) for key, text in row.items() if key.startswith(kept) and text) for row in rows]
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
    """For each shape of a file's tensors: how many there are, and the sum of their absolute values.

    Of the small ones only those of no dimension: they count the steps of Adam, and the batches of batch norms.
    """
    found: dict[str, list[float]] = {}
    for tensor in tensors(torch.load(path, weights_only=True)):
        if tensor.ndim == 0 or (tensor.is_floating_point() and tensor.numel() > 16):
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
    """Some numbers of each array of a .npz file; hashes of images are new since version 0.1."""

    def read(place: Path, said: str) -> Any:
        with np.load(place / path) as stored:
            arrays = {name: stored[name] for name in stored.files if stored[name].dtype.kind in "fiU"}
        return {
            name: array[:, :: max(1, array.shape[1] // 8)].astype(np.float64).round(5).tolist()
            if array.ndim == 2
            else array.tolist()
            for name, array in arrays.items()
            if array.ndim and not name.endswith("/content")
        }

    return read


def report(path: str) -> Read:
    """The figures of a report.json, in its order."""

    def read(place: Path, said: str) -> Any:
        entries = json.loads((place / path).read_text())
        # Version 0.1 called them figures.
        return [metric["value"] for metric in entries.get("metrics", entries.get("figures"))]

    return read


def numbers(place: Path, said: str) -> list[float]:
    """The decimal numbers that were printed."""
    return [float(text) for text in re.findall(r"(?<![\w.])-?\d+\.\d+(?![\w.]*\d| s\b)", said)]


def swap_measures(place: Path, said: str) -> list[float]:
    """The decimal numbers of `tools/measure_swaps.py` of version 0.1, in its order: all PSNR, then all SSIM.

    Without the "alpha 0.5" of its remarks, which is no measure.
    """
    first, *others = (text for text in said.split("\n\n") if not text.startswith(NEW_PARAGRAPHS))
    lines = [line for line in first.splitlines() if not line.lstrip().startswith(NEW_LINES)]
    lines.sort(key=lambda line: line.lstrip().startswith("SSIM"))
    return numbers(place, "\n".join([*lines, *others]))


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
    """The figures of the runs that version 0.1 had finished, and how many there are in the end."""
    results = place / "outputs/ab/results"
    # Version 0.1 called them rows.
    paths = sorted((results if results.is_dir() else results.with_name("rows")).glob("*.json"))
    return {path.stem: json.loads(path.read_text())["figures"] for path in paths[:3]} | {"rows": len(paths)}
