"""MSMT17 (V1 and V2): list files beside the folders of training and test images."""

from pathlib import Path

from dgnet.core.errors import UserError
from dgnet.core.files import read_text
from dgnet.data.readers.contents import PassedOver, found_and_missing, unread_folders
from dgnet.data.readers.lists import refuse_two_labels, sorted_once
from dgnet.data.readers.names import msmt17_camera, number, refuse_two_spellings
from dgnet.data.records import Dataset, Record, Split

TRAIN_FOLDERS = ("train", "mask_train_v2")
TEST_FOLDERS = ("test", "mask_test_v2")
LISTS: dict[str, Split] = {
    "list_train.txt": "train",
    "list_val.txt": "train",
    "list_query.txt": "query",
    "list_gallery.txt": "gallery",
}
# In the lists training and test identities both count from 0 and are different people; elsewhere 0 means distractor.
TRAIN_OFFSET, TEST_OFFSET = 10_000, 20_000


def is_msmt17(root: Path) -> bool:
    """Whether `root` holds MSMT17's training list."""
    return (root / "list_train.txt").is_file()


def msmt17_parts(root: Path) -> tuple[list[str], list[str]]:
    """Which of MSMT17's lists, and of the folders that no other data set has, are in `root`; which lists are not."""
    folders, _ = found_and_missing(root, (TRAIN_FOLDERS[1], TEST_FOLDERS[1]))
    found, missing = found_and_missing(root, list(LISTS))
    return found + folders, missing


def is_msmt17_test(root: Path) -> bool:
    """Whether `root` holds MSMT17's lists and images of the test, and no training images."""
    lists = all((root / name).is_file() for name, split in LISTS.items() if split != "train")
    return lists and _present(root, TEST_FOLDERS) is not None and _present(root, TRAIN_FOLDERS) is None


def _present(root: Path, names: tuple[str, ...]) -> Path | None:
    return next((root / name for name in names if (root / name).is_dir()), None)


def _image_folder(root: Path, names: tuple[str, ...]) -> Path:
    if folder := _present(root, names):
        return folder
    raise UserError(f"{root}: MSMT17 keeps its images in {' or '.join(names)}, and neither folder is there")


def _read_list(path: Path, folder: Path, split: Split) -> tuple[list[Record], PassedOver]:
    offset = TRAIN_OFFSET if split == "train" else TEST_OFFSET
    records: list[Record] = []
    skipped: PassedOver = []
    entries: list[tuple[str, str]] = []
    for line in read_text(path).split("\n") if path.is_file() else ():
        image, identity = (line.rsplit(maxsplit=1) + ["", ""])[:2]
        image = image.strip().replace("\\", "/")
        camera = msmt17_camera(image.rpartition("/")[2])
        if not line.strip():
            continue
        if number(identity) is None:
            skipped.append((path, f"the line is not 'image identity': {line.strip()}"))
        elif camera is None:
            skipped.append((folder / image, "the name is not like 0000_000_01_0303morning_0015_0.jpg"))
        else:
            records.append(Record(folder / image, int(identity) + offset, camera, split))
            entries.append((image, identity))
    refuse_two_labels(path, "identity", entries)
    refuse_two_spellings(path, sorted({identity for _, identity in entries}))
    most = TEST_OFFSET - TRAIN_OFFSET - 1
    if split == "train" and any(record.identity > TRAIN_OFFSET + most for record in records):
        raise UserError(f"{path}: the training identities of MSMT17 are 0 to {most} at most, here one is larger")
    return records, skipped


def read_msmt17(root: Path) -> Dataset:
    """Reads the four lists; list_train.txt and list_val.txt are trained on together, as published results do.

    Identities are the lists' numbers plus 10000 in training and plus 20000 in the test splits: the two never meet.
    """
    train_folder, test_folder = _image_folder(root, TRAIN_FOLDERS), _image_folder(root, TEST_FOLDERS)
    return _read({name: train_folder if split == "train" else test_folder for name, split in LISTS.items()}, root)


def read_msmt17_test(root: Path) -> Dataset:
    """Reads the lists of query and gallery alone."""
    folder = _image_folder(root, TEST_FOLDERS)
    return _read({name: folder for name, split in LISTS.items() if split != "train"}, root)


def _read(folders: dict[str, Path], root: Path) -> Dataset:
    """The splits of these lists, each with the folder of its images."""
    splits: dict[str, list[Record]] = {"train": [], "query": [], "gallery": []}
    skipped: PassedOver = []
    for name, folder in folders.items():
        split = LISTS[name]
        records, passed_over = _read_list(root / name, folder, split)
        splits[split] += records
        skipped += passed_over
    skipped += unread_folders(root, sorted({folder.name for folder in folders.values()}))
    ordered = {split: sorted_once(records, skipped) for split, records in splits.items()}
    return Dataset("msmt17", root, skipped=tuple(skipped), names=(), tracks=0, **ordered)
