"""From a folder to the records of a data set: which layout it has, and the reader of that layout."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Int64
from torch import Tensor

from dgnet.core.errors import UserError
from dgnet.data.readers.folders import is_folders, is_original, read_folders, read_original
from dgnet.data.readers.manifest import is_manifest, read_manifest
from dgnet.data.readers.market import is_cuhk03_np, is_market, read_cuhk03_np, read_market
from dgnet.data.readers.msmt17 import is_msmt17, read_msmt17
from dgnet.data.readers.names import folders_in
from dgnet.data.records import Dataset


@dataclass(frozen=True)
class Layout:
    """A way of storing a data set; `looks_for` names its training images, `nested` finds it one folder down too."""

    matches: Callable[[Path], bool]
    read: Callable[[Path], Dataset]
    looks_for: str
    nested: bool = True


# In the order of recognition: from the most particular to the most general.
LAYOUTS: dict[str, Layout] = {
    "market1501": Layout(is_market, read_market, "bounding_box_train/0002_c1s1_000451_03.jpg (also DukeMTMC-reID)"),
    "msmt17": Layout(is_msmt17, read_msmt17, "list_train.txt with train/ or mask_train_v2/"),
    "cuhk03_np": Layout(is_cuhk03_np, read_cuhk03_np, "detected/ or labeled/ with bounding_box_train/0003_c1_7.png"),
    "dgnet": Layout(is_original, read_original, "pytorch/train_all/ID/ or train_all/ID/"),
    "csv": Layout(is_manifest, read_manifest, "one .csv file: columns path, identity, camera, split", nested=False),
    "folders": Layout(is_folders, read_folders, "train/IDENTITY/ or IDENTITY/ with .jpg or .png files", nested=False),
}


def _find(root: Path, layout: str) -> tuple[str, Path] | None:
    """The name of the layout and the folder that has it: `root`, or the only folder directly below that does."""
    candidates = {name: known for name, known in LAYOUTS.items() if layout in ("auto", name)}
    for name, known in candidates.items():
        if known.matches(root):
            return name, root
    found = [
        (name, child)
        for child in (folders_in(root) if root.is_dir() else ())
        for name, known in candidates.items()
        if known.nested and known.matches(child)
    ]
    places = sorted({str(child) for _, child in found})
    if len(places) > 1:
        raise UserError(f"{root}: holds several data sets, name one of {', '.join(places)}")
    return found[0] if found else None


def read_dataset(root: Path, layout: str = "auto") -> Dataset:
    """The data set at `root`, a folder or a .csv manifest.

    `layout` is a key of `LAYOUTS`, or "auto" to recognize it. The data set may lie one folder down, as archives unpack.
    Files whose names do not parse end up in `Dataset.skipped`. A `UserError` says what was looked for if there is no
    such data set or no image to train on.
    """
    if layout != "auto" and layout not in LAYOUTS:
        raise UserError(f"the layout must be auto or one of {', '.join(LAYOUTS)}, and it is {layout!r}")
    found = _find(root, layout) if root.exists() else None
    if found is None:
        sought = [layout] if layout in LAYOUTS else list(LAYOUTS)
        hints = "; ".join(f"{name}: {LAYOUTS[name].looks_for}" for name in sought)
        missing = "no data set here" if root.exists() else "no such folder or .csv file"
        raise UserError(f"{root}: {missing}; looked for {hints}")
    name, place = found
    dataset = LAYOUTS[name].read(place)
    if not dataset.train:
        first = "".join(f" (skipped {path}: {reason})" for path, reason in dataset.skipped[:1])
        raise UserError(f"{place}: no training image; looked for {LAYOUTS[name].looks_for}{first}")
    return dataset


def training_labels(dataset: Dataset) -> Int64[Tensor, "image"]:
    """The class of each training image: the position of its identity in `dataset.identities`."""
    position = {identity: label for label, identity in enumerate(dataset.identities)}
    return torch.tensor([position[record.identity] for record in dataset.train], dtype=torch.int64)
