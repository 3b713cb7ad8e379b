"""A trained re-ID model as an ONNX file that takes plain RGB images, with its preprocessing and normalization."""

import json
import os
import tempfile
import warnings
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dgnet.core import pixels
from dgnet.core.errors import UserError
from dgnet.models.model_file import StoredModel

# What the exported network takes: uint8 0..255, or float32 0..1.
InputKind = Literal["uint8", "unit"]
OPSET = 18
# Largest difference of a number of a unit-length embedding that float32 in another order of summation may make.
TOLERANCE = 1e-4


class DeployedModel(nn.Module):
    """RGB images of the model's size -> embeddings of unit length; nothing in it that only training needs.

    Args:
        mirrored: the embedding of the mirror image is added before normalizing, at twice the cost.
    """

    def __init__(self, stored: StoredModel, kind: InputKind, mirrored: bool = False) -> None:
        super().__init__()
        self.model = stored.network.deployed().eval()
        self.kind = kind
        self.mirrored = mirrored
        self.mean = nn.Buffer(torch.tensor(pixels.MEAN).view(3, 1, 1))
        self.std = nn.Buffer(torch.tensor(pixels.STD).view(3, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        unit = images.float() / 255 if self.kind == "uint8" else images
        normalized = (unit - self.mean) / self.std
        embedding = self.model.embed(normalized)
        if self.mirrored:
            embedding = embedding + self.model.embed(normalized.flip(3))
        return F.normalize(embedding)


class Exported(NamedTuple):
    """The file's size in bytes, and the largest difference from PyTorch of any number of an embedding."""

    size: int
    difference: float


def export_onnx(
    stored: StoredModel, path: Path, *, kind: InputKind = "uint8", mirrored: bool | None = None
) -> Exported:
    """Write a re-ID model as ONNX: `images [batch, 3, height, width]` -> `embedding [batch, feature]`, any batch size.

    The model must be on the CPU. The file, which replaces one of that name, appears only after onnxruntime's embeddings
    of batches of 1 and of 3 images agree with PyTorch's. Without `mirrored` the mirror image is added where the model's
    publication does so.

    Raises:
        UserError: the packages of the extra `onnx` are missing, or the check fails.
    """
    try:
        import onnx
        import onnxruntime  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        missing = (error.name or "onnx").partition(".")[0]
        raise UserError(f"export needs the package {missing}: pip install -e '.[onnx]' installs it") from error
    if mirrored is None:
        mirrored = stored.network.adds_mirror_image
    network = DeployedModel(stored, kind, mirrored).eval()
    # Beside its place, so that it can be renamed into it.
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".export_") as folder:
        draft = Path(folder) / "model.onnx"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                network,
                (_noise(2, stored, kind),),
                draft,
                input_names=["images"],
                output_names=["embedding"],
                dynamic_shapes={"images": {0: "batch"}},
                opset_version=OPSET,
                dynamo=True,
                external_data=False,
                verbose=False,
            )
        model = onnx.load(draft)
        onnx.helper.set_model_props(model, _describe(stored, kind, mirrored))
        onnx.checker.check_model(model)
        onnx.save(model, draft)
        _require_embedding(path, network, _noise(3, stored, kind))
        difference = max(parity(network, draft, _noise(count, stored, kind)) for count in (1, 3))
        if not difference <= TOLERANCE:
            raise UserError(
                f"{path} was not written: onnxruntime's embeddings differ from PyTorch's by up to {difference:.2g}, "
                f"more than {TOLERANCE:g}"
            )
        os.replace(draft, path)
    return Exported(path.stat().st_size, difference)


def _require_embedding(path: Path, network: nn.Module, images: Tensor) -> None:
    """`UserError` unless PyTorch's own embeddings have unit length: broken weights agree with everything."""
    with torch.no_grad():
        lengths = network(images).norm(dim=1)
    if not bool(((lengths - 1).abs() < 1e-3).all()):
        raise UserError(
            f"{path} was not written: the model's own embeddings must have the length 1, got {lengths.tolist()}"
        )


def parity(network: nn.Module, path: Path, images: Tensor) -> float:
    """The largest difference between PyTorch's and onnxruntime's embeddings of these images."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (theirs,) = session.run(["embedding"], {"images": images.numpy()})
    with torch.no_grad():
        return float(np.abs(theirs - network(images).numpy()).max())


def _noise(count: int, stored: StoredModel, kind: InputKind) -> Tensor:
    shape = (count, 3, stored.height, stored.width)
    images = torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(count), dtype=torch.uint8)
    return images if kind == "uint8" else images.float() / 255


def _describe(stored: StoredModel, kind: InputKind, mirrored: bool) -> dict[str, str]:
    """The metadata of the file: the model and its input."""
    model = stored.network.deployed()
    return {
        "model": model.name,
        "options": json.dumps(model.options),
        "input": f"RGB, {'uint8 0..255' if kind == 'uint8' else 'float32 0..1'}, {stored.height}x{stored.width}",
        "resize": "antialiased bicubic",
        "mirrored": str(mirrored).lower(),
    }
