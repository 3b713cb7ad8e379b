"""Fidelity of pairs of files: an image and what it should look like, by one name in two folders."""

import filecmp
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dgnet.core.errors import UserError
from dgnet.core.folder_names import one_line
from dgnet.core.images import image_files, read_image

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Means:
    """The mean of a measure over pairs, and the value of each."""

    mean: float
    of_pairs: np.ndarray = field(repr=False)


def files_by_name(first: Path, second: Path) -> list[tuple[Path, Path]]:
    """The images of two folders that have one path below them, up to the suffix.

    A warning where both files of a pair are the same, byte for byte. `UserError` for an image without a partner, or one
    name twice.
    """
    by_name: list[dict[str, Path]] = []
    for folder in (first, second):
        files: dict[str, Path] = {}
        for path in image_files(folder):
            name = path.relative_to(folder).with_suffix("").as_posix()
            if name in files:
                raise UserError(f"{folder}: {files[name].name} and {path.name} have one name up to the suffix")
            files[name] = path
        by_name.append(files)
    unmatched = sorted(by_name[0].keys() ^ by_name[1].keys())
    if unmatched:
        place = first if unmatched[0] in by_name[0] else second
        raise UserError(
            f"{place}: {unmatched[0]} has no partner of its name in the other folder, "
            f"nor have {len(unmatched) - 1} others"
        )
    pairs = [(by_name[0][name], by_name[1][name]) for name in by_name[0]]
    same = [one for one, other in pairs if filecmp.cmp(one, other, shallow=False)]
    if same:
        _log.warning(
            "warning: in %d of %d pairs both files are the same (%s is the first): they count as perfect",
            len(same),
            len(pairs),
            one_line(str(same[0])),
        )
    return pairs


def means_of_pairs(
    batches: Iterable[tuple[Tensor, Tensor]], measures: Mapping[str, Callable[[Tensor, Tensor], Tensor]]
) -> dict[str, Means]:
    """Each measure's mean over batches of pairs of uint8 images `[pair, 3, height, width]`, by name."""
    values: dict[str, list[Tensor]] = {name: [] for name in measures}
    for first, second in batches:
        for name, measure in measures.items():
            values[name].append(measure(first, second).double().cpu())
    means = {}
    for name, parts in values.items():
        if not parts:
            raise UserError("fidelity needs at least one pair of images, got none")
        of_pairs = torch.cat(parts).numpy()
        means[name] = Means(float(of_pairs.mean()), of_pairs)
    return means


def pairs_of_files(files: Sequence[tuple[Path, Path]]) -> Iterator[tuple[Tensor, Tensor]]:
    """Each pair as a batch of its own, at the size of its files; `UserError` names two of different sizes."""
    for first, second in files:
        one, two = read_image(first), read_image(second)
        if one.shape != two.shape:
            sizes = " and ".join(f"{image.shape[1]} x {image.shape[2]}" for image in (one, two))
            raise UserError(f"{first} and {second} must have one size, they have {sizes}")
        yield one[None], two[None]
