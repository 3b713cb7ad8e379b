"""DG-Net: joint discriminative and generative learning for person re-identification (Zheng et al., CVPR 2019).

    from dgnet import load_generator

    generator = load_generator("outputs/market")
    swapped = generator.swap(appearances, structures)  # uint8 images, NumPy or torch

Libraries are imported when a name is first used: `import dgnet` alone does not load torch.
"""

from typing import TYPE_CHECKING

from dgnet.core.idle_threads import limit_spinning
from dgnet.core.lazy_names import lazy_names

if TYPE_CHECKING:
    from dgnet.config import load_config
    from dgnet.data.datasets import read_dataset
    from dgnet.generation.load import load_generator
    from dgnet.training.pipeline import train
    from dgnet.video.tracks import pooled_tracks

# Before torch is loaded: OpenMP reads the environment once.
limit_spinning()

__version__ = "0.2.0"

__all__ = ["load_config", "load_generator", "pooled_tracks", "read_dataset", "train"]

_MODULES = {
    "load_config": "dgnet.config",
    "load_generator": "dgnet.generation.load",
    "pooled_tracks": "dgnet.video.tracks",
    "read_dataset": "dgnet.data.datasets",
    "train": "dgnet.training.pipeline",
}

__getattr__, __dir__ = lazy_names(__name__, _MODULES)
