"""A contact sheet of the built-in pedestrians: rows wear the same clothes, columns share the structure."""

from pathlib import Path

import numpy as np
from PIL import Image

from dgnet.core.errors import UserError
from dgnet.core.files import replacing
from dgnet.data.pedestrians.appearance import appearance_of
from dgnet.data.pedestrians.render import render
from dgnet.data.pedestrians.spec import SyntheticSpec
from dgnet.data.pedestrians.structure import structure_of


def write_sheet(path: Path, spec: SyntheticSpec, rows: int = 6, columns: int = 12) -> None:
    """Write `rows` x `columns` swaps as one PNG. Raises UserError for another file ending or a file that exists."""
    if path.suffix.lower() != ".png":
        raise UserError(f"the contact sheet must be a .png file, got {path}")
    if path.exists():
        raise UserError(f"the contact sheet must be a new file, but {path} exists")
    people = [appearance_of(spec.seed, identity) for identity in range(1, rows + 1)]
    places = [
        structure_of(spec.seed, rows + 1 + number, number % spec.cameras + 1, 0, spec.cameras, spec.camera_seed)
        for number in range(columns)
    ]
    lines = [
        np.concatenate([render(person, place, spec.height, spec.width).image for place in places], axis=1)
        for person in people
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        Image.fromarray(np.concatenate(lines, axis=0)).save(file, format="PNG")
