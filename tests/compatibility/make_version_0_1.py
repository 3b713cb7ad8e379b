"""Makes the files of version 0.1 that `test_version_0_1.py` opens, with a checkout of that version.

    git worktree add --detach /somewhere/0.1 6068175
    OMP_NUM_THREADS=1 python -m tests.compatibility.make_version_0_1 /somewhere/0.1 /somewhere/empty

Every file is written by that version's own tools. Weights are then replaced by a short repeating pattern of the same
scale, with that version's own `save_checkpoint`, so that 2 GB of runs fit into a few hundred kilobytes; whatever is
derived from weights (sets, reports, features) is made after that. Last, the cases of `cases.py` are run with version
0.1 on the packed files, and what they give is stored in `expected.json`.
"""

import argparse
import importlib
import json
import lzma
import math
import os
import shutil
import subprocess
import sys
import tarfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from PIL import Image
from torch import Tensor

from tests.compatibility.cases import ARCHIVES, CASES, PEOPLE, STORED, unpack
from tests.compatibility.settings_version_0_1 import AB, GENERATORS, HEADS

STOP = ("--max-hours", "1e-7")  # after one iteration
# Short enough to compress away; a prime number, so that the filters of a layer differ.
PERIOD = 2039
PATTERN = torch.from_numpy(np.random.default_rng(0).standard_normal(PERIOD).astype(np.float32)).mul(8).round() / 8
# Tensors up to this size keep their values.
KEPT = 16
# Ctrl-C after eight images of a set, and after three runs of an A/B.
INTERRUPTED_SET = """
import dgnet.sets.making as making
whole = making.generate
def cut(*args, **options):
    for number, batch in enumerate(whole(*args, **options)):
        if number == 1:
            raise KeyboardInterrupt
        yield batch
making.generate = cut
"""
INTERRUPTED_AB = """
from tools.trial.running import Trial
whole, started = Trial._one, []
def cut(self, *args):
    started.append(args)
    if len(started) == 4:
        raise KeyboardInterrupt
    return whole(self, *args)
Trial._one = cut
"""


class Version:
    """The tools of a checkout, run in the folder `place`."""

    def __init__(self, checkout: Path, place: Path) -> None:
        self.checkout, self.place = checkout, place

    def __call__(self, tool: str, *options: object, status: int = 0, before: str = "") -> str:
        """What the tool prints. `before`: Python that is run before it."""
        path, words = self.checkout / tool, [str(option) for option in options]
        start = [str(path)]
        if before:
            code = f"import runpy, sys; sys.path.insert(0, {str(self.checkout)!r})\n{before}\n"
            start = ["-c", f"{code}runpy.run_path({str(path)!r}, run_name='__main__')"]
        print("$", tool, *words, flush=True)
        done = subprocess.run(
            [sys.executable, *start, *words],
            cwd=self.place,
            capture_output=True,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg", "PYTHONPATH": ""},
        )
        if done.returncode != status:
            raise SystemExit(f"{tool}: status {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done.stdout


def build(run: Version) -> None:
    """Every run, set and report, in the order in which they need each other."""
    place = run.place
    write_settings(place / "settings", {**GENERATORS, "ab": AB})
    write_settings(place / "settings/heads", HEADS)
    run("tools/make_synthetic.py", "people", *PEOPLE)
    run("tools/make_synthetic.py", "people_demo", *PEOPLE[:6])
    # Most of a megabyte shows people whom no run looks at.
    for path in (place / "people_demo/bounding_box_test").glob("*.png"):
        if path.name.startswith(("-1", "0000")):
            Image.new("RGB", (64, 128), "gray").save(path)
    paper = ("--config", "settings/paper.yaml", "teacher.checkpoints=[]")
    run("tools/train_teacher.py", *paper, "--name", "teacher")
    for again in ((), ("--resume",)):
        run("tools/train_teacher.py", *paper, "--name", "teacher_half", *STOP, *again)
    run("tools/demo.py", "--config", "settings/demo.yaml")
    rewrite_all(run, "teacher", "teacher_half", "demo", "demo_teacher", "demo_witness")
    # The figures of the weights as they are now.
    for path in (place / "outputs/demo").glob("report.*"):
        path.unlink()
    run("tools/demo.py", "--config", "settings/demo.yaml")

    for name, starts in (("paper", 2), ("demo_half", 2), ("student", 1)):
        for start in range(starts):
            run("tools/train_gan.py", "--config", f"settings/{name}.yaml", *STOP, *(["--resume"] if start else []))
        rewrite_all(run, name)

    generate = ("tools/generate.py", "--name", "demo")
    run(*generate, "--per_identity", 2, "--output", "sets/whole")
    half = ("--per_identity", 4, "--output", "sets/half", "--batch-size", 8)
    run(*generate, *half, status=130, before=INTERRUPTED_SET)

    for name, starts in (("bnneck", 3), ("distilled", 3), ("mgn", 3)):
        settings = place / "settings/heads" / f"{name}.yaml"
        if name == "distilled":
            (best,) = (place / "outputs/bnneck").glob("mAP_*.pth")
            settings.write_text(settings.read_text().replace("BNNECK", str(best.relative_to(place))))
        for start in range(starts):
            run("tools/train.py", "--config", settings.relative_to(place), *STOP, *(["--resume"] if start else []))
        rewrite_all(run, name)

    run("tools/ab.py", "--config", "settings/ab.yaml", status=130, before=INTERRUPTED_AB)
    best = next((place / "outputs/bnneck").glob("mAP_*.pth")).relative_to(place)
    (place / "features").mkdir()
    for name in ("demo", "teacher"):
        saved = ("--features", f"features/{name}.npz", "--report", f"reports/{name}")
        run("tools/evaluate_reid.py", "--name", name, "--data", "people", *saved)
    run("tools/evaluate_reid.py", "--name", best, "--data", "people", "--report", "reports/bnneck")
    run("tools/transfer.py", "--network", "teacher", "--data", "people", "--save", "features/transfer")
    gallery = ("people/bounding_box_test", "people/query")
    run("tools/extract.py", "--model_path", best, "--to", "features/extracted.npz", *gallery)
    # Without the weights of Inception and LPIPS (no network): what they would measure is said to be missing.
    run("tools/evaluate_gan.py", "--name", "demo", "--most", 12)


def write_settings(folder: Path, settings: dict[str, Any]) -> None:
    folder.mkdir(parents=True)
    for name, values in settings.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(values, sort_keys=False))


def rewrite_all(run: Version, *names: str) -> None:
    """Replace the weights in every file of these runs by patterns."""
    sys.path.insert(0, str(run.checkout))
    save = importlib.import_module("dgnet.checkpoint").save_checkpoint
    sys.path.remove(str(run.checkout))
    for name in names:
        for path in sorted((run.place / "outputs" / name).rglob("*.pt*")):
            times = path.stat()
            state = torch.load(path, weights_only=True)
            fill(state, "")
            save(path, state)
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def fill(value: Any, key: str) -> None:
    """Replace large floating tensors in place: their shape, type, strides and sharing stay."""
    if isinstance(value, dict):
        for name, item in value.items():
            fill(item, f"{key}.{name}")
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            fill(item, f"{key}.{number}")
    elif isinstance(value, Tensor) and value.is_floating_point() and value.numel() > KEPT:
        # In the order of the memory, where the pattern has to repeat (weights are stored channels last).
        value.as_strided([value.numel()], [1]).copy_(pattern(key, value.shape))


def pattern(key: str, shape: torch.Size) -> Tensor:
    """What a tensor of this name holds: numbers with which activations, and the next steps, stay finite."""
    start = zlib.crc32(key.encode()) % PERIOD
    size = shape.numel()
    noise = PATTERN.roll(start).repeat(math.ceil(size / PERIOD))[:size]
    last = key.rpartition(".")[2]
    if last in ("exp_avg", "momentum_buffer", "momentum"):
        return noise / 1024
    if last in ("exp_avg_sq", "max_exp_avg_sq"):
        return noise.abs() / 1024 + (1 if last.startswith("max") else 0.5) / 1024
    if last == "running_mean" or (len(shape) == 1 and last != "weight" and last != "running_var"):
        return noise / 16
    if len(shape) == 1:
        return 1 + noise / 16
    # He's initial scale, to a power of two; less for linear layers, so that no softmax is saturated.
    scale = 2.0 ** round(math.log2(2 / shape[1:].numel()) / 2)
    return noise * (scale if len(shape) > 2 else scale / 16)


def clean(run: Version) -> None:
    """Remove what belongs to the machine or can be drawn again."""
    for folder in run.place.glob("outputs/*/checkpoints"):
        for path in sorted(folder.glob("*.pt"))[:-1]:
            path.unlink()
    for path in sorted(run.place.rglob("*")):
        if (
            path.name == ".lock"
            or path.suffix == ".html"
            or path.match("outputs/*/images/*.png")
            or path.match("outputs/*/*.png")
        ):
            path.unlink()
        elif path.suffix in (".txt", ".json", ".md") and path.is_file():
            text = path.read_text()
            text = text.replace(sys.executable, "python").replace(f"{run.place}/", "").replace(f"{run.checkout}/", "")
            path.write_text(text)
    shutil.rmtree(run.place / "logs")
    for name in ("demo_teacher", "demo_witness"):
        shutil.rmtree(run.place / "outputs" / name / "checkpoints")
    (evaluated,) = (run.place / "outputs/demo/evaluation").iterdir()
    (run.place / "reports/gan").mkdir()
    shutil.move(evaluated / "report.json", run.place / "reports/gan/report.json")
    shutil.rmtree(evaluated.parent)


def pack(place: Path, target: Path) -> None:
    """One archive for each entry of `ARCHIVES`.

    Matches of gzip and of xz are at most 258 and 273 bytes long; those of the one are a pattern that the other finds.
    """
    target.mkdir(parents=True, exist_ok=True)
    for name, members in ARCHIVES.items():
        with (
            lzma.open(target / f"{name}.tar.xz", "wb", preset=6) as file,
            tarfile.open(fileobj=file, mode="w|gz") as tar,
        ):
            for member in members:
                tar.add(place / member, member, filter=_nobody)
        print(name, (target / f"{name}.tar.xz").stat().st_size)


def _nobody(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


def record(checkout: Path, scratch: Path) -> dict[str, Any]:
    """What version 0.1 gives for each case."""
    found: dict[str, Any] = {}
    for case in CASES:
        place = scratch / case.name
        place.mkdir(parents=True)
        unpack(place, *case.archives)
        said = Version(checkout, place)(case.tool, *case.words(place), status=case.status)
        found[case.name] = case.read(place, said)
        shutil.rmtree(place)
    return found


def as_text(expected: dict[str, Any]) -> str:
    """JSON with a line for each case and numbers of seven digits."""

    def short(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: short(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [short(item) for item in value]
        return float(f"{value:.7g}") if isinstance(value, float) else value

    lines = [f"{json.dumps(name)}: {json.dumps(short(value))}" for name, value in expected.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", type=Path, help="a checkout of version 0.1")
    parser.add_argument("scratch", type=Path, help="an empty folder with 4 GB of room")
    parser.add_argument("--record", action="store_true", help="keep the archives, record what version 0.1 gives")
    args = parser.parse_args()
    checkout, scratch = args.checkout.resolve(), args.scratch.resolve()
    if not args.record:
        (scratch / "build").mkdir(parents=True)
        run = Version(checkout, scratch / "build")
        build(run)
        clean(run)
        pack(run.place, STORED)
        shutil.copytree(checkout / "configs", STORED / "configs", dirs_exist_ok=True)
    expected = record(checkout, scratch / "record")
    (STORED / "expected.json").write_text(as_text(expected))


if __name__ == "__main__":
    main()
