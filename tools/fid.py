"""How far two sets of images are apart: FID, KID, precision and recall.

    python tools/fid.py REAL GENERATED
    python tools/fid.py REAL GENERATED --protocol clean --kid --precision-recall --weights pt_inception.pth
    python tools/fid.py REAL GENERATED --extractor demo_teacher
    python tools/fid.py --save-stats REAL real.npz

REAL and GENERATED are folders of any nesting, with images of any sizes and formats, or .npz files of statistics (those
of pytorch-fid, too). With --extractor a re-identification network of ours takes Inception's place: the Frechet distance
in identity space, which needs no download and is closer to what this field cares about.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dgnet.core.cli import CommandParser
from dgnet.core.errors import UserError, command
from dgnet.core.option_types import expanded_path
from eval.images.frechet import check_free, save_statistics
from eval.images.image_sets import check_source, read_set, set_metrics
from eval.report.report import as_table
from tools.evaluation.options import add_device_options, add_extractor_options, chosen_extractor


def main() -> int:
    parser = CommandParser(__doc__)
    parser.add_argument("real", type=expanded_path, metavar="REAL", help="a folder or .npz file")
    parser.add_argument(
        "generated", type=expanded_path, metavar="GENERATED", help="likewise; with --save-stats what is written"
    )
    add_extractor_options(parser)
    parser.add_argument("--kid", action="store_true", help="also the kernel distance")
    parser.add_argument("--precision-recall", action="store_true", help="also precision and recall")
    parser.add_argument("--save-stats", action="store_true", help="write the first set's statistics to the second path")
    add_device_options(parser)
    args = parser.parse_args()
    first, second = args.real, args.generated
    if args.save_stats:
        if args.kid or args.precision_recall:
            raise UserError("--save-stats compares nothing: --kid and --precision-recall need two sets")
        check_free(second)  # before the features of every image
    for path in (first,) if args.save_stats else (first, second):
        if not path.exists():
            raise UserError(f"{path}: no such folder of images or .npz file of statistics")
        check_source(path, features=args.kid or args.precision_recall)
    extractor = chosen_extractor(args)
    options = {"batch": args.batch_size, "workers": args.workers}
    real = read_set(first, extractor, **options)
    if args.save_stats:
        save_statistics(real.statistics, second)
        print(f"{second}: statistics of {real.statistics.images} images, {extractor.name}")
        return 0
    generated = read_set(second, extractor, **options)
    print(as_table(set_metrics(real, generated, extractor, kid=args.kid, precision_and_recall=args.precision_recall)))
    return 0


if __name__ == "__main__":
    command(main)
