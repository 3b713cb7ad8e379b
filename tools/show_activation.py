"""Where networks look: heat maps of heads, or of a run's appearance encoder, over images.

    python tools/show_activation.py                                     # the latest run's appearance encoder
    python tools/show_activation.py --model-path outputs/resnet50/mAP_85.9.pth outputs/mgn/mAP_87.1.pth \\
        --data /data/Market-1501
    python tools/show_activation.py --model-path net_last.pth --model-name mgn --input-folder photographs

A column for each image, a row for each network: the energy of its last feature map, from dark violet to yellow.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
from torch import Tensor, nn

from dgnet.config import Config
from dgnet.core import pixels
from dgnet.core.device import choose_device
from dgnet.core.errors import UserError, command
from dgnet.core.option_types import expanded_path
from dgnet.generation.load import find_generator
from dgnet.models.frozen import evaluating
from dgnet.models.pretrained import read_model
from dgnet.models.reid_model import ReIDOutput
from visual.drawing.activation import activation_maps, activation_sheet, overlaid
from visual.drawing.grid import png
from visual.image_input import read_images
from visual.job import choose_paths, enlargement, keep, picture_path
from visual.options import page_parser


@dataclass(frozen=True)
class Looker:
    """A network that looks: what it is called, and the size in pixels of the images that it is used to."""

    name: str
    network: nn.Module
    height: int
    width: int

    def looks_at(self, images: Tensor, device: torch.device) -> Tensor:
        """The images under the network's activation."""
        with evaluating(self.network):
            return overlaid(images, activation_maps(self._feature_map, images, device))

    def _feature_map(self, images: Tensor) -> Tensor:
        output = self.network(images)
        return output.feature_map if isinstance(output, ReIDOutput) else output


def main() -> None:
    parser = page_parser(__doc__)
    parser.add_argument("--model-path", type=expanded_path, nargs="+", metavar="FILE", help="heads, instead of a run")
    parser.add_argument("--model-name", metavar="NAME", help="the head in files of other systems, which do not tell")
    parser.add_argument("--count", type=int, default=6, help="images (default: 6)")
    options = parser.parse_args()
    device = choose_device(options.device)
    if options.model_path:
        if options.data is None and options.input_folder is None:
            raise UserError("heads do not say which images they know: name some by --data or --input-folder")
        heads = [read_model(path, options.model_name, device) for path in options.model_path]
        lookers = [Looker(head.network.name, head.network, head.height, head.width) for head in heads]
        data, name, picture = Config().data, heads[0].network.name, "activation"
    else:
        run = find_generator(options.name, options.output_path, options.iteration, device)
        data = run.config.data
        lookers = [Looker("appearance encoder", run.network.appearance.backbone, data.height, data.width)]
        name, picture = run.name, f"activation_{run.iteration:08d}"
    paths = choose_paths(options, data, options.count)
    # The page shows all images at the first network's size.
    page_size = lookers[0].height, lookers[0].width
    looked = []
    for looker in lookers:
        overlays = looker.looks_at(read_images(paths, looker.height, looker.width), device)
        looked.append((looker.name, pixels.resize(overlays, *page_size)))
    sheet = activation_sheet(read_images(paths, *page_size), looked, enlargement(options, page_size[0]))
    keep(picture_path(options, name, picture, ".png"), png(sheet), options.overwrite)


if __name__ == "__main__":
    command(main)
