"""Train DG-Net: generator, discriminator and appearance encoder, with the soft labels of a teacher.

    python tools/train_gan.py --config configs/latest.yaml data.root=/data/Market-1501 --name market
    python tools/train_gan.py --config configs/latest.yaml data.root=/data/Market-1501 --name market --resume
    torchrun --nproc-per-node 2 tools/train_gan.py --config configs/latest.yaml run.batch_size=4

Everything is written to OUTPUT/outputs/NAME (configuration, checkpoints, swap grids, log.txt, scalars.csv) and
OUTPUT/logs/NAME (TensorBoard). Change settings of the configuration with section.key=value; run.batch_size is that of
one process. If the configuration names no teacher, one is trained first, as the run NAME_teacher.
"""

import sys
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dgnet.config import load_config
from dgnet.core.cli import CommandParser, add_output_path, add_settings
from dgnet.core.distributed import Distributed
from dgnet.core.errors import command
from dgnet.core.option_types import above, expanded_path, folder_name
from dgnet.core.settings import as_settings
from dgnet.data.training_data import open_dataset
from dgnet.training.checks import check_training
from dgnet.training.describe import describe_training
from dgnet.training.job import Job
from dgnet.training.pipeline import train_job
from visual.drawing.swap import fixed_grid


def main() -> None:
    parser = CommandParser(__doc__)
    parser.add_argument("--config", type=expanded_path, required=True, help="a YAML file, see configs/")
    add_settings(parser)
    parser.add_argument("--name", type=folder_name, help="folder of the run (default: the configuration's name)")
    add_output_path(parser)
    parser.add_argument("--resume", action="store_true", help="continue from the last checkpoint, or start")
    parser.add_argument("--max-hours", type=above(0), help="save and stop after this many hours")
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="print the settings, the networks' sizes, and what is missing or refused, and exit",
    )
    args = parser.parse_args()
    config = load_config(args.config, [*args.settings, *as_settings({"name": args.name})])
    if args.dry_run:
        with Distributed.start("cpu") as distributed:
            job = Job(config, args.output_path, distributed, resume=args.resume)
            print(describe_training(config, partial(check_training, job)))
        return
    with Distributed.start(config.run.device) as distributed:
        dataset = open_dataset(config.data, distributed)
        job = Job(config, args.output_path, distributed, resume=args.resume, max_hours=args.max_hours)
        train_job(job, dataset, fixed_grid(config, dataset))


if __name__ == "__main__":
    command(main)
