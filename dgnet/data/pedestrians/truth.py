"""The truth of every swap: the renderer knows both factors of each image of a set it wrote."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from dgnet.core.errors import UserError
from dgnet.core.images import read_image
from dgnet.data.pedestrians.appearance import Appearance
from dgnet.data.pedestrians.render import Rendered, render
from dgnet.data.pedestrians.spec import Picture, SyntheticSpec, from_manifest
from dgnet.data.pedestrians.structure import Structure

# Levels of 255 by which pixels may differ that another machine rendered.
_ROUNDING = 2
# Rendered images that are kept, about 60 KB each: most figures are of the same pairs.
_KEPT = 2048


@dataclass(frozen=True)
class SyntheticTruth:
    """Renders what a swap of two images of the set in `root` truly looks like."""

    root: Path
    spec: SyntheticSpec
    pictures: dict[str, Picture]

    @classmethod
    def open(cls, root: Path) -> "SyntheticTruth":
        """The truth of a folder that `write_dataset` made. Raises UserError when it has no readable synthetic.json."""
        spec, files = from_manifest(Path(root))
        return cls(Path(root), spec, files)

    def swap(self, appearance_path: Path, structure_path: Path) -> Rendered:
        """The clothes of the first image's person in the second image's structure, with the outline of the result."""
        return self._render(self._factors(appearance_path)[0], self._factors(structure_path)[1])

    def rendered(self, path: Path) -> Rendered:
        """An image of the set, rendered again: the pixels of its file, with the outline of the person.

        Raises `UserError` where the file shows something else, whose truth nobody knows.
        """
        result = self._render(*self._factors(path))
        stored = read_image(self.root / self._name(path)).permute(1, 2, 0).numpy().astype(np.int16)
        if stored.shape != result.image.shape or np.abs(stored - result.image).max() > _ROUNDING:
            raise UserError(
                f"{path}: is not the built-in pedestrian of this name any more: remove {self.root} and render it again"
            )
        return result

    def appearance(self, path: Path) -> Appearance:
        """What the person in an image of the set wears."""
        return self._factors(path)[0]

    def _render(self, appearance: Appearance, structure: Structure) -> Rendered:
        return _rendered(appearance, structure, self.spec.height, self.spec.width)

    def _factors(self, path: Path) -> tuple[Appearance, Structure]:
        return self.pictures[self._name(path)].factors(self.spec)

    def _name(self, path: Path) -> str:
        """Accepts paths below the root (as readers give them) and paths relative to it. Raises UserError for others."""
        path, root = Path(path), self.root.resolve()
        inside = path if (self.root / path).exists() and not path.is_absolute() else path.resolve()
        name = inside.relative_to(root).as_posix() if inside.is_relative_to(root) else inside.as_posix()
        if name not in self.pictures:
            raise UserError(f"the image must be one of the {len(self.pictures)} of {self.root}, got {path}")
        return name


@lru_cache(_KEPT)
def _rendered(appearance: Appearance, structure: Structure, height: int, width: int) -> Rendered:
    result = render(appearance, structure, height, width)
    for array in (result.image, result.person):
        array.setflags(write=False)
    return result
