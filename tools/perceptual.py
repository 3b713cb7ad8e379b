"""LPIPS of generated images: their diversity within identities, or their fidelity to other images.

    python tools/perceptual.py --dir GENERATED
    python tools/perceptual.py --dir RECONSTRUCTED --against REAL --net vgg --weights vgg16-397923af.pth

Without --against it is the diversity (GENERATED/IDENTITY/*.png, random pairs of one identity; higher is more diverse),
with --against the fidelity to the images of the same names (lower is nearer). --weights names torchvision's file of the
trunk; the linear layers come with the lpips package.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dgnet.core.cli import CommandParser, add_device
from dgnet.core.errors import command
from dgnet.core.images import print_passed_over
from dgnet.core.numerics import open_device
from dgnet.core.option_types import expanded_path, sha256_digits
from eval.image_files import files_by_folder
from eval.images.diversity import diversity_metrics, pair_by_pair
from eval.images.fidelity import fidelity_metrics, perceptual_measure
from eval.images.file_pairs import files_by_name, pairs_of_files
from eval.images.perceptual import TRUNK_URLS, PerceptualDistance
from eval.options import add_pair_options, diversity_options
from eval.report.report import as_table


def main() -> int:
    parser = CommandParser(__doc__)
    add_pair_options(parser)
    parser.add_argument("--net", choices=tuple(TRUNK_URLS), default="alex", help="the trunk (default: alex)")
    parser.add_argument("--weights", type=expanded_path, metavar="FILE", help="(default: torch's copy, or a download)")
    parser.add_argument(
        "--weights-sha256", type=sha256_digits, metavar="DIGITS", help="what the file's SHA-256 must begin with"
    )
    parser.add_argument(
        "--linear", type=expanded_path, metavar="FILE", help="the linear layers (default: the package's)"
    )
    add_device(parser)
    args = parser.parse_args()
    options = diversity_options(args)
    groups = files_by_folder(args.dir) if args.against is None else {}
    files = [] if args.against is None else files_by_name(args.dir, args.against)
    print_passed_over(args.dir, *([] if args.against is None else [args.against]))
    distance = PerceptualDistance(
        args.net,
        trunk=args.weights,
        trunk_sha256=args.weights_sha256,
        linear=args.linear,
        device=open_device(args.device),
    )
    if args.against is None:
        print(as_table(diversity_metrics(groups, [pair_by_pair(distance.name, distance)], **options)))
        return 0
    protocol = f"{len(files)} pairs of files of one name, at their size"
    measure = perceptual_measure(distance)
    print(as_table(fidelity_metrics(pairs_of_files(files), [measure], protocol, section="Fidelity")))
    return 0


if __name__ == "__main__":
    command(main)
