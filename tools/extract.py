"""Features of images by a trained head, in one .npz file.

    python tools/extract.py --model-path outputs/resnet50/mAP_85.9.pth --output gallery.npz /data/gallery
    python tools/extract.py --model-path X.pth --model-name resnet50 --output few.npz one.jpg two.png

The file holds, for each image, `images/features` (float32, of unit length), `images/paths`, and `images/identities` and
`images/cameras` where the file's name tells them as Market-1501's do (-1 elsewhere); `about` says which weights and
which preprocessing made them. NumPy reads it without pickle; tools/search.py takes it as a gallery.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dgnet.core.cli import CommandParser
from dgnet.core.errors import UserError, command
from dgnet.core.files import check_place
from dgnet.core.option_types import expanded_path
from eval.reid.feature_file import save_features
from tools.evaluation.model_extractor import ModelExtractor, add_model_options, files_of


def main() -> int:
    parser = CommandParser(__doc__)
    parser.add_argument("images", nargs="+", type=expanded_path, metavar="IMAGE_OR_FOLDER")
    parser.add_argument(
        "--output", type=expanded_path, required=True, metavar="FILE.npz", help="where the features are written"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace a file that is there")
    add_model_options(parser)
    args = parser.parse_args()
    # Before the hours that a large folder takes.
    if args.output.exists() and not args.overwrite:
        raise UserError(f"{args.output} is there already: name another file or give --overwrite")
    check_place(args.output)
    files = files_of(args.images)
    stored = ModelExtractor.of(args).described(files, ", ".join(map(str, args.images)))
    save_features(args.output, stored, overwrite=args.overwrite)
    (split,) = stored.splits.values()
    print(f"{args.output}: {split.features.shape[0]} images, {split.features.shape[1]} numbers each")
    return 0


if __name__ == "__main__":
    command(main)
