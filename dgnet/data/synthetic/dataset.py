"""Writing a set of built-in pedestrians in the Market-1501 layout: all of it or nothing."""

import dataclasses
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from PIL import Image

from dgnet.data.synthetic.render import render
from dgnet.data.synthetic.spec import (
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
from dgnet.errors import UserError

_WORTH_A_PROCESS = 150  # images; below that starting a process costs more than it saves


def write_dataset(
    root: Path,
    spec: SyntheticSpec,
    processes: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Write `bounding_box_train`, `query`, `bounding_box_test` and `synthetic.json` into the folder `root`.

    A folder that already holds this very set stays as it is. The set grows in a hidden folder beside `root` and is
    renamed when complete, so a killed run leaves nothing under `root`. `processes`: None uses every core; the pixels do
    not depend on it. `progress` is called with the number of images that were just written.
    Raises UserError for an impossible `spec` and for a `root` that holds anything else.
    """
    spec.check()
    root = Path(root).resolve()
    if _is_complete(root, spec):
        return
    root.parent.mkdir(parents=True, exist_ok=True)
    _sweep(root)
    growing = root.parent / f"{_growing_prefix(root)}{os.getpid()}"
    shutil.rmtree(growing, ignore_errors=True)
    try:
        for folder in (TRAIN, QUERY, GALLERY):
            (growing / folder).mkdir(parents=True)
        for count in _render_all(growing, spec, processes):
            if progress is not None:
                progress(count)
        (growing / MANIFEST).write_text(to_manifest(spec))
        try:
            os.rename(growing, root)
        except OSError:
            if not _is_complete(root, spec):  # another process may have written the same set meanwhile
                raise
    finally:
        shutil.rmtree(growing, ignore_errors=True)


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
    found, files = from_manifest(root)
    if found != spec:
        held, asked = dataclasses.asdict(found), dataclasses.asdict(spec)
        names = [name for name in held if held[name] != asked[name]]
        differing = ", ".join(f"{name} {held[name]} (asked: {asked[name]})" for name in names)
        raise UserError(f"{root} must be new, empty or hold the same pedestrians, but it holds a set with {differing}")
    missing = [path for path in files if not (root / path).is_file()]
    if missing:
        raise UserError(
            f"{root} lacks {len(missing)} of its images ({missing[0]} first): remove it and render it again"
        )
    return True


def _growing_prefix(root: Path) -> str:
    return f".{root.name}.partial-{socket.gethostname()}-"


def _sweep(root: Path) -> None:
    """Remove what killed runs for the same `root` on this machine left beside it."""
    for left in [entry for entry in root.parent.iterdir() if entry.name.startswith(_growing_prefix(root))]:
        owner = left.name.removeprefix(_growing_prefix(root))
        if owner.isdigit() and not _is_alive(int(owner)):
            shutil.rmtree(left, ignore_errors=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _render_all(root: Path, spec: SyntheticSpec, processes: int | None) -> Iterator[int]:
    """Render every file of the set under `root`; yields how many images each step wrote."""
    everything = list(pictures(spec))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    workers = min(cores, len(everything) // _WORTH_A_PROCESS) if processes is None else processes
    write = partial(_write, root, spec)
    if workers <= 1:
        for picture in everything:
            yield write(picture)
        return
    # Fresh processes, not copies of this one: a copy may inherit locks that torch's threads hold.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(write, everything, chunksize=16)


def _write(root: Path, spec: SyntheticSpec, picture: Picture) -> int:
    image = render(*picture.factors(spec), spec.height, spec.width).image
    Image.fromarray(image).save(root / picture.path, compress_level=4)
    return 1
