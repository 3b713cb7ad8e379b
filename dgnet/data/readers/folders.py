"""A folder per identity: the layout of the official DG-Net, and anybody's."""

from pathlib import Path

from dgnet.data.readers.names import camera_of, folders_in, images_in, misplaced, number_identities, of_the_queries
from dgnet.data.records import Dataset, Record, Split


def _dgnet_base(root: Path) -> Path:
    return root / "pytorch" if (root / "pytorch").is_dir() else root


def is_dgnet(root: Path) -> bool:
    """Whether `root` (or its `pytorch` folder) holds `train_all`."""
    return (_dgnet_base(root) / "train_all").is_dir()


def read_dgnet(root: Path) -> Dataset:
    """The layout that the official preparation writes below `pytorch`: split/ID/image.

    Trains on `train_all`; `train` and `val` are parts of it and are not read. -1 and 0000 in `gallery` are junk and
    distractors.
    """
    base = _dgnet_base(root)
    skipped: list[tuple[Path, str]] = []

    def read(folder: str, split: Split) -> tuple[Record, ...]:
        records: list[Record] = []
        for person in folders_in(base / folder):
            try:
                identity = int(person.name)
            except ValueError:
                skipped.append((person, "the name of the folder is not the number of an identity"))
                continue
            if reason := misplaced(identity, split):
                skipped.append((person, reason))
                continue
            records += [Record(path, identity, camera_of(path.name), split) for path in images_in(person)]
        return tuple(records)

    train, query, gallery = read("train_all", "train"), read("query", "query"), read("gallery", "gallery")
    multi_query = of_the_queries(read("multi-query", "multi_query"), query)
    return Dataset("dgnet", base, train, query, gallery, multi_query, tuple(skipped))


def _split_folders(root: Path) -> dict[Split, Path]:
    if (root / "train").is_dir():
        return {"train": root / "train", "query": root / "query", "gallery": root / "gallery"}
    return {"train": root}


def is_folders(root: Path) -> bool:
    """Whether `root`, or `root/train`, holds folders with images."""
    return any(images_in(person) for person in folders_in(_split_folders(root)["train"]))


def read_folders(root: Path) -> Dataset:
    """`root/IDENTITY/image` (training only) or `root/{train,query,gallery}/IDENTITY/image`.

    Folder names that are numbers stay the identities, others are numbered in sorted order; -1 is junk. The camera is
    read from names in Market-1501's or MSMT17's convention and is -1 (unknown) in others.
    """
    people = {split: folders_in(folder) for split, folder in _split_folders(root).items()}
    names = {split: [folder.name for folder in folders] for split, folders in people.items()}
    numbers = number_identities(names["train"] + names.get("query", []), names.get("gallery", []))
    loose = [path for folder in _split_folders(root).values() for path in images_in(folder)]
    skipped = [(path, "not inside the folder of an identity") for path in loose]
    splits: dict[str, tuple[Record, ...]] = {}
    for split, folders in people.items():
        records: list[Record] = []
        for person in folders:
            identity = numbers[person.name]
            if reason := misplaced(identity, split):
                skipped.append((person, reason))
            else:
                records += [Record(path, identity, camera_of(path.name), split) for path in images_in(person)]
        splits[split] = tuple(records)
    return Dataset(root.resolve().name, root, skipped=tuple(skipped), **splits)
