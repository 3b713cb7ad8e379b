"""Activation maps: the energy of a network's last feature map over the image."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from dgnet.config import Config
from dgnet.core import pixels
from dgnet.core.errors import UserError
from dgnet.core.numerics import open_device
from dgnet.generation.load import find_generator
from dgnet.models.frozen import evaluating
from dgnet.models.read_model import read_model
from dgnet.models.reid_model import ReIDOutput
from visual.drawing.grid import REAL, Picture, Tile, grid
from visual.image_input import read_images
from visual.job import draw_people, enlargement, picture_path, write_picture

# Normalized images [batch, 3, height, width] -> [batch, channel, h, w], in evaluation mode.
FeatureMap = Callable[[Tensor], Tensor]
_BATCH = 32
_SHARE = 0.55  # of the colors in the overlay


@dataclass(frozen=True)
class Subject:
    """A network whose activation is drawn: its name, and the size in pixels of the images that it was trained on."""

    name: str
    network: nn.Module
    height: int
    width: int

    def overlays(self, images: Tensor, device: torch.device) -> Tensor:
        """The images under the network's activation."""
        with evaluating(self.network):
            return overlay(images, activation_maps(self._feature_map, images, device))

    def _feature_map(self, images: Tensor) -> Tensor:
        output = self.network(images)
        return output.feature_map if isinstance(output, ReIDOutput) else output


def draw_activation(options: argparse.Namespace) -> None:
    """The picture of `tools/show_activation.py`: of --model-path, or of the appearance encoder of a run."""
    device = open_device(options.device)
    if options.model_path:
        if options.data is None and options.input_folder is None:
            raise UserError("re-ID models do not tell their data set: name images by --data or --input-folder")
        models = [read_model(path, options.model_name, device) for path in options.model_path]
        subjects = [Subject(model.network.name, model.network, model.height, model.width) for model in models]
        data, name, picture = Config().data, models[0].network.name, "activation"
    else:
        if options.model_name is not None:
            raise UserError("--model-name tells what the files of --model-path hold: give that, too")
        run = find_generator(options.name, options.output_path, options.iteration, device)
        subjects = [Subject("appearance encoder", run.network.appearance.backbone, *run.size)]
        data, name, picture = run.config.data, run.name, f"activation_{run.iteration:08d}"
    paths = draw_people(options, data, options.count)
    # All images are drawn at the first network's size.
    size = subjects[0].height, subjects[0].width
    rows = []
    for subject in subjects:
        overlays = subject.overlays(read_images(paths, subject.height, subject.width), device)
        rows.append((subject.name, pixels.resize(overlays, *size)))
    sheet = activation_sheet(read_images(paths, *size), rows, enlargement(options, size[0]))
    write_picture(picture_path(options, name, picture, ".png"), sheet, options.overwrite)


@torch.no_grad()
def activation_maps(
    feature_map: FeatureMap, images: UInt8[Tensor, "image 3 height width"], device: torch.device | str = "cpu"
) -> Float[Tensor, "image height width"]:
    """The mean square over the channels at each position, enlarged to the image (bilinear), from 0 to 1 in each image.

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


def overlay(
    images: UInt8[Tensor, "image 3 height width"], maps: Float[Tensor, "image height width"]
) -> UInt8[Tensor, "image 3 height width"]:
    """The images in gray under the maps' colors: dark violet for 0 to yellow for 1 (inferno)."""
    colors = matplotlib.colormaps["inferno"](maps.numpy())[..., :3].transpose(0, 3, 1, 2) * 255
    gray = images.double().mean(dim=1, keepdim=True).numpy()
    return torch.from_numpy(np.rint(_SHARE * colors + (1 - _SHARE) * gray).astype(np.uint8))


def activation_sheet(
    images: UInt8[Tensor, "image 3 height width"], networks: Sequence[tuple[str, Tensor]], scale: int
) -> Picture:
    """A column for each image, a row for each network: its name and its `overlay` `[image, 3, height, width]`."""
    tiles = [[Tile(text="image"), *(Tile(image, REAL) for image in images)]]
    for name, overlays in networks:
        tiles.append([Tile(text=name.replace(" ", "\n")), *map(Tile, overlays)])
    return grid(tiles, scale=scale)
