"""Train a re-ID model: BNNeck baseline, self-distillation, MGN or a registered one, with or without generated images.

    python tools/train.py --model-name resnet50_ibn_a --model-path weights/X.pth --batch-size 64 --epochs 120
    python tools/train.py --model-name resnet50_kd --model-path X.pth --kd --feature-loss-coefficient 0.03
    python tools/train.py --config configs/heads/mgn.yaml data.root=/data/Market-1501 generated.source=outputs/market
    torchrun --nproc-per-node 2 tools/train.py --config configs/heads/bnneck.yaml data.identities=8

Without --config the settings are those of configs/heads/bnneck.yaml, or of self_distillation.yaml for a model named
..._kd. Everything is written to OUTPUT/outputs/NAME (the best weights as mAP_xx.pth or mAP_KD_xx.pth, configuration,
checkpoints, images/curves.png, log.txt, scalars.csv) and OUTPUT/logs/NAME (TensorBoard).
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from dgnet.core.cli import CommandParser, add_settings, add_training_run
from dgnet.core.errors import command
from dgnet.core.option_types import at_least, expanded_path
from dgnet.core.settings import load_settings
from eval.reid.evaluator import RankingEvaluator
from reid_heads.config import ReIDConfig
from reid_heads.options import (
    BAG_OF_TRICKS,
    KD,
    add_options,
    given_options,
    identities_in_batch,
    label_policies_help,
    options_and_overrides,
    settings_of,
    with_self_distillation,
)
from reid_heads.training.from_config import describe_config, train_from_config
from visual.drawing.run_curves import draw_run_curves


def main() -> int:
    parser = CommandParser(__doc__, epilog=label_policies_help())
    add_settings(parser)
    parser.add_argument("--config", type=expanded_path, help="a YAML file, see configs/heads/")
    add_options(parser, BAG_OF_TRICKS)
    parser.add_argument(
        "--batch-size",
        "--IMS-PER-BATCH",
        type=at_least(1),
        help="images in a batch, a multiple of data.images_per_identity",
    )
    parser.add_argument("--kd", action="store_true", help="self-distillation: the model NAME_kd")
    add_training_run(parser, "the model's name, or the configuration's")
    parser.add_argument("--reset", action="store_true", help="start anew; an existing run is renamed to NAME.old_1")
    parser.add_argument("--dry-run", action="store_true", help="print the settings and the network's size, and exit")
    args = parser.parse_args()
    settings, given = settings_of(args, BAG_OF_TRICKS), given_options(args, BAG_OF_TRICKS)
    distill = args.kd or str(settings["model.name"]).endswith(KD)
    path = args.config or ROOT / "configs/heads" / ("self_distillation.yaml" if distill else "bnneck.yaml")
    config = load_settings(ReIDConfig, path, args.settings)
    settings = with_self_distillation(settings, config, args.kd)
    settings["name"] = args.name or (None if args.config else settings["model.name"])
    settings["data.identities"] = identities_in_batch(args.batch_size, config.data.images_per_identity)
    also = {"name": args.name, "data.identities": args.batch_size, "model.name": args.kd or None}
    given |= {key for key, value in also.items() if value is not None}
    config = load_settings(ReIDConfig, path, options_and_overrides(settings, given, args.settings))
    if args.dry_run:
        print(describe_config(config))
        return 0
    how = {"resume": args.resume, "reset": args.reset, "max_hours": args.max_hours}
    train_from_config(config, args.output_path, RankingEvaluator, draw_run_curves, **how)
    return 0


if __name__ == "__main__":
    command(main)
