"""Built-in pedestrians: appearance x structure -> image, rendered, with the truth of every swap."""

from typing import TYPE_CHECKING

from dgnet.core.lazy_names import lazy_names
from dgnet.data.pedestrians.appearance import Appearance, appearance_of
from dgnet.data.pedestrians.dataset import write_dataset
from dgnet.data.pedestrians.render import Rendered, render
from dgnet.data.pedestrians.spec import SyntheticSpec
from dgnet.data.pedestrians.structure import Structure, structure_of

if TYPE_CHECKING:
    from dgnet.data.pedestrians.truth import SyntheticTruth

__all__ = [
    "Appearance",
    "Rendered",
    "Structure",
    "SyntheticSpec",
    "SyntheticTruth",
    "appearance_of",
    "render",
    "structure_of",
    "write_dataset",
]

# The truth reads images with torch, which takes seconds to load: processes that render start without it.
__getattr__, __dir__ = lazy_names(__name__, {"SyntheticTruth": "dgnet.data.pedestrians.truth"})
