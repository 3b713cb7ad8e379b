"""Export a trained re-ID model as ONNX: RGB images in, embeddings of unit length out, any batch size.

    python tools/export_onnx.py --name resnet50_kd --output resnet50.onnx
    python tools/export_onnx.py --name X.pth --model-name mgn --input unit --no-mirrored --output mgn.onnx

The file takes `images` [batch, 3, height, width] of the model's size, uint8 0..255 or, with --input unit, float32 0..1.
It includes the normalization, but not the branches of self-distillation; adding the mirror image doubles the cost. Its
metadata give the size and how to resize to it. It is written only if onnxruntime reproduces PyTorch's embeddings. Needs
the extra: pip install -e '.[onnx]'.
"""

import sys
from pathlib import Path
from typing import get_args

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dgnet.core.cli import CommandParser, add_mirrored
from dgnet.core.errors import UserError, command
from dgnet.core.files import check_place
from dgnet.core.option_types import path_ending, run_name
from dgnet.models.read_model import read_model
from reid_heads.export import InputKind, export_onnx
from reid_heads.load import find_reid_model


def main() -> int:
    parser = CommandParser(__doc__)
    parser.add_argument(
        "--name", type=run_name, required=True, help="the trained model: a run, its folder, or a file of weights"
    )
    parser.add_argument(
        "--model-name", metavar="NAME", help="the model in another system's file, which does not name it"
    )
    parser.add_argument(
        "--output", type=path_ending(".onnx"), required=True, metavar="FILE.onnx", help="the file to write"
    )
    parser.add_argument("--input", choices=get_args(InputKind), default="uint8", help="pixel values (default: uint8)")
    add_mirrored(parser)
    parser.add_argument("--overwrite", action="store_true", help="replace an existing file")
    args = parser.parse_args()
    if args.output.exists() and not args.overwrite:
        raise UserError(f"{args.output} already exists: name another file or give --overwrite")
    check_place(args.output)
    stored = read_model(find_reid_model(args.name), args.model_name)
    args.output.parent.mkdir(parents=True, exist_ok=True)
    done = export_onnx(stored, args.output, kind=args.input, mirrored=args.mirrored)
    print(
        f"{args.output}: {done.size / 1e6:.1f} MB, {args.input} RGB {stored.height}x{stored.width} -> "
        f"{stored.network.embedding_size} numbers; largest difference from PyTorch {done.difference:.1e}"
    )
    return 0


if __name__ == "__main__":
    command(main)
