"""Files of LPIPS's trunks with torchvision's keys and random values."""

import hashlib
from pathlib import Path

import torch
from torchvision import models

BUILD = {"alex": models.alexnet, "vgg": models.vgg16, "squeeze": models.squeezenet1_1}


def features(network: str) -> torch.nn.Module:
    """The convolutions of a trunk without weights and without the classifier, which is most of its size."""
    with torch.device("meta"):
        return BUILD[network](weights=None).features


def trunk(network: str, folder: Path) -> tuple[Path, str]:
    """A file with torchvision's keys and random values, and the beginning of its hash."""
    generator = torch.Generator().manual_seed(0)
    state = {"classifier.6.weight": torch.zeros(2, 2)}
    for key, value in features(network).state_dict().items():
        scale = (2 / value[0].numel()) ** 0.5 if value.ndim > 1 else 0.1
        state[f"features.{key}"] = torch.randn(value.shape, generator=generator) * scale
    path = folder / f"{network}.pth"
    torch.save(state, path)
    return path, hashlib.sha256(path.read_bytes()).hexdigest()[:8]
