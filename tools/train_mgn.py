"""Train or test MGN with the options that users of MGN-pytorch know.

    python tools/train_mgn.py --reset --datadir DIR --batchid 8 --batchtest 16 --test-every 50 --epochs 400 \\
        --decay-type step_320_380 --loss 1*CrossEntropy+2*Triplet --margin 1.2 --random-erasing --save adam_0 \\
        --nGPU 1 --lr 2e-4 --optimizer ADAM --re-rank --amsgrad
    python tools/train_mgn.py --datadir DIR --save adam_0 --resume (and the options that it began with)
    python tools/train_mgn.py --datadir DIR --test-only --pre-train X.pt --cpu

All other settings are those of configs/heads/mgn.yaml and can be given as section.key=value. What a run writes is what
tools/train.py writes. Several GPUs: `torchrun --nproc-per-node 2 tools/train_mgn.py --nGPU 2 ...`.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dgnet.core.cli import CommandParser, add_settings
from dgnet.core.errors import UserError, command
from dgnet.core.settings import as_settings, load_settings
from reid_heads.config import ReIDConfig
from tools.heads.options import MGN_CONFIG, add_mgn_options, add_run_options, mgn_settings
from tools.heads.running import describe, test, train


def main() -> int:
    parser = CommandParser(__doc__)
    add_settings(parser)
    add_mgn_options(parser)
    add_run_options(parser)
    parser.add_argument("--dry-run", action="store_true", help="print the settings and the sizes, then leave")
    args = parser.parse_args()
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    if args.nGPU > 1 and args.nGPU != processes:
        raise UserError(
            f"--nGPU {args.nGPU} means as many processes, this is one of {processes}: "
            f"start it as torchrun --nproc-per-node {args.nGPU} tools/train_mgn.py ..."
        )
    config = load_settings(ReIDConfig, MGN_CONFIG, [*as_settings(mgn_settings(args)), *args.settings])
    if args.dry_run:
        return describe(config)
    if args.test_only:
        if args.pre_train is None:
            raise UserError("--test-only needs the head to test: --pre-train FILE")
        return test(config, args.pre_train, "mgn")
    train(config, args.output_path, resume=args.resume, reset=args.reset, max_hours=args.max_hours)
    return 0


if __name__ == "__main__":
    command(main)
