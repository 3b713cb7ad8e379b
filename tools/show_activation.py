"""Where networks look: activation maps of re-ID models, or of a run's appearance encoder.

    python tools/show_activation.py                                     # the latest run's appearance encoder
    python tools/show_activation.py --model-path outputs/resnet50/mAP_85.9.pth outputs/mgn/mAP_87.1.pth \\
        --data /data/Market-1501
    python tools/show_activation.py --model-path net_last.pth --model-name mgn --input-folder photographs

A column for each image, a row for each network: the energy of its last feature map, from dark violet (low) to yellow.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dgnet.core.errors import command
from dgnet.core.option_types import expanded_path
from visual.drawing.activation import draw_activation
from visual.options import add_number, visual_parser


def main() -> None:
    parser = visual_parser(__doc__)
    parser.add_argument(
        "--model-path", type=expanded_path, nargs="+", metavar="FILE", help="files of re-ID models, instead of a run"
    )
    parser.add_argument(
        "--model-name", metavar="NAME", help="the model in another system's file, which does not name it"
    )
    add_number(parser, "--count", 6, "images")
    draw_activation(parser.parse_args())


if __name__ == "__main__":
    command(main)
