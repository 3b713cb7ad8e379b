"""The Inception network of the FID: pytorch-fid's, by its own arithmetic, and how each protocol prepares its images.

It is a port of the TensorFlow network of the FID's authors, with which the official DG-Net was measured: its features
are near that network's, not equal to them, and published figures differ by that as well. Protocols are ways to resize;
"clean" is clean-fid's, and its own file of the network (a TorchScript of the same weights) is not used.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
import torchvision
from pytorch_fid import inception
from torch import Tensor, nn

from dgnet.core import pixels
from dgnet.core.errors import UserError
from dgnet.core.published_weights import published_sha256, published_weights, weights_words
from eval.extractor import INCEPTION, Extractor
from eval.image_files import smooth_resized

WEIGHTS_NAME = inception.FID_WEIGHTS_URL.rsplit("/", 1)[1]
WEIGHTS_SHA256 = published_sha256(inception.FID_WEIGHTS_URL)
SIDE = 299
FEATURES = 2048


def _as_it_is(image: Tensor) -> Tensor:
    """What pytorch-fid's network does to any image: bilinear, without a filter against aliasing."""
    return F.interpolate(image[None].float() / 255, size=(SIDE, SIDE), mode="bilinear", align_corners=False)[0]


def _from_256_by_128(image: Tensor) -> Tensor:
    return _as_it_is(pixels.resize(image[None], 256, 128)[0])


def _clean(image: Tensor) -> Tensor:
    return smooth_resized(image, SIDE, SIDE) / 255


# protocol -> uint8 image [3, height, width] to the network's input [3, 299, 299], 0..1.
PREPARATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "pytorch-fid": _as_it_is,
    "dgnet": _from_256_by_128,
    "clean": _clean,
}
MEANING = {
    "pytorch-fid": "files as they are, bilinear to 299x299 without antialiasing",
    "dgnet": "256x128 first (bicubic) like the official DG-Net's images, then bilinear to 299x299 without antialiasing",
    "clean": "antialiased bicubic to 299x299, not rounded, into pytorch-fid's network and not clean-fid's file",
}


def inception_extractor(
    protocol: str = "pytorch-fid",
    *,
    weights: Path | None = None,
    sha256: str = WEIGHTS_SHA256,
    device: torch.device | str = "cpu",
) -> Extractor:
    """Features `[image, 2048]` of pytorch-fid's Inception network, for images that a protocol prepares.

    Args:
        protocol: a key of `PREPARATIONS`.
        weights: pytorch-fid's file of weights; without it the copy that torch keeps, or the package's own download.
        sha256: what the hexadecimal SHA-256 of the file must begin with.

    Raises:
        UserError: an unknown protocol; no weights and no way to get them; another file than that.
    """
    if protocol not in PREPARATIONS:
        raise UserError(f"protocol must be one of {', '.join(PREPARATIONS)}, got {protocol!r}")
    network = _network(published_weights(inception.FID_WEIGHTS_URL, weights, "--weights", sha256)).to(device).eval()

    def features(images: Tensor) -> Tensor:
        return network(2 * images.to(device) - 1)

    name = f"Inception ({protocol}: {MEANING[protocol]}{weights_words(inception.FID_WEIGHTS_URL, weights)})"
    return Extractor(name, PREPARATIONS[protocol], features, INCEPTION)


def _network(state: dict[str, Tensor]) -> nn.Sequential:
    """Images -1..1 -> features `[image, 2048]`: pytorch-fid's blocks in torchvision's network, up to the last pooling.

    pytorch-fid's own constructor downloads the weights and takes none.
    """
    trunk = torchvision.models.inception_v3(num_classes=1008, aux_logits=False, weights=None, init_weights=False)
    trunk.Mixed_5b = inception.FIDInceptionA(192, pool_features=32)
    trunk.Mixed_5c = inception.FIDInceptionA(256, pool_features=64)
    trunk.Mixed_5d = inception.FIDInceptionA(288, pool_features=64)
    trunk.Mixed_6b = inception.FIDInceptionC(768, channels_7x7=128)
    trunk.Mixed_6c = inception.FIDInceptionC(768, channels_7x7=160)
    trunk.Mixed_6d = inception.FIDInceptionC(768, channels_7x7=160)
    trunk.Mixed_6e = inception.FIDInceptionC(768, channels_7x7=192)
    trunk.Mixed_7b = inception.FIDInceptionE_1(1280)
    trunk.Mixed_7c = inception.FIDInceptionE_2(2048)
    try:
        trunk.load_state_dict(state)
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"the weights do not fit pytorch-fid's Inception network ({reason})") from error
    stem = [trunk.Conv2d_1a_3x3, trunk.Conv2d_2a_3x3, trunk.Conv2d_2b_3x3, nn.MaxPool2d(3, stride=2)]
    middle = [trunk.Conv2d_3b_1x1, trunk.Conv2d_4a_3x3, nn.MaxPool2d(3, stride=2)]
    names = ("5b", "5c", "5d", "6a", "6b", "6c", "6d", "6e", "7a", "7b", "7c")
    mixed = [getattr(trunk, f"Mixed_{name}") for name in names]
    return nn.Sequential(*stem, *middle, *mixed, nn.AdaptiveAvgPool2d(1), nn.Flatten()).requires_grad_(False)
