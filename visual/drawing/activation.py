"""Where a network looks: the energy of a feature map over the image. Any network, as a callable."""

from collections.abc import Callable, Sequence

import matplotlib
import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from dgnet.core import pixels
from dgnet.core.errors import UserError
from visual.drawing.grid import REAL, Picture, Tile, grid

# Normalized images [batch, 3, height, width] -> [batch, channel, h, w], in evaluation mode.
FeatureMap = Callable[[Tensor], Tensor]
_BATCH = 32
_SHARE = 0.55  # of the colors in the overlay


@torch.no_grad()
def activation_maps(
    feature_map: FeatureMap, images: UInt8[Tensor, "image 3 height width"], device: torch.device | str = "cpu"
) -> Float[Tensor, "image height width"]:
    """The mean square over the channels at each place, enlarged to the image (bilinear), from 0 to 1 in each image.

    Zagoruyko and Komodakis, "Paying more attention to attention" (ICLR 2017), Sec. 3.1: F^2_sum. An image with one
    value everywhere has a map of zeros. `UserError` where `feature_map` does not give `[batch, channel, h, w]`.
    """
    maps = []
    for batch in images.split(_BATCH):
        features = feature_map(pixels.normalize(batch.to(device)))
        if features.ndim != 4 or len(features) != len(batch):
            shape = tuple(features.shape)
            raise UserError(f"a feature map must be [batch, channel, h, w], {len(batch)} in the batch, got {shape}")
        energy = features.float().square().mean(dim=1, keepdim=True)
        energy = F.interpolate(energy, size=tuple(images.shape[2:]), mode="bilinear", align_corners=False)[:, 0]
        low, high = energy.amin(dim=(1, 2), keepdim=True), energy.amax(dim=(1, 2), keepdim=True)
        maps.append(((energy - low) / (high - low).clamp_min(torch.finfo(torch.float32).tiny)).cpu())
    return torch.cat(maps)


def overlaid(
    images: UInt8[Tensor, "image 3 height width"], maps: Float[Tensor, "image height width"]
) -> UInt8[Tensor, "image 3 height width"]:
    """The images in gray under the maps' colors: dark violet for 0 to yellow for 1 (inferno)."""
    colors = matplotlib.colormaps["inferno"](maps.numpy())[..., :3].transpose(0, 3, 1, 2) * 255
    gray = images.double().mean(dim=1, keepdim=True).numpy()
    return torch.from_numpy(np.rint(_SHARE * colors + (1 - _SHARE) * gray).astype(np.uint8))


def activation_sheet(
    images: UInt8[Tensor, "image 3 height width"], networks: Sequence[tuple[str, Tensor]], scale: int
) -> Picture:
    """A column for each image, a row for each network: its name and `[image, 3, height, width]` of `overlaid`."""
    tiles = [[Tile(text="image"), *(Tile(image, REAL) for image in images)]]
    for name, looked in networks:
        tiles.append([Tile(text=name.replace(" ", "\n")), *map(Tile, looked)])
    return grid(tiles, scale=scale)
