"""Data sets on disk: the layouts that are recognized, each a reader and a registration."""

from pathlib import Path

import torch
from jaxtyping import Int64
from torch import Tensor

from dgnet.core.errors import UserError
from dgnet.core.files import user_path
from dgnet.data.readers.folders import dgnet_parts, folders_parts, is_dgnet, is_folders, read_dgnet, read_folders
from dgnet.data.readers.manifest import is_manifest, read_manifest, require_manifest
from dgnet.data.readers.market import is_cuhk03_np, is_market, market_parts, read_cuhk03_np, read_market
from dgnet.data.readers.msmt17 import is_msmt17, msmt17_parts, read_msmt17
from dgnet.data.readers.veri776 import is_veri776, read_veri776, veri776_parts
from dgnet.data.recognition import Layout as Layout  # whoever registers one finds it here
from dgnet.data.recognition import recognize
from dgnet.data.records import Dataset

# In the order of recognition: from the most particular to the most general.
LAYOUTS: dict[str, Layout] = {
    "market1501": Layout(
        is_market,
        read_market,
        "bounding_box_train/0002_c1s1_000451_03.jpg (also DukeMTMC-reID)",
        parts=market_parts,
    ),
    "msmt17": Layout(is_msmt17, read_msmt17, "list_train.txt with train/ or mask_train_v2/", parts=msmt17_parts),
    "cuhk03_np": Layout(is_cuhk03_np, read_cuhk03_np, "detected/ or labeled/ with bounding_box_train/0003_c1_7.png"),
    "veri776": Layout(is_veri776, read_veri776, "image_train/0001_c001_00016450_0.jpg", parts=veri776_parts),
    "dgnet": Layout(is_dgnet, read_dgnet, "pytorch/train_all/ID/ or train_all/ID/", parts=dgnet_parts),
    "csv": Layout(
        is_manifest,
        read_manifest,
        "one .csv file: columns path, identity (camera, split)",
        require=require_manifest,
    ),
    "folders": Layout(
        is_folders,
        read_folders,
        "train/IDENTITY/ or IDENTITY/ with images",
        nested=False,
        parts=folders_parts,
    ),
}


def register_layout(name: str, layout: Layout) -> None:
    """Add a layout, which `read_dataset`, `data.layout` and every `--layout` know from then on.

    It is recognized before those that are there already. `UserError` for a name that is taken.

    >>> from dgnet.data.readers.folders import is_folders, read_folders
    >>> register_layout("photographs", Layout(is_folders, read_folders, "IDENTITY/*.jpg"))
    >>> next(iter(LAYOUTS))
    'photographs'
    """
    if name in ("auto", "synthetic", *LAYOUTS):
        raise UserError(f"the layout {name!r} already exists; the layouts are auto, synthetic, {', '.join(LAYOUTS)}")
    known = dict(LAYOUTS)
    LAYOUTS.clear()
    LAYOUTS.update({name: layout, **known})


def read_dataset(root: str | Path, layout: str = "auto") -> Dataset:
    """The data set at `root`, a folder or a .csv manifest.

    Args:
        root: the data set's folder, or the one above it (as archives unpack), or a manifest; `~` is the home folder.
        layout: a key of `LAYOUTS`, or "auto" to recognize it.

    What is there and is not read (names that do not parse, files that are no images) is in `Dataset.skipped`.

    Raises:
        UserError: no such layout, no such data set, several, or no image to train on.

    >>> dataset = read_dataset("data/Market-1501")
    >>> dataset.name, len(dataset.identities)
    ('market1501', 3)
    """
    if layout != "auto" and layout not in LAYOUTS:
        raise UserError(f"the layout must be auto or one of {', '.join(LAYOUTS)}, got {layout!r}")
    candidates = {name: known for name, known in LAYOUTS.items() if layout in ("auto", name)}
    name, folder = recognize(user_path(root), candidates)
    dataset = LAYOUTS[name].read(folder)
    if not dataset.train:
        skipped = "".join(f" (skipped {path}: {reason})" for path, reason in dataset.skipped[:1])
        raise UserError(f"{folder}: no training image; looked for {LAYOUTS[name].example}{skipped}")
    return dataset


def training_labels(dataset: Dataset) -> Int64[Tensor, "image"]:
    """The class of each training image: the position of its identity in `dataset.identities`."""
    position = {identity: label for label, identity in enumerate(dataset.identities)}
    return torch.tensor([position[record.identity] for record in dataset.train], dtype=torch.int64)
