"""What a data set holds, as it is said at the start of every training and test: splits, and what was passed over."""

import re
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from dgnet.core.folder_names import one_line
from dgnet.data.readers.names import market_name
from dgnet.data.records import DISTRACTOR, JUNK, UNKNOWN_CAMERA, Dataset, Record

# A person's name, then a camera or a track.
_PART = re.compile(r"(.+?)(?:[-_. ](?:c|cam|camera|t|trk|track|tracklet|seq)[-_. ]?[0-9]+)+", re.IGNORECASE)


@dataclass(frozen=True)
class SplitCount:
    """One line of the table: `images` are all, `identities` not junk or distractors, `cameras` the known ones."""

    split: str
    identities: int
    images: int
    cameras: int
    junk: int
    distractors: int


def describe_dataset(dataset: Dataset) -> str:
    """The lines of a data set: name and folder, the table of its splits, whether its identities are tracks, what was
    passed over and why, identities whose files bear the names of several, identities in training and test, and whether
    cameras are known in part.

    Example:
        >>> from dgnet.data.datasets import read_dataset
        >>> print(describe_dataset(read_dataset("data/Market-1501")))
        market1501 at data/Market-1501
        split         identities       images      cameras         junk  distractors
        train                  3            6            5            0            0
        query                  2            2            2            0            0
        gallery                2            5            4            1            1
        multi_query            1            1            1            0            0
    """
    lines = [one_line(f"{dataset.name} at {dataset.root}"), *split_table(count_splits(dataset))]
    if remark := remark_on_tracks(dataset):
        lines.append(remark)
    reasons = Counter(reason for _, reason in dataset.skipped)
    for reason, count in reasons.most_common():
        first = next(path for path, why in dataset.skipped if why == reason)
        place = first.relative_to(dataset.root) if first.is_relative_to(dataset.root) else first
        lines.append(one_line(f"passed over: {count} ({'' if count == 1 else 'the first is '}{place}): {reason}"))
    if named := named_otherwise(dataset):
        identity, (one, other) = next(iter(named.items()))
        lines.append(
            one_line(
                f"{len(named)} identities hold images that are of several people by their names (identity {identity}: "
                f"{one.name} and {other.name})"
            )
        )
    if both := in_training_and_test(dataset):
        lines.append(
            f"{len(both)} identities ({both[0]} is the first) are in training and in test: of a model that trains "
            "here, figures are of people that it saw"
        )
    mixed = mixed_cameras(dataset)
    if mixed:
        identity, (known, unknown) = next(iter(mixed.items()))
        lines.append(
            f"cameras are known in part of {len(mixed)} test identities (of identity {identity} for {known} images, "
            f"not for {unknown}): no ranking tells which matches are by another camera"
        )
    return "\n".join(lines)


def remark_on_tracks(dataset: Dataset) -> str:
    """What identities that are tracks of films, or a person's by each camera, are worth, in a sentence; empty where
    they are people's.

    Example:
        >>> from pathlib import Path
        >>> print(remark_on_tracks(Dataset("people", Path("people"), tracks=7)))
        identities are those of 7 tracks of films, and a person may be several of them: figures are of tracks, not of
        people, and a training learns to tell a person's tracks apart
    """
    if not dataset.tracks:
        return _remark_on_parts(dataset)
    return (
        f"identities are those of {dataset.tracks} tracks of films, and a person may be several of them: figures are "
        "of tracks, not of people, and a training learns to tell a person's tracks apart"
    )


def _remark_on_parts(dataset: Dataset) -> str:
    """That people seem to be several identities, by names such as 0001_c1 and 0001_c2."""
    parts: dict[str, list[str]] = defaultdict(list)
    for _, name in dataset.names:
        if match := _PART.fullmatch(name):
            parts[match[1]].append(name)
    several = [names for names in parts.values() if len(names) > 1]
    if not several:
        return ""
    return one_line(
        f"{sum(map(len, several))} identities are {len(several)} people by each camera or track, as their names seem "
        f"to say ({several[0][0]} and {several[0][1]}): a training learns to tell a person's images apart; give all "
        "images of a person one identity"
    )


def print_dataset(dataset: Dataset) -> None:
    """`describe_dataset` on stderr, where a command's figures are not."""
    print(describe_dataset(dataset), file=sys.stderr)


def splits_of(dataset: Dataset) -> dict[str, tuple[Record, ...]]:
    """The records of each split by its name."""
    return {
        "train": dataset.train,
        "query": dataset.query,
        "gallery": dataset.gallery,
        "multi_query": dataset.multi_query,
    }


def in_training_and_test(dataset: Dataset) -> list[int]:
    """The identities of training images that queries or gallery show, too, without distractors."""
    test = {record.identity for record in (*dataset.query, *dataset.gallery)}
    return sorted({record.identity for record in dataset.train} & test - {JUNK, DISTRACTOR})


def named_otherwise(dataset: Dataset) -> dict[int, tuple[Path, Path]]:
    """Identities whose images are of several people by their file names (`0002_c1...`, `0003_c2...`) -> images of two.

    Folders or lists have labels that moved, then, or join people on purpose.
    """
    first: dict[int, dict[int, Path]] = defaultdict(dict)
    for record in (record for records in splits_of(dataset).values() for record in records):
        parsed = market_name(record.path.name)
        if parsed is not None and record.identity not in (JUNK, DISTRACTOR):
            first[record.identity].setdefault(parsed[0], record.path)
    pairs = {identity: tuple(paths.values())[:2] for identity, paths in sorted(first.items()) if len(paths) > 1}
    return {identity: (one, other) for identity, (one, other) in pairs.items()}


def mixed_cameras(dataset: Dataset) -> dict[int, tuple[int, int]]:
    """Identities of queries whose test images have known and unknown cameras -> how many of each.

    A true match comes from another camera than the query, and whether it does cannot be told of these: no ranking takes
    them.
    """
    counts = {record.identity: [0, 0] for record in dataset.query}
    for record in (*dataset.query, *dataset.gallery):
        if record.identity in counts:
            counts[record.identity][record.camera == UNKNOWN_CAMERA] += 1
    return {identity: (known, unknown) for identity, (known, unknown) in sorted(counts.items()) if known and unknown}


def count_splits(dataset: Dataset) -> tuple[SplitCount, ...]:
    """What each split holds; no image is opened."""
    return tuple(_count(split, records) for split, records in splits_of(dataset).items())


def split_counts(dataset: Dataset) -> dict[str, dict[str, int]]:
    """What each split of a data set holds, by kind, for a report: empty splits and kinds are left out."""
    kinds = ("images", "identities", "cameras", "junk", "distractors")
    counted = {count.split: {kind: getattr(count, kind) for kind in kinds} for count in count_splits(dataset)}
    return {
        split: {kind: number for kind, number in numbers.items() if number or kind == "images"}
        for split, numbers in counted.items()
        if numbers["images"]
    }


def split_table(counts: Sequence[SplitCount]) -> list[str]:
    """The counts as the lines of a table."""
    head = ("split", "identities", "images", "cameras", "junk", "distractors")
    rows = [head, *(astuple(count) for count in counts)]
    return [f"{split:<12}" + "".join(f"{cell:>13}" for cell in cells) for split, *cells in rows]


def _count(split: str, records: Sequence[Record]) -> SplitCount:
    identities = Counter(record.identity for record in records)
    cameras = {record.camera for record in records} - {UNKNOWN_CAMERA}
    junk, distractors = identities.pop(JUNK, 0), identities.pop(DISTRACTOR, 0)
    return SplitCount(split, len(identities), len(records), len(cameras), junk, distractors)
