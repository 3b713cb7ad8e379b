"""A folder per identity: the layout of the official DG-Net, and anybody's."""

from pathlib import Path

from dgnet.data.readers.contents import (
    PassedOver,
    entries,
    found_and_missing,
    holds_images,
    images_in,
    people_in,
    unread_folders,
)
from dgnet.data.readers.names import (
    camera_of,
    is_junk,
    misplaced,
    names_of,
    number,
    number_identities,
    of_the_queries,
    refuse_two_spellings,
)
from dgnet.data.records import JUNK, Dataset, Record, Split

SPLITS: tuple[Split, ...] = ("train", "query", "gallery")


def _dgnet_base(root: Path) -> Path:
    return root / "pytorch" if (root / "pytorch").is_dir() else root


def is_dgnet(root: Path) -> bool:
    """Whether `root` (or its `pytorch` folder) holds `train_all`."""
    return (_dgnet_base(root) / "train_all").is_dir()


def dgnet_parts(root: Path) -> tuple[list[str], list[str]]:
    """Which of the official DG-Net's folders are in `root`, and which are not."""
    return found_and_missing(root, ("train_all", "query", "gallery"))


def read_dgnet(root: Path) -> Dataset:
    """The layout that the official preparation writes below `pytorch`: split/ID/image.

    Trains on `train_all`; `train` and `val` are parts of it and are not read. -1 and 0000 in `gallery` are junk and
    distractors. `UserError` where one number is written in two ways (`2` and `0002`).
    """
    base = _dgnet_base(root)
    skipped: PassedOver = []
    known: set[str] = set()

    def read(folder: str, split: Split) -> tuple[Record, ...]:
        records: list[Record] = []
        for person in people_in(base / folder, skipped):
            identity = JUNK if is_junk(person.name) else number(person.name)
            known.add(person.name)
            if identity is None:
                skipped.append((person, "the name of the folder is not the number of an identity"))
            elif reason := misplaced(identity, split):
                skipped.append((person, reason))
            else:
                records += _records(person, identity, split, skipped)
        return tuple(records)

    train, query, gallery = read("train_all", "train"), read("query", "query"), read("gallery", "gallery")
    multi_query = of_the_queries(read("multi-query", "multi_query"), query)
    skipped += unread_folders(base, ("train_all", "query", "gallery", "multi-query"), ("train", "val"))
    refuse_two_spellings(base, sorted(known))
    return Dataset("dgnet", base, train, query, gallery, multi_query, tuple(skipped))


def _split_folders(root: Path) -> dict[Split, Path]:
    """Of each split its folder; a test split may be there alone."""
    there = {split for split in SPLITS if (root / split).is_dir()}
    return {split: root / split for split in SPLITS} if there >= {"train"} or len(there) == 2 else {"train": root}


def is_folders(root: Path) -> bool:
    """Whether `root`, or `root/train`, holds folders of identities with images."""
    return any(holds_images(person) for person in people_in(_split_folders(root)["train"], []))


def folders_parts(root: Path) -> tuple[list[str], list[str]]:
    """Which of `train`, `query` and `gallery` are in `root`, and what is not."""
    found, missing = found_and_missing(root, SPLITS)
    return found, ["a folder with images for each identity in train"] if "train" in found else missing


def read_folders(root: Path) -> Dataset:
    """`root/IDENTITY/image` (training only) or `root/{train,query,gallery}/IDENTITY/image`.

    Folder names that are numbers stay the identities, others are numbered in sorted order; -1 is junk (in MARS 00-1),
    and beside junk 0000 are distractors. The camera is read from names in Market-1501's or MSMT17's convention and is
    -1 (unknown) in others. `UserError` where one number is written in two ways (`2` and `0002`).
    """
    skipped: PassedOver = []
    sides = _split_folders(root)
    if root not in sides.values():
        unread = (path for path in entries(root) if path.is_dir() and path.name not in SPLITS)
        skipped += [(path, f"only {', '.join(SPLITS)} are read here") for path in unread]
    people = {split: people_in(folder, skipped) for split, folder in sides.items()}
    names = {split: [folder.name for folder in folders] for split, folders in people.items()}
    numbers = number_identities(root, names["train"] + names.get("query", []), names.get("gallery", []))
    splits: dict[str, tuple[Record, ...]] = {}
    for split, folders in people.items():
        records: list[Record] = []
        for person in folders:
            identity = numbers[person.name]
            if reason := misplaced(identity, split):
                skipped.append((person, reason))
            else:
                records += _records(person, identity, split, skipped)
        splits[split] = tuple(records)
    return Dataset(root.resolve().name, root, skipped=tuple(skipped), names=names_of(numbers), tracks=0, **splits)


def _records(person: Path, identity: int, split: Split, skipped: PassedOver) -> list[Record]:
    """The images of one identity's folder."""
    passed_over: PassedOver = []
    records = [Record(path, identity, camera_of(path.name), split) for path in images_in(person, passed_over)]
    skipped += passed_over if records or passed_over else [(person, "no image in it")]
    return records
