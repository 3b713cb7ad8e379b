"""Test a trained re-ID model: mAP, Rank-1, Rank-5 and Rank-10, without and with re-ranking.

    python tools/test.py --batch-size 4 --model-name resnet50 --model-path outputs/resnet50/mAP_85.9.pth
    python tools/test.py --model-path outputs/mgn/mAP_87.1.pth --data /data/Market-1501 --no-mirrored
    python tools/test.py --model-path outputs/mgn --data photographs --leave-one-out --without-cameras

The file is one of ours or of the original systems, which do not name the model: give it by --model-name, with
model.options and data.height and data.width where they are not the usual ones.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dgnet.core.cli import CommandParser, add_mirrored, add_settings
from dgnet.core.errors import command
from dgnet.core.option_types import at_least, expanded_path
from dgnet.core.settings import as_settings, override_settings
from dgnet.data.query_gallery import add_split_options, split_of
from eval.reid.evaluator import RankingEvaluator
from reid_heads.config import ReIDConfig
from reid_heads.load import find_reid_model
from reid_heads.measure import measure_model
from reid_heads.options import DATA, add_options, asked_options, asked_size, refuse_unused, settings_of


def main() -> int:
    parser = CommandParser(__doc__)
    add_settings(parser)
    parser.add_argument("--model-name", metavar="NAME", help="the model that the file holds")
    parser.add_argument(
        "--model-path", type=expanded_path, metavar="FILE", required=True, help="its weights, or its run"
    )
    add_options(parser, [DATA])
    parser.add_argument(
        "--batch-size", "--TEST-IMS-PER-BATCH", type=at_least(1), help="images at a time (default: 128)"
    )
    add_mirrored(parser)
    add_split_options(parser)
    args = parser.parse_args()
    settings = as_settings(
        {
            **settings_of(args, [DATA]),
            "model.name": args.model_name,
            "test.batch_size": args.batch_size,
            "test.mirrored": args.mirrored,
        }
    )
    refuse_unused(args.settings)
    config = override_settings(ReIDConfig(), [*settings, *args.settings])
    path, size = find_reid_model(args.model_path), asked_size(config, args.settings)
    options = asked_options(config, args.settings)
    print(measure_model(config, path, args.model_name, RankingEvaluator, split_of(args), size, options))
    return 0


if __name__ == "__main__":
    command(main)
