"""VeRi-776, vehicles by 20 cameras: `image_train`, `image_query` and `image_test`, named as Market-1501 names files."""

from pathlib import Path

from dgnet.data.readers.contents import found_and_missing
from dgnet.data.readers.market import read_splits
from dgnet.data.records import Dataset, Split

FOLDERS: dict[Split, str] = {"train": "image_train", "query": "image_query", "gallery": "image_test"}


def is_veri776(root: Path) -> bool:
    """Whether `root` holds VeRi-776's training folder."""
    return (root / FOLDERS["train"]).is_dir()


def veri776_parts(root: Path) -> tuple[list[str], list[str]]:
    """Which of VeRi-776's folders are in `root`, and which are not."""
    return found_and_missing(root, list(FOLDERS.values()))


def read_veri776(root: Path) -> Dataset:
    """Reads the three folders of files such as `0001_c001_00016450_0.jpg`. The lists and XML files are not needed."""
    return read_splits(root, "veri776", FOLDERS)
