"""Market-1501 as it is published, and the data sets that took over its folders: DukeMTMC-reID and CUHK03-NP."""

from dataclasses import replace
from pathlib import Path

from dgnet.data.readers.contents import PassedOver, found_and_missing, images_in, unread_folders
from dgnet.data.readers.names import market_name, misplaced, of_the_queries, refuse_two_spellings
from dgnet.data.records import Dataset, Record, Split

FOLDERS: dict[Split, str] = {
    "train": "bounding_box_train",
    "query": "query",
    "gallery": "bounding_box_test",
    "multi_query": "gt_bbox",
}
# What the official DG-Net's preparation writes beside them.
PREPARED = ("pytorch",)
CUHK03_FOLDERS = ("detected", "labeled")


def read_market_folder(folder: Path, split: Split) -> tuple[tuple[Record, ...], PassedOver]:
    """The records of one folder of files named `identity_cCAMERA...`, and `(path, reason)` of what is passed over.

    Junk (-1) and distractors (0) are passed over in the training and query splits, where they mean nothing.
    """
    records: list[Record] = []
    skipped: PassedOver = []
    for path in images_in(folder, skipped):
        parsed = market_name(path.name)
        if parsed is None:
            skipped.append((path, "the name is not like 0002_c1s1_000451_03.jpg (identity_cCAMERA...)"))
        elif reason := misplaced(parsed[0], split):
            skipped.append((path, reason))
        else:
            records.append(Record(path, *parsed, split))
    return tuple(records), skipped


def read_splits(root: Path, name: str, folders: dict[Split, str]) -> Dataset:
    """A data set with a folder for each split, read by `read_market_folder`; a folder that is not there is empty.

    `UserError` where one number is written in two ways (`2_c1...` and `0002_c1...`).
    """
    splits: dict[str, tuple[Record, ...]] = {}
    skipped: PassedOver = []
    for split, folder in folders.items():
        splits[split], passed_over = read_market_folder(root / folder, split)
        skipped += passed_over
    skipped += unread_folders(root, folders.values(), PREPARED)
    written = {record.path.name.partition("_")[0] for records in splits.values() for record in records}
    refuse_two_spellings(root, sorted(written))
    return Dataset(name, root, skipped=tuple(skipped), names=(), tracks=0, **splits)


def is_market(root: Path) -> bool:
    """Whether `root` holds Market-1501's training folder."""
    return (root / FOLDERS["train"]).is_dir()


def market_parts(root: Path) -> tuple[list[str], list[str]]:
    """Which of Market-1501's folders are in `root`, and which are not."""
    return found_and_missing(root, [FOLDERS[split] for split in ("train", "query", "gallery")])


def read_market(root: Path, name: str = "market1501") -> Dataset:
    """Reads `bounding_box_train`, `query`, `bounding_box_test` and, if it is there, `gt_bbox` (multi-query)."""
    dataset = read_splits(root, name, FOLDERS)
    return replace(dataset, multi_query=of_the_queries(dataset.multi_query, dataset.query))


def _cuhk03_root(root: Path) -> Path | None:
    return next((root / folder for folder in CUHK03_FOLDERS if is_market(root / folder)), None)


def is_cuhk03_np(root: Path) -> bool:
    """Whether `root` holds CUHK03-NP's `detected` or `labeled` folders."""
    return _cuhk03_root(root) is not None


def read_cuhk03_np(root: Path) -> Dataset:
    """CUHK03 in the new protocol. Where both are there, `detected` is read; for the other, give the path of `labeled`
    itself.
    """
    return read_market(_cuhk03_root(root) or root, "cuhk03_np")
