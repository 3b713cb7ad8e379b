"""Built-in pedestrians: appearance x structure -> image, rendered, with the truth of every swap."""

from dgnet.data.synthetic.appearance import Appearance, appearance_of
from dgnet.data.synthetic.dataset import write_dataset
from dgnet.data.synthetic.render import Rendered, render
from dgnet.data.synthetic.spec import SyntheticSpec
from dgnet.data.synthetic.structure import Structure, structure_of
from dgnet.data.synthetic.truth import SyntheticTruth

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
