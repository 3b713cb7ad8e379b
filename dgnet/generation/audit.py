"""What an audit for copies compares: a set, the training images of its generator, and held-out images."""

import logging
from dataclasses import dataclass
from pathlib import Path

from dgnet.core.errors import UserError
from dgnet.data.datasets import read_dataset
from dgnet.data.records import Dataset
from dgnet.generation.manifest import PLAN, read_hashes, read_plan, read_recipe, read_sources
from dgnet.generation.paths import content, source_paths, sources
from dgnet.generation.verify import file_problems

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class AuditedSet:
    """The three groups of images that an audit compares.

    Attributes:
        files: the images of the manifest, below the set's folder.
        training: the training images of the set's data set, and its other images that a swap was made of; as they are
            named in the manifest, and where they are.
        held_out: images of test identities that no swap was made of.
    """

    files: tuple[str, ...]
    dataset: Dataset
    training: dict[str, Path]
    held_out: tuple[Path, ...]


def audited_set(folder: Path, data: Path | None = None) -> AuditedSet:
    """The images to compare in an audit of the set in `folder`; `data` is its data set, if that has moved.

    Raises:
        UserError: no set, an empty or damaged manifest, changed images, a set from other data than its generator's, or
            a data set that is not there or is another one.
    """
    recipe, rows = read_recipe(folder), read_sources(folder)
    if not recipe["data"].get("of_generator", True):
        raise UserError(
            f"{folder}: was generated from another data set than its generator was trained on (--other-data), and "
            "copies are those of its generator's training images"
        )
    if problems := file_problems(folder, read_hashes(folder)):
        raise UserError(f"{problems[0]}; {len(problems)} such images, which the manifest does not describe")
    if (folder / PLAN).is_file() and (planned := len(read_plan(folder))) > len(rows):
        _log.warning("warning: %s is not finished: the audit is of %d of its %d images", folder, len(rows), planned)
    root = Path(recipe["data"]["root"]) if data is None else data
    if not root.exists():
        raise UserError(f"{root}: the data set of {folder} is not there; name it by --data")
    dataset = read_dataset(root)
    if (expected := recipe["data"].get("content_sha256")) and content(dataset) != expected:
        raise UserError(f"{root}: holds other images than {folder} was made of; name its data set by --data")
    paths = dict(zip(source_paths(dataset), sources(dataset), strict=True))
    swapped = {name for row in rows.values() for name in row}
    if missing := sorted(swapped - set(paths)):
        raise UserError(f"{root}: lacks {missing[0]}, which {folder} was made of; name its data set by --data")
    trained_on = {record.path for record in dataset.train}
    training = {name: record.path for name, record in paths.items() if name in swapped or record.path in trained_on}
    known = set(training.values())
    held_out = (record for record in (*dataset.query, *dataset.gallery) if record.identity > 0)
    return AuditedSet(
        tuple(rows), dataset, training, tuple(record.path for record in held_out if record.path not in known)
    )
