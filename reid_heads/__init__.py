"""Re-ID models: trained, tested, exported, and looked up by name.

    from reid_heads import build_model, load_model, register_model

    model = load_model("outputs/bnneck")  # a run, a trained model's file, a teacher, or a run of DG-Net
    features = model.embed(images)  # uint8 images, NumPy or torch, or a list of files

A model of your own is a `ReIDModel` with the decorator `register_model`, in a file of `reid_heads/models/` or anywhere
that is imported before the model is built.

Libraries are imported when a name is first used: `import reid_heads` alone does not load torch.
"""

from typing import TYPE_CHECKING

from dgnet.core.lazy_names import lazy_names

if TYPE_CHECKING:
    from dgnet.models.pretrained import load_pretrained
    from dgnet.models.registry import build_model, model_names, register_model
    from dgnet.models.reid_model import ReIDModel, ReIDOutput
    from reid_heads.load import load_model

__all__ = [
    "ReIDModel",
    "ReIDOutput",
    "build_model",
    "load_model",
    "load_pretrained",
    "model_names",
    "register_model",
]

_MODULES = {
    "ReIDModel": "dgnet.models.reid_model",
    "ReIDOutput": "dgnet.models.reid_model",
    "build_model": "dgnet.models.registry",
    "load_model": "reid_heads.load",
    "load_pretrained": "dgnet.models.pretrained",
    "model_names": "dgnet.models.registry",
    "register_model": "dgnet.models.registry",
}

__getattr__, __dir__ = lazy_names(__name__, _MODULES)
