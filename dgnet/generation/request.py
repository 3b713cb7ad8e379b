"""What to generate: the generator, the pairs and the files of a set."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dgnet.core.device import PrecisionName
from dgnet.core.errors import UserError
from dgnet.data.records import Dataset
from dgnet.generation.paths import find_sources
from dgnet.generation.plans import Pairs, all_pairs, pairs_per_identity, read_list, read_pairs, ring_pairs


@dataclass(frozen=True)
class SetRequest:
    """The options of `tools/generate.py`, by their names; see its help.

    `pairs` may also be the pairs themselves, each (appearance, structure): images of the data set by their path below
    its folder, or by their file name.
    """

    name: str | None = None
    output_path: Path = Path()
    iteration: int | None = None
    device: str = "auto"
    precision: PrecisionName = "fp32"
    data: Path | None = None
    other_data: bool = False
    license: str | None = None
    count: int | None = None
    per_identity: int | None = None
    appearances: Path | None = None
    structures: Path | None = None
    pairs: Path | Sequence[tuple[str, str]] | None = None
    seed: int = 0
    teacher: Path | None = None
    no_scores: bool = False
    output: Path | None = None
    jpeg_quality: int | None = None
    resume: bool = False
    extend: bool = False
    batch_size: int = 64
    memory: float = 2.0
    threads: int = 2


def plan_pairs(request: SetRequest, dataset: Dataset) -> tuple[Pairs, dict[str, Any]]:
    """The pairs of a request, and how they were chosen, for `set.json`.

    Raises:
        UserError: options of several plans, or pairs that this data set does not have.
    """
    lists = request.appearances is not None or request.structures is not None
    options = {
        "--count": request.count is not None,
        "--per-identity": request.per_identity is not None,
        "--appearances and --structures": lists,
        "--pairs-file": request.pairs is not None,
    }
    chosen = [option for option, given in options.items() if given]
    if len(chosen) > 1:
        raise UserError(f"{' and '.join(chosen)} are different plans: give one of them")
    if request.pairs is not None:
        if isinstance(request.pairs, Path):
            rows = read_pairs(request.pairs)
        else:
            rows = [(f"pairs[{number}]", *pair) for number, pair in enumerate(request.pairs)]
        appearances, structures = (find_sources(dataset, [(row[0], row[role]) for row in rows]) for role in (1, 2))
        pairs = list(dict.fromkeys(zip(appearances, structures, strict=True)))
        kind = "pairs of a file" if isinstance(request.pairs, Path) else "given pairs"
        return sorted(pairs, key=lambda pair: (pair[1], pair[0])), {"kind": kind, "count": len(pairs)}
    if lists:
        if request.appearances is None or request.structures is None:
            raise UserError("--appearances and --structures belong together: give both")
        files = (request.appearances, request.structures)
        pairs = all_pairs(*(find_sources(dataset, read_list(path)) for path in files))
        return pairs, {"kind": "all pairs of two lists", "count": len(pairs)}
    if request.per_identity is not None:
        pairs = pairs_per_identity(dataset.train, request.per_identity, request.seed)
        plan = {"kind": "per identity", "each": request.per_identity, "seed": request.seed}
        return pairs, {**plan, "count": len(pairs)}
    pairs = ring_pairs(dataset.train, request.seed, request.count)
    return pairs, {"kind": "the official protocol", "seed": request.seed, "count": len(pairs)}
