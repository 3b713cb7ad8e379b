"""LPIPS, the lpips package's learned perceptual distance, with its networks' weights from local files.

Zhang et al., "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", 2018. A trunk for ImageNet
(torchvision's file) and linear layers on it (the package's file, which it carries with it).
"""

import logging
import warnings
from pathlib import Path

import lpips as lpips_package
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torchvision import models

from dgnet.core.checkpoint import file_hash
from dgnet.core.errors import UserError, check_count
from dgnet.core.published_weights import published_weights, weights_words
from dgnet.core.weights import read_state_dict
from eval.arrays import Array, as_tensor, check_same_shape

TRUNK_URLS = {
    "alex": models.AlexNet_Weights.IMAGENET1K_V1.url,
    "vgg": models.VGG16_Weights.IMAGENET1K_V1.url,
    "squeeze": models.SqueezeNet1_1_Weights.IMAGENET1K_V1.url,
}
OPTION = "--weights (of tools/perceptual.py) or --lpips-weights (of tools/evaluate_gan.py)"
_log = logging.getLogger(__name__)
SMALLEST = 32  # pixels: below, the trunks' poolings leave nothing


class PerceptualDistance:
    """LPIPS 0.1 by one of the trunks alex, vgg, squeeze. Figures of two trunks are not comparable.

    Args:
        trunk: torchvision's file of the trunk; without it the copy that torch keeps, or torchvision's download.
        trunk_sha256: what its hexadecimal SHA-256 must begin with (default: the digits in torchvision's name).
        linear: the file of the linear layers; the package's own by default.

    Raises:
        UserError: an unknown trunk, no weights and no way to get them, or weights of something else.
    """

    def __init__(
        self,
        network: str = "alex",
        *,
        trunk: Path | None = None,
        trunk_sha256: str | None = None,
        linear: Path | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        if network not in TRUNK_URLS:
            raise UserError(f"the network of LPIPS must be one of {', '.join(TRUNK_URLS)}, got {network!r}")
        trunk_state = published_weights(TRUNK_URLS[network], trunk, OPTION, trunk_sha256)
        own_linear, linear = (
            linear,
            linear or Path(lpips_package.__file__).parent / "weights" / "v0.1" / f"{network}.pth",
        )
        # The package would download the trunk, and pass over a file of linear layers that fits nothing.
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="torchvision.models._utils")  # it calls torchvision as one did
            module = lpips_package.LPIPS(net=network, pretrained=False, pnet_rand=True, verbose=False)
        places = {f"features.{key.split('.', 1)[1]}": key for key in module.net.state_dict()}
        _fill(module.net, {places[key]: value for key, value in trunk_state.items() if key in places}, "trunk", network)
        _fill(
            module.lins, {_linear_key(key): value for key, value in read_state_dict(linear).items()}, "linear", network
        )
        other = "" if own_linear is None else f", linear layers {file_hash(own_linear)[:8]}"
        self.name = f"LPIPS 0.1 ({network}{weights_words(TRUNK_URLS[network], trunk)}{other})"
        self._device = torch.device(device)
        self._module = module.eval().to(device)

    @torch.inference_mode()
    def __call__(self, first: Array, second: Array, *, batch: int = 32) -> Float[Tensor, " image"]:
        """The distance of each pair, at least 0, float64, on the CPU; `batch` pairs at a time.

        Images `[image, 3, height, width]` (NumPy also `[image, height, width, 3]`) are uint8, or floating point from -1
        to 1: other values are an `UserError`, as are two shapes and images of less than 32 pixels. A warning is logged
        for floating point without any value below 0.
        """
        check_count("batch", batch)
        one, two = _checked_pair(first, second)
        if all(part.is_floating_point() and bool((part >= 0).all()) for part in (one, two)):
            _log.warning(
                "warning: LPIPS takes floating point images from -1 (black) to 1 (white), and none of these has a "
                "value below 0: images from 0 to 1 must be given as 2 * image - 1"
            )
        values = [torch.zeros(0, dtype=torch.float64)]
        for start in range(0, len(one), batch):
            x, y = (_signed(part[start : start + batch].to(self._device)) for part in (one, two))
            values.append(self._module(x, y).flatten().double().cpu())
        return torch.cat(values)


def lpips(first: Array, second: Array, *, network: str = "alex", trunk: Path | None = None) -> Float[Tensor, " image"]:
    """LPIPS 0.1 of each pair of images, at least 0 (0: equal), float64: see `PerceptualDistance`, which is kept when
    several sets are compared.

    Args:
        first: images `[image, 3, height, width]` (NumPy also `[image, height, width, 3]`), uint8, or floating point
            from -1 to 1.
        second: likewise, of the same shape.
        network: alex, vgg or squeeze; values of two networks cannot be compared.
        trunk: torchvision's file of the network; without it torch's copy, or a download.

    Example:
        >>> import torch
        >>> from eval import lpips
        >>> images = torch.zeros(2, 3, 64, 32, dtype=torch.uint8)
        >>> lpips(images, images).tolist()  # doctest: +SKIP
        [0.0, 0.0]
    """
    _checked_pair(first, second)  # before the network is loaded
    return PerceptualDistance(network, trunk=trunk)(first, second)


def _linear_key(key: str) -> str:
    """lin2.model.1.weight (the package's file) -> 2.model.1.weight (its list of layers)."""
    return key.removeprefix("lin")


def _fill(module: torch.nn.Module, state: dict[str, Tensor], part: str, network: str) -> None:
    try:
        module.load_state_dict(state)
    except RuntimeError as error:
        reason = str(error).splitlines()[1].strip()
        raise UserError(f"the {part} weights do not fit LPIPS with {network} ({reason[:120]})") from error


def _checked_pair(first: Array, second: Array) -> tuple[Tensor, Tensor]:
    one, two = _checked("first", first), _checked("second", second)
    check_same_shape("both images", one, two)
    return one, two


def _checked(name: str, images: Array) -> Tensor:
    if isinstance(images, np.ndarray) and images.ndim == 4 and images.shape[1] != 3 and images.shape[3] == 3:
        images = images.transpose(0, 3, 1, 2)
    tensor = as_tensor(name, images)
    if tensor.ndim != 4 or tensor.shape[1] != 3 or min(tensor.shape[2:]) < SMALLEST:
        raise UserError(
            f"{name} must be images [image, 3, height, width] of at least {SMALLEST} pixels, "
            f"got shape {tuple(tensor.shape)}"
        )
    if tensor.dtype == torch.uint8:
        return tensor
    if not tensor.dtype.is_floating_point or not bool(((tensor >= -1) & (tensor <= 1)).all()):
        values = f"{float(tensor.min()):.3g} to {float(tensor.max()):.3g}"
        raise UserError(f"{name} must be uint8, or floating point from -1 to 1, got {tensor.dtype} from {values}")
    return tensor


def _signed(images: Tensor) -> Tensor:
    """-1..1, float32."""
    return images.float() / 127.5 - 1 if images.dtype == torch.uint8 else images.float()
