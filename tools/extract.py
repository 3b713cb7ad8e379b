"""Extract features of images by a trained re-ID model into one .npz file.

    python tools/extract.py --name bnneck --output gallery.npz /data/gallery
    python tools/extract.py --name X.pth --model-name resnet50 --output few.npz one.jpg two.png

The file holds, for each image, `images/features` (float32, of unit length), `images/paths`, `images/content` (the
SHA-256 of the file), and `images/identities` and `images/cameras` where a gallery of tools/find_people.py tells them,
or the file's name as Market-1501's do (-1 elsewhere); `about` says which weights and which preprocessing made them.
NumPy reads it without pickle; tools/search.py takes it as a gallery.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dgnet.core.checkpoint import file_hash
from dgnet.core.cli import CommandParser
from dgnet.core.errors import UserError, command
from dgnet.core.files import check_place
from dgnet.core.numerics import open_device
from dgnet.core.option_types import expanded_path, path_ending
from dgnet.video.gallery_labels import known_labels
from eval.image_files import files_of
from eval.options import add_model_options
from eval.reid.feature_file import save_features
from eval.reid.file_features import features_of_files
from reid_heads.load import load_model


def main() -> int:
    parser = CommandParser(__doc__)
    parser.add_argument("images", nargs="+", type=expanded_path, metavar="IMAGE_OR_FOLDER")
    parser.add_argument(
        "--output", type=path_ending(".npz"), required=True, metavar="FILE.npz", help="the file to write"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an existing file")
    add_model_options(parser)
    args = parser.parse_args()
    # Before the hours that a large folder takes.
    if args.output.exists() and not args.overwrite:
        raise UserError(f"{args.output} already exists: name another file or give --overwrite")
    check_place(args.output)
    files = files_of(args.images)
    model = load_model(args.name, args.model_name, device=open_device(args.device), mirrored=args.mirrored)
    data, options = ", ".join(map(str, args.images)), {"batch": args.batch_size, "workers": args.workers}
    stored = features_of_files(files, model, file_hash(model.weights), known_labels, data=data, **options)
    save_features(args.output, stored, overwrite=args.overwrite)
    (split,) = stored.splits.values()
    print(f"{args.output}: {split.features.shape[0]} images, {split.features.shape[1]} numbers each")
    return 0


if __name__ == "__main__":
    command(main)
