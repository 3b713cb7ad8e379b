"""Verification of a generated set: every image is read again and compared with the manifest."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from dgnet.core.checkpoint import file_hash
from dgnet.core.errors import UserError
from dgnet.core.images import files_below, is_image_name, read_image
from dgnet.core.machine import usable_cores
from dgnet.generation.manifest import PLAN, read_hashes, read_plan, read_recipe
from dgnet.generation.paths import IMAGES


@dataclass(frozen=True)
class Verification:
    """Images in the manifest, pairs in the plan (None where the set was copied without it), problems as sentences."""

    images: int
    planned: int | None
    problems: tuple[str, ...]


def verify(folder: Path) -> Verification:
    """Read and hash every image of the manifest again, and look for images that are not in it.

    Raises:
        UserError: the folder holds no set, or its recipe, plan or manifest is damaged.
    """
    recipe, hashes = read_recipe(folder), read_hashes(folder)
    problems = file_problems(folder, hashes, (recipe["image"]["height"], recipe["image"]["width"]))
    images = files_below(folder / IMAGES) if (folder / IMAGES).is_dir() else []
    files = {path.relative_to(folder).as_posix() for path in images if is_image_name(path.name)}
    problems += [f"{folder / name}: not in the manifest" for name in sorted(files - set(hashes))]
    planned = len(read_plan(folder)) if (folder / PLAN).is_file() else None
    return Verification(len(hashes), planned, tuple(problems))


def file_problems(folder: Path, hashes: Mapping[str, str], size: tuple[int, int] | None = None) -> list[str]:
    """A sentence for each file that is missing, has another SHA-256 than in `hashes`, or is no image of `size`."""

    def problem(name: str) -> str | None:
        path = folder / name
        if not path.is_file():
            return f"{path}: missing"
        if file_hash(path) != hashes[name]:
            return f"{path}: changed since it was written"
        if size is None:
            return None
        try:
            height, width = read_image(path).shape[1:]
        except UserError as error:
            return str(error)
        return None if (height, width) == size else f"{path}: {height}x{width}, the set is of {size[0]}x{size[1]}"

    with ThreadPoolExecutor(usable_cores()) as pool:
        return [sentence for sentence in pool.map(problem, hashes) if sentence is not None]
