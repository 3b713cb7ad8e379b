"""Train a re-identification head: BNNeck, self-distillation or MGN, with generated images or without.

    python tools/train.py --model-name resnet50_ibn_a --model-path weights/X.pth --batch-size 64 --epochs 120
    python tools/train.py --model-name resnet50_kd --model-path X.pth --kd --feature-loss-coefficient 0.03
    python tools/train.py --config configs/heads/mgn.yaml data.root=/data/Market-1501 generated.source=outputs/market
    torchrun --nproc-per-node 2 tools/train.py --config configs/heads/bnneck.yaml data.identities=8

Without --config the settings are those of configs/heads/bnneck.yaml, or of self_distillation.yaml for a head named
..._kd. Everything lands in OUTPUT/outputs/NAME (the best weights as mAP_xx.pth or mAP_KD_xx.pth, configuration,
checkpoints, images/curves.png, log.txt, scalars.csv) and OUTPUT/logs/NAME (TensorBoard).
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dgnet.core.cli import CommandParser, add_settings
from dgnet.core.errors import command
from dgnet.core.option_types import at_least, between, expanded_path, folder_name
from dgnet.core.settings import as_settings, load_settings
from reid_heads.config import ReIDConfig
from tools.heads.options import add_run_options, baseline_config, baseline_settings, policies_in_words
from tools.heads.running import describe, train


def main() -> int:
    parser = CommandParser(__doc__, epilog=policies_in_words())
    add_settings(parser)
    parser.add_argument("--config", type=expanded_path, help="a YAML file, see configs/heads/")
    parser.add_argument("--model-name", metavar="NAME", help="the head (head.name), such as resnet50_ibn_a")
    parser.add_argument(
        "--model-path", type=expanded_path, metavar="FILE", help="weights to begin with: ImageNet's or a head's"
    )
    parser.add_argument("--data", "--datadir", type=expanded_path, metavar="DIR", help="the data set (default: data/)")
    parser.add_argument(
        "--batch-size",
        "--IMS-PER-BATCH",
        type=at_least(1),
        help="images in a batch: P = this / data.images_per_identity",
    )
    parser.add_argument("--test-batch-size", "--TEST-IMS-PER-BATCH", type=at_least(1), help="images at a time in tests")
    parser.add_argument("--epochs", "--MAX-EPOCHS", type=at_least(1), help="length of the training")
    parser.add_argument("--kd", action="store_true", help="self-distillation: the head NAME_kd")
    parser.add_argument("--feature-loss-coefficient", type=between(0.0), help="its weight (default: 0.03)")
    parser.add_argument(
        "--name", type=folder_name, help="folder of the run (default: the head's name, or the configuration's)"
    )
    add_run_options(parser)
    parser.add_argument("--dry-run", action="store_true", help="print the settings and the sizes, then leave")
    args = parser.parse_args()
    path = args.config or baseline_config(args)
    config = load_settings(ReIDConfig, path, args.settings)
    # An option stands for settings; a setting that is written out counts more.
    config = load_settings(ReIDConfig, path, [*as_settings(baseline_settings(args, config)), *args.settings])
    if args.dry_run:
        return describe(config)
    train(config, args.output_path, resume=args.resume, reset=args.reset, max_hours=args.max_hours)
    return 0


if __name__ == "__main__":
    command(main)
