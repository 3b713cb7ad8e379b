"""Features of images by a trained head, in one .npz file.

    python tools/extract.py --model_path outputs/resnet50/mAP_85.9.pth --to gallery.npz /data/gallery
    python tools/extract.py --model_path X.pth --model_name resnet50 --to few.npz one.jpg two.png

The file holds, for each image, `images/features` (float32, of unit length), `images/paths`, and `images/identities` and
`images/cameras` where the file's name tells them as Market-1501's do (-1 elsewhere); `about` says which weights and
which preprocessing made them. NumPy reads it without pickle; tools/search.py takes it as a gallery.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dgnet.core.errors import UserError, command
from dgnet.core.files import check_place
from eval.reid.feature_file import save_features
from tools.heads.using import UsedHead, add_head_options, files_of


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", nargs="+", type=Path, metavar="IMAGE_OR_FOLDER")
    parser.add_argument("--to", type=Path, required=True, metavar="FILE.npz", help="where the features are written")
    parser.add_argument("--overwrite", action="store_true", help="replace a file that is there")
    add_head_options(parser)
    args = parser.parse_intermixed_args()
    # Before the hours that a large folder takes.
    if args.to.exists() and not args.overwrite:
        raise UserError(f"{args.to} is there already: name another file or give --overwrite")
    check_place(args.to)
    files = files_of(args.images)
    stored = UsedHead.of(args).described(files, ", ".join(map(str, args.images)))
    save_features(args.to, stored, overwrite=args.overwrite)
    (split,) = stored.splits.values()
    print(f"{args.to}: {split.features.shape[0]} images, {split.features.shape[1]} numbers each")
    return 0


if __name__ == "__main__":
    command(main)
