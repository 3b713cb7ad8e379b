"""SSIM of generated images: their diversity within identities, or their fidelity to other images.

    python tools/ssim.py --dir GENERATED
    python tools/ssim.py --dir RECONSTRUCTED --against REAL

Without --against it is the diversity that the official DG-Net's evaluation calls "SSIM": DSSIM = (1 - SSIM) / 2 in Lab
color over random pairs of one identity (GENERATED/IDENTITY/*.png). Higher is more diverse; it says nothing about
quality. With --against it is the fidelity: SSIM with gaussian and with uniform windows, MS-SSIM and PSNR of each image
and the one of the same name in REAL. MS-SSIM takes as many scales as fit into the smallest image.
"""

import sys
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dgnet.core.cli import CommandParser
from dgnet.core.errors import command
from dgnet.core.images import print_passed_over
from eval.image_files import files_by_folder
from eval.images.diversity import DISSIMILARITY, DSSIM, diversity_metrics
from eval.images.fidelity import MEASURES, Measure, fidelity_metrics
from eval.images.file_pairs import files_by_name, pairs_of_files
from eval.images.ssim import most_scales, multi_scale_ssim
from eval.options import add_pair_options, diversity_options
from eval.report.report import as_table


def main() -> int:
    parser = CommandParser(__doc__)
    add_pair_options(parser)
    args = parser.parse_args()
    options = diversity_options(args)
    if args.against is None:
        groups = files_by_folder(args.dir)
        table = as_table(diversity_metrics(groups, (DSSIM, DISSIMILARITY), **options))
        print_passed_over(args.dir)
        print(table)
        return 0
    files = files_by_name(args.dir, args.against)
    # One number for all: MS-SSIM of more scales is another measure, and no mean over both would mean anything.
    scales = max(min(most_scales(*first.shape[2:]) for first, _ in pairs_of_files(files)), 1)
    protocol = f"{len(files)} pairs of files of one name, at their size, {scales} scales for MS-SSIM"
    measures = MEASURES | {"MS-SSIM": Measure("MS-SSIM", partial(multi_scale_ssim, scales=scales))}
    table = as_table(fidelity_metrics(pairs_of_files(files), list(measures.values()), protocol, section="Fidelity"))
    print_passed_over(args.dir, args.against)
    print(table)
    return 0


if __name__ == "__main__":
    command(main)
