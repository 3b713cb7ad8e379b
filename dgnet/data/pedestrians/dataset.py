"""Writing a set of built-in pedestrians in the Market-1501 layout: all of it or nothing."""

import dataclasses
import itertools
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image

from dgnet.core.errors import UserError
from dgnet.core.files import disk_errors_name
from dgnet.core.json_files import parse_json
from dgnet.core.machine import usable_cores
from dgnet.data.pedestrians.render import render
from dgnet.data.pedestrians.spec import (
    GALLERY,
    MANIFEST,
    QUERY,
    TRAIN,
    Picture,
    SyntheticSpec,
    from_manifest,
    pictures,
    to_manifest,
)

_WORTH_A_PROCESS = 150  # images; below that starting a process costs more than it saves


def write_dataset(
    root: Path,
    spec: SyntheticSpec,
    processes: int | None = None,
    progress: Callable[[int], object] | None = None,
) -> None:
    """Write `bounding_box_train`, `query`, `bounding_box_test` and `synthetic.json` into the folder `root`.

    A folder that already holds this very set stays as it is. The set is written to a hidden folder beside `root`, which
    is renamed when complete, so a killed run leaves nothing under `root`. `processes`: None uses every core; the pixels
    do not depend on it. `progress` is called with the number of images that were just written.
    Raises UserError for an impossible `spec` and for a `root` that holds anything else.
    """
    spec.check()
    argument, root = Path(root), Path(root).resolve()
    if _is_complete(root, spec):
        return
    partial = root.parent / f"{_partial_prefix(root)}{os.getpid()}"
    try:
        root.parent.mkdir(parents=True, exist_ok=True)
        _sweep(root)
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
    except OSError as error:
        raise UserError(f"{argument}: cannot be created ({error.strerror})") from error
    try:
        with disk_errors_name(argument):
            for folder in (TRAIN, QUERY, GALLERY):
                (partial / folder).mkdir()
            for count in _render_all(partial, spec, processes):
                if progress is not None:
                    progress(count)
            (partial / MANIFEST).write_text(to_manifest(spec))
        try:
            os.rename(partial, root)
        except OSError:
            if not _is_complete(root, spec):  # another process may have written the same set meanwhile
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _is_complete(root: Path, spec: SyntheticSpec) -> bool:
    """True: `root` holds this set; False: nothing is there; UserError: anything else."""
    if not root.exists():
        return False
    if not root.is_dir():
        raise UserError(f"the output must be a folder that is new or empty, got the file {root}")
    if not any(root.iterdir()):
        return False
    if not (root / MANIFEST).exists():
        raise UserError(f"{root} must be new, empty or hold the same pedestrians, but it holds other files")
    stored, files = from_manifest(root)
    if stored != spec:
        there, wanted = dataclasses.asdict(stored), dataclasses.asdict(spec)
        names = [name for name in there if there[name] != wanted[name]]
        differing = ", ".join(f"{name} {there[name]} (asked: {wanted[name]})" for name in names)
        raise UserError(
            f"{root} must be new, empty or hold the same pedestrians, but it holds a set with {differing}: "
            "remove it or name another folder"
        )
    missing = [path for path in files if not (root / path).is_file()]
    if missing:
        raise UserError(
            f"{root} lacks {len(missing)} of its images ({missing[0]} first): remove it and render it again"
        )
    return True


def _partial_prefix(root: Path) -> str:
    return f".{root.name}.partial-{socket.gethostname()}-"


def _sweep(root: Path) -> None:
    """Remove what killed runs for the same `root` on this machine left beside it."""
    for left in [entry for entry in root.parent.iterdir() if entry.name.startswith(_partial_prefix(root))]:
        owner = left.name.removeprefix(_partial_prefix(root))
        if owner.isdigit() and not _is_alive(int(owner)):
            shutil.rmtree(left, ignore_errors=True)


def _is_alive(process: int) -> bool:
    """Whether there is such a process; True where that cannot be asked."""
    if os.name == "nt":
        return True  # there os.kill would end it
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _render_all(root: Path, spec: SyntheticSpec, processes: int | None) -> Iterator[int]:
    """Render every file of the set under `root`; yields how many images were written since the last time."""
    total = sum(1 for _ in pictures(spec))
    workers = min(usable_cores(), total // _WORTH_A_PROCESS) if processes is None else processes
    if workers > 1:
        yield from _render_in_processes(root, spec, workers)
        return
    for picture in pictures(spec):
        _write(root, spec, picture)
        yield 1


def _render_in_processes(root: Path, spec: SyntheticSpec, workers: int) -> Iterator[int]:
    """Render in several interpreters, which report each image by one byte through a common pipe.

    Not `multiprocessing`: its forks inherit locks that torch's threads may hold, and its spawns run the caller's main
    module again, which fails for code typed into an interpreter.
    """
    report, report_end = os.pipe()
    code = "from dgnet.data.pedestrians.dataset import _serve; from dgnet.core.errors import command; command(_serve)"
    search = os.pathsep.join([str(Path(__file__).resolve().parents[3]), os.environ.get("PYTHONPATH", "")])
    interpreters = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(root), json.dumps(dataclasses.asdict(spec)), str(worker), str(workers)],
            stdin=subprocess.DEVNULL,
            stdout=report_end,
            env={**os.environ, "PYTHONPATH": search.rstrip(os.pathsep)},
        )
        for worker in range(workers)
    ]
    os.close(report_end)
    try:
        while written := os.read(report, 4096):
            yield len(written)
        statuses = [process.wait() for process in interpreters]
    finally:
        os.close(report)
        for process in interpreters:
            process.kill()
            process.wait()
    if 2 in statuses:
        raise UserError("the images could not be written: the reason stands above")
    if any(statuses):
        raise RuntimeError(f"processes that render pedestrians ended with status {statuses}")


def _serve() -> None:
    """One of the interpreters: every `workers`-th file of the set, starting at `worker`."""
    root, spec_text, worker, workers = sys.argv[1:]
    spec = SyntheticSpec(**parse_json(spec_text))
    for picture in itertools.islice(pictures(spec), int(worker), None, int(workers)):
        _write(Path(root), spec, picture)
        os.write(sys.stdout.fileno(), b".")


def _write(root: Path, spec: SyntheticSpec, picture: Picture) -> None:
    image = render(*picture.factors(spec), spec.height, spec.width).image
    Image.fromarray(image).save(root / picture.path, compress_level=4)
