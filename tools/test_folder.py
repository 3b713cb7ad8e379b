"""A generated image for every training image, by the flags of the original's script of this name.

    python tools/test_folder.py --name NAME --which_epoch 100000 --input_folder DATA --output_folder SET

--input_folder is a data set (or its train_all), for the manifest names identities. --output_folder becomes a set as
tools/generate.py makes it, of PNG files, and is never written over. --batchsize changes the speed and no image. --seed
draws whose structure an image takes, otherwise than the original. --a2b, --synchronized, --output_only and --trainer
are accepted and change nothing: every image lends its appearance once and its structure once in any case.
tools/generate.py can do more.
"""

import argparse
import sys
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dgnet.core.errors import command
from dgnet.generation.request import SetRequest, make
from reid_heads.models.student import build_student


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", help="the run, ours or the original's (default: the one that was saved last)")
    parser.add_argument("--which_epoch", type=int, help="iteration of the checkpoint (default: the last)")
    parser.add_argument("--output_path", type=Path, default=Path(), help="where outputs/ is (default: here)")
    parser.add_argument("--input_folder", type=Path, help="the data set (default: that of the training)")
    parser.add_argument("--output_folder", type=Path, help="the set (default: in the run's folder)")
    parser.add_argument("--batchsize", type=int, default=64, help="pairs handled at a time (default: 64)")
    parser.add_argument("--seed", type=int, default=10, help="draws the structures (default: 10)")
    for name in ("synchronized", "output_only"):
        parser.add_argument(f"--{name}", action="store_true", help=argparse.SUPPRESS)
    for name in ("a2b", "trainer"):
        parser.add_argument(f"--{name}", help=argparse.SUPPRESS)
    args = parser.parse_args()
    data = args.input_folder
    if data is not None and data.name == "train_all":
        data = data.parent
    made = make(
        SetRequest(
            name=args.name,
            output_path=args.output_path,
            which_epoch=args.which_epoch,
            data=data,
            output=args.output_folder,
            batch_size=args.batchsize,
            seed=args.seed,
        ),
        build_student,
        partial(print, file=sys.stderr),
    )
    if made is not None:
        print(made)
    return 0


if __name__ == "__main__":
    command(main)
