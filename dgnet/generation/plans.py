"""Which pairs a set is made of: pure functions of records, counts and a seed. A pair is (appearance, structure).

A longer plan contains the shorter ones of the same seed, so that a set can be extended. Every plan is sorted by
structure: `dgnet.generation.engine` then makes each code once.
"""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from dgnet.core.errors import UserError
from dgnet.core.random_draws import permutation, rng
from dgnet.data.records import Record

Pairs = list[tuple[int, int]]
COLUMNS = ("appearance", "structure")


def one_each(records: Sequence[Record], seed: int, count: int | None = None) -> Pairs:
    """The original's protocol: every image once with its appearance and another image's structure.

    The images stand in a random circle and each takes the structure of its neighbor, so that every image lends its
    structure once, too, and none to itself. A `count` beyond the number of images goes around in further circles, never
    repeating a pair; one below it takes the first by structure. People need not differ within a pair: the original
    does not ask for it.

    Raises:
        UserError: fewer than two images, or more pairs than there are.
    """
    images = len(records)
    count = images if count is None else count
    if images < 2 or not 1 <= count <= images * (images - 1):
        raise UserError(f"{count} different pairs were asked for, and {images} images have {images * (images - 1)}")
    pairs: dict[tuple[int, int], None] = {}
    circle = 0
    while len(pairs) < count:
        order = permutation(seed, "circle of structures", circle, images).tolist()
        pairs |= dict.fromkeys(_by_structure((a, s) for s, a in zip(order, order[1:] + order[:1], strict=True)))
        circle += 1
    return _by_structure(list(pairs)[:count])


def per_identity(records: Sequence[Record], each: int, seed: int) -> Pairs:
    """`each` pairs for every identity: its images lend their appearance in turn, structures come from other people.

    Raises:
        UserError: fewer than two identities, or an identity has fewer than `each` different pairs.
    """
    people: dict[int, list[int]] = {}
    for index, record in enumerate(records):
        people.setdefault(record.identity, []).append(index)
    if len(people) < 2:
        raise UserError(f"pairs per identity need at least two identities, and there are {len(people)}")
    pairs: Pairs = []
    for identity in sorted(people):
        own = people[identity]
        others = [index for index, record in enumerate(records) if record.identity != identity]
        if not 1 <= each <= len(own) * len(others):
            raise UserError(f"identity {identity} has {len(own) * len(others)} different pairs, {each} were asked for")
        order = permutation(seed, "appearances of an identity", identity, len(own))
        draws = rng(seed, "structures of an identity", identity)
        found: dict[tuple[int, int], None] = {}
        while len(found) < each:
            # Drawn by turns: the n-th pair is the same whatever `each` is.
            appearance = own[int(order[len(found) % len(own)])]
            found[appearance, others[int(draws.random() * len(others))]] = None
        pairs += found
    return _by_structure(pairs)


def all_pairs(appearances: Sequence[int], structures: Sequence[int]) -> Pairs:
    """Every appearance with every structure, an image with itself too (its reconstruction)."""
    return _by_structure((a, s) for a in appearances for s in structures)


def extended(made: Sequence[tuple[int, int]], plan: Iterable[tuple[int, int]]) -> Pairs:
    """The pairs of a set, then those of `plan` that it does not have, by structure."""
    known = set(made)
    return [*made, *_by_structure(pair for pair in plan if pair not in known)]


def read_list(path: Path) -> list[str]:
    """The lines of a text file that are not empty. `UserError` when it is missing, empty or no text."""
    return [line.strip() for line in _text(path).splitlines() if line.strip()] or _nothing(path, "names no image")


def read_pairs(path: Path) -> list[tuple[str, str]]:
    """The columns `appearance` and `structure` of a CSV file. `UserError` when they are not there."""
    rows = csv.DictReader(_text(path).splitlines())
    if missing := [name for name in COLUMNS if name not in (rows.fieldnames or ())]:
        raise UserError(
            f"{path}: the first line must name the columns {', '.join(COLUMNS)}, and it lacks {', '.join(missing)}"
        )
    found = []
    for row in rows:
        if not row["appearance"] or not row["structure"]:
            raise UserError(f"{path}, line {rows.line_num}: every pair needs an appearance and a structure")
        found.append((row["appearance"].strip(), row["structure"].strip()))
    return found or _nothing(path, "names no pair")


def _by_structure(pairs: Iterable[tuple[int, int]]) -> Pairs:
    return sorted(dict.fromkeys(pairs), key=lambda pair: (pair[1], pair[0]))


def _text(path: Path) -> str:
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not a text file (UTF-8)") from error


def _nothing(path: Path, what: str) -> list:
    raise UserError(f"{path}: {what}")
