"""Which pairs a set holds: pure functions of records, counts and a seed. A pair is (appearance, structure).

A longer plan contains the shorter ones of the same seed, so that a set can be extended. Every plan is sorted by
structure: `dgnet.generation.engine` then computes each code once.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from dgnet.core.csv_files import read_csv
from dgnet.core.errors import UserError
from dgnet.core.files import read_text
from dgnet.core.random_draws import permutation, rng
from dgnet.data.records import Record

Pairs = list[tuple[int, int]]
COLUMNS = ("appearance", "structure")


def ring_pairs(records: Sequence[Record], seed: int, count: int | None = None) -> Pairs:
    """The official protocol: every image once as appearance, with the structure of another image.

    The images are put into a random circular order and each is paired with the structure of its neighbor, so that
    every image is also used once as structure, and none with itself. A `count` above the number of images draws further
    circular orders and never repeats a pair; one below it takes the first pairs by structure. The two images of a pair
    may show one identity, as in the official code.

    Raises:
        UserError: fewer than two images, or more pairs than there are.
    """
    images = len(records)
    count = images if count is None else count
    if images < 2 or not 1 <= count <= images * (images - 1):
        raise UserError(f"{count} different pairs were asked for, and {images} images have {images * (images - 1)}")
    pairs: dict[tuple[int, int], None] = {}
    ring = 0
    while len(pairs) < count:
        order = permutation(seed, "circle of structures", ring, images).tolist()
        pairs |= dict.fromkeys(_by_structure((a, s) for s, a in zip(order, order[1:] + order[:1], strict=True)))
        ring += 1
    return _by_structure(list(pairs)[:count])


def pairs_per_identity(records: Sequence[Record], each: int, seed: int) -> Pairs:
    """`each` pairs for every identity: its images in turn as appearance, structures of other identities.

    Raises:
        UserError: fewer than two identities, or an identity has fewer than `each` different pairs.
    """
    images: dict[int, list[int]] = {}
    for index, record in enumerate(records):
        images.setdefault(record.identity, []).append(index)
    if len(images) < 2:
        raise UserError(f"pairs per identity need at least two identities, got {len(images)}")
    pairs: Pairs = []
    for identity in sorted(images):
        own = images[identity]
        others = [index for index, record in enumerate(records) if record.identity != identity]
        if not 1 <= each <= len(own) * len(others):
            raise UserError(f"identity {identity} has {len(own) * len(others)} different pairs, {each} were asked for")
        order = permutation(seed, "appearances of an identity", identity, len(own))
        draws = rng(seed, "structures of an identity", identity)
        unique: dict[tuple[int, int], None] = {}
        while len(unique) < each:
            # Drawn one by one: the n-th pair is the same whatever `each` is.
            appearance = own[int(order[len(unique) % len(own)])]
            unique[appearance, others[int(draws.random() * len(others))]] = None
        pairs += unique
    return _by_structure(pairs)


def all_pairs(appearances: Sequence[int], structures: Sequence[int]) -> Pairs:
    """Every appearance with every structure, an image with itself too (its reconstruction)."""
    return _by_structure((a, s) for a in appearances for s in structures)


def extend_pairs(old: Sequence[tuple[int, int]], plan: Iterable[tuple[int, int]]) -> Pairs:
    """The `old` pairs of a set, then those of `plan` that it does not have, by structure."""
    known = set(old)
    return [*old, *_by_structure(pair for pair in plan if pair not in known)]


def read_list(path: Path) -> list[tuple[str, str]]:
    """The lines of a text file that are not empty, each behind its place: file and number. `UserError` when the file is
    missing, empty or no text."""
    numbered = enumerate(read_text(_file(path)).splitlines(), start=1)
    lines = [(f"{path}, line {number}", line.strip()) for number, line in numbered if line.strip()]
    if not lines:
        raise UserError(f"{path}: names no image")
    return lines


def read_pairs(path: Path) -> list[tuple[str, str, str]]:
    """The columns `appearance` and `structure` of a CSV file, behind the place of each row: file and line. `UserError`
    when they are not there."""
    columns, rows = read_csv(_file(path))
    if missing := [name for name in COLUMNS if name not in columns]:
        raise UserError(
            f"{path}: the first line must name the columns {', '.join(COLUMNS)}, and it lacks {', '.join(missing)}"
        )
    pairs = []
    for where, row in rows:
        if not row["appearance"] or not row["structure"]:
            raise UserError(f"{where}: every pair needs an appearance and a structure")
        pairs.append((where, row["appearance"].strip(), row["structure"].strip()))
    if not pairs:
        raise UserError(f"{path}: names no pair")
    return pairs


def _by_structure(pairs: Iterable[tuple[int, int]]) -> Pairs:
    return sorted(dict.fromkeys(pairs), key=lambda pair: (pair[1], pair[0]))


def _file(path: Path) -> Path:
    if not path.is_file():
        raise UserError(f"{path}: " + ("a folder, not a text file" if path.is_dir() else "no such file"))
    return path
