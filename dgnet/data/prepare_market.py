"""Market-1501's published folders -> the folder layout of the official DG-Net. Training here needs no such step."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from dgnet.core.errors import UserError
from dgnet.core.files import disk_errors_name
from dgnet.data.datasets import read_dataset
from dgnet.data.readers.market import FOLDERS, read_market_folder
from dgnet.data.records import Dataset, Record

# What os.link says where hard links cannot be: on another file system, or where the system does not have or allow them.
NO_LINK = (errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK)


@dataclass(frozen=True)
class Written:
    """What was written: images per folder of `output`, how many of them are links and copies; files passed over."""

    output: Path
    images: dict[str, int]
    linked: int
    copied: int
    skipped: int


def _identity_folder(record: Record) -> str:
    # The text of the name, not the number: the official code sorts its classes by folder names such as 0002.
    return record.path.name.split("_")[0]


def _placed(dataset: Dataset) -> Iterator[tuple[str, Record]]:
    """(folder, record) for every file to write. The first image of each training identity is held out as `val`."""
    met = set()
    for record in dataset.train:
        yield "train_all", record
        yield ("train" if record.identity in met else "val"), record
        met.add(record.identity)
    yield from (("query", record) for record in dataset.query)
    yield from (("gallery", record) for record in dataset.gallery)
    # All of gt_bbox, as the official code does, including images that belong to no query.
    boxes, _ = read_market_folder(dataset.root / FOLDERS["multi_query"], "multi_query")
    yield from (("multi-query", record) for record in boxes)


def prepare_market(root: Path, output: Path | None = None, copy: bool = False) -> Written:
    """Writes `train_all`, `train`, `val`, `query`, `gallery` and (from gt_bbox) `multi-query`, each with ID folders.

    `output` (default: `pytorch` in the data set) must not exist: a `UserError` otherwise. Files are hard links unless
    `copy`, or where the file system has none. Everything is written to a temporary folder beside `output` and renamed
    at the end, so that `output` is complete or not there.
    """
    dataset = read_dataset(root, "market1501")
    output = dataset.root / "pytorch" if output is None else output
    if os.path.lexists(output):
        raise UserError(f"{output}: already exists, and nothing is overwritten; remove it or name another --output")
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{output.name}-", dir=output.parent))
    images: dict[str, int] = {}
    copied = 0
    try:
        for folder, record in tqdm(list(_placed(dataset)), "writing", unit="image", delay=1, disable=None):
            target = partial / folder / _identity_folder(record) / record.path.name
            with disk_errors_name(output):
                target.parent.mkdir(parents=True, exist_ok=True)
                copied += _place(record.path, target, copy)
            images[folder] = images.get(folder, 0) + 1
        partial.chmod(0o777 & ~_umask())  # mkdtemp makes folders private
        partial.rename(output)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return Written(output, images, sum(images.values()) - copied, copied, len(dataset.skipped))


def _place(source: Path, target: Path, copy: bool) -> bool:
    """Link or copy; whether it is a copy."""
    if not copy:
        try:
            os.link(source, target)
            return False
        except OSError as error:
            if error.errno not in NO_LINK:
                raise
    shutil.copy2(source, target)
    return True


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
