"""Data sets on disk: the layouts that are recognized, each a reader and a registration."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Int64
from torch import Tensor

from dgnet.core.errors import UserError
from dgnet.data.readers.folders import is_dgnet, is_folders, read_dgnet, read_folders
from dgnet.data.readers.manifest import is_manifest, read_manifest
from dgnet.data.readers.market import is_cuhk03_np, is_market, read_cuhk03_np, read_market
from dgnet.data.readers.msmt17 import is_msmt17, read_msmt17
from dgnet.data.readers.names import folders_in
from dgnet.data.records import Dataset


@dataclass(frozen=True)
class Layout:
    """A way of storing a data set in a folder or file.

    Attributes:
        matches: whether a path has this layout.
        read: the data set at such a path.
        example: where its training images are, for error messages.
        nested: whether it is also looked for one folder down, as archives unpack.
    """

    matches: Callable[[Path], bool]
    read: Callable[[Path], Dataset]
    example: str
    nested: bool = True


# In the order of recognition: from the most particular to the most general.
LAYOUTS: dict[str, Layout] = {
    "market1501": Layout(is_market, read_market, "bounding_box_train/0002_c1s1_000451_03.jpg (also DukeMTMC-reID)"),
    "msmt17": Layout(is_msmt17, read_msmt17, "list_train.txt with train/ or mask_train_v2/"),
    "cuhk03_np": Layout(is_cuhk03_np, read_cuhk03_np, "detected/ or labeled/ with bounding_box_train/0003_c1_7.png"),
    "dgnet": Layout(is_dgnet, read_dgnet, "pytorch/train_all/ID/ or train_all/ID/"),
    "csv": Layout(is_manifest, read_manifest, "one .csv file: columns path, identity (camera, split)", nested=False),
    "folders": Layout(is_folders, read_folders, "train/IDENTITY/ or IDENTITY/ with .jpg or .png files", nested=False),
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
        raise UserError(f"the layout {name!r} is there already; the layouts are auto, synthetic, {', '.join(LAYOUTS)}")
    known = dict(LAYOUTS)
    LAYOUTS.clear()
    LAYOUTS.update({name: layout, **known})


def read_dataset(root: str | Path, layout: str = "auto") -> Dataset:
    """The data set at `root`, a folder or a .csv manifest.

    Args:
        root: the data set's folder, or the one above it (as archives unpack), or a manifest.
        layout: a key of `LAYOUTS`, or "auto" to recognize it.

    Files whose names do not parse end up in `Dataset.skipped`.

    Raises:
        UserError: no such layout, no such data set, several, or no image to train on.

    >>> dataset = read_dataset("data/Market-1501")
    >>> dataset.name, len(dataset.identities)
    ('market1501', 3)
    """
    if layout != "auto" and layout not in LAYOUTS:
        raise UserError(f"the layout must be auto or one of {', '.join(LAYOUTS)}, got {layout!r}")
    root = Path(root)
    match = _recognize(root, layout) if root.exists() else None
    if match is None:
        names = list(LAYOUTS) if layout == "auto" else [layout]
        examples = "; ".join(f"{name}: {LAYOUTS[name].example}" for name in names)
        problem = "no data set here" if root.exists() else "no such folder or .csv file"
        raise UserError(f"{root}: {problem}; looked for {examples}")
    name, folder = match
    dataset = LAYOUTS[name].read(folder)
    if not dataset.train:
        skipped = "".join(f" (skipped {path}: {reason})" for path, reason in dataset.skipped[:1])
        raise UserError(f"{folder}: no training image; looked for {LAYOUTS[name].example}{skipped}")
    return dataset


def _recognize(root: Path, layout: str) -> tuple[str, Path] | None:
    """The layout's name and its folder: `root`, or the only folder directly below that has it."""
    candidates = {name: known for name, known in LAYOUTS.items() if layout in ("auto", name)}
    for name, known in candidates.items():
        if known.matches(root):
            return name, root
    matches = [
        (name, child)
        for child in (folders_in(root) if root.is_dir() else ())
        for name, known in candidates.items()
        if known.nested and known.matches(child)
    ]
    folders = sorted({str(child) for _, child in matches})
    if len(folders) > 1:
        raise UserError(f"{root}: holds several data sets, name one of {', '.join(folders)}")
    return matches[0] if matches else None


def training_labels(dataset: Dataset) -> Int64[Tensor, "image"]:
    """The class of each training image: the position of its identity in `dataset.identities`."""
    position = {identity: label for label, identity in enumerate(dataset.identities)}
    return torch.tensor([position[record.identity] for record in dataset.train], dtype=torch.int64)
