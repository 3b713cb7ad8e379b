"""Train or test MGN with the options that users of MGN-pytorch know.

    python tools/train_mgn.py --reset --data DIR --batchid 8 --batchtest 16 --test-every 50 --epochs 400 \\
        --decay-type step_320_380 --loss 1*CrossEntropy+2*Triplet --margin 1.2 --random-erasing --save adam_0 \\
        --nGPU 1 --lr 2e-4 --optimizer ADAM --re-rank --amsgrad
    python tools/train_mgn.py --data DIR --save adam_0 --resume (and the options of the first start)
    python tools/train_mgn.py --data DIR --test-only --pre-train X.pt --cpu

All other settings are those of configs/heads/mgn.yaml and can be given as section.key=value. What a run writes is what
tools/train.py writes. Several GPUs: `torchrun --nproc-per-node 2 tools/train_mgn.py --nGPU 2 ...`.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from dgnet.core.cli import CommandParser, add_settings, add_training_run
from dgnet.core.distributed import number_of_processes
from dgnet.core.errors import UserError, command
from dgnet.core.option_types import at_least
from dgnet.core.settings import load_settings
from eval.reid.evaluator import RankingEvaluator
from reid_heads.config import ReIDConfig
from reid_heads.measure import measure_model
from reid_heads.options import (
    MGN_PYTORCH,
    add_options,
    asked_options,
    asked_size,
    given_options,
    options_and_overrides,
    refuse_unused,
    settings_of,
)
from reid_heads.training.from_config import describe_config, train_from_config
from visual.drawing.run_curves import draw_run_curves


def main() -> int:
    parser = CommandParser(__doc__)
    add_settings(parser)
    add_options(parser, MGN_PYTORCH)
    parser.add_argument("--test-only", action="store_true", help="test the weights of --pre-train, and exit")
    parser.add_argument(
        "--nGPU", type=at_least(1), default=1, help="number of GPUs; for more than 1 start it by torchrun"
    )
    add_training_run(parser, "mgn", "--save")
    parser.add_argument("--reset", action="store_true", help="start anew; an existing run is renamed to NAME.old_1")
    parser.add_argument("--dry-run", action="store_true", help="print the settings and the network's size, and exit")
    args = parser.parse_args()
    processes = number_of_processes()
    if args.nGPU > 1 and args.nGPU != processes:
        raise UserError(
            f"--nGPU {args.nGPU} means as many processes, this is one of {processes}: "
            f"start it as torchrun --nproc-per-node {args.nGPU} tools/train_mgn.py ..."
        )
    settings = {"name": args.name, **settings_of(args, MGN_PYTORCH)}
    weights = settings.pop("model.weights") if args.test_only else None
    given = given_options(args, MGN_PYTORCH) | ({"name"} if args.name else set())
    overrides = options_and_overrides(settings, given, args.settings)
    config = load_settings(ReIDConfig, ROOT / "configs/heads/mgn.yaml", overrides)
    if args.dry_run:
        print(describe_config(config))
        return 0
    if args.test_only:
        if weights is None:
            raise UserError("--test-only needs the model to test: --pre-train FILE")
        refuse_unused(args.settings)
        size, options = asked_size(config, overrides), asked_options(config, overrides)
        file = Path(str(weights))
        print(measure_model(config, file, "mgn", RankingEvaluator, size=size, asked_options=options))
        return 0
    how = {"resume": args.resume, "reset": args.reset, "max_hours": args.max_hours}
    train_from_config(config, args.output_path, RankingEvaluator, draw_run_curves, **how)
    return 0


if __name__ == "__main__":
    command(main)
