"""Import a training of the official DG-Net release as a run, which every tool reads and --resume continues.

    python tools/import_official.py --outputs outputs/E0.5new_reid0.5_w30000 --teacher models/best \\
        --name released data.root=/data/Market-1501
    python tools/train_gan.py --config outputs/released/config.yaml --resume

--outputs is the official folder: config.yaml and checkpoints/{gen,id,dis}_00100000.pt. --teacher is a folder with
net_last.pth and opts.yaml. data.root is the data set of that training, raw or in the official layout: it tells which
identity each class stands for. Writes OUTPUT/outputs/NAME and changes no existing file.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dgnet.core.cli import CommandParser, add_output_path, add_settings
from dgnet.core.distributed import Distributed
from dgnet.core.errors import command
from dgnet.core.option_types import at_least, expanded_path, folder_name
from dgnet.core.settings import as_settings
from dgnet.data.training_data import open_dataset
from dgnet.official.import_run import import_run
from dgnet.official.release import read_official, read_official_teacher


def main() -> None:
    parser = CommandParser(__doc__)
    parser.add_argument("--outputs", type=expanded_path, required=True, metavar="DIR", help="the official outputs/NAME")
    parser.add_argument(
        "--teacher",
        type=expanded_path,
        action="append",
        default=[],
        metavar="DIR",
        help="the official models/NAME, or the weights in it; repeat for more teachers",
    )
    parser.add_argument("--iteration", type=at_least(0), help="iteration of the checkpoint (default: the last)")
    parser.add_argument("--name", type=folder_name, help="folder of the run (default: NAME of --outputs)")
    add_output_path(parser)
    add_settings(parser)
    args = parser.parse_args()
    name = as_settings({"name": args.name})
    official = read_official(args.outputs, args.iteration, [*args.settings, *name])
    teachers = [read_official_teacher(path) for path in args.teacher]
    distributed = Distributed.start(official.config.run.device)
    dataset = open_dataset(official.config.data, distributed)
    run = import_run(official, teachers, dataset, args.output_path, distributed)
    print(f"{run.folder}: {args.outputs} after {official.iteration} iterations, {official.identities} identities")
    for note in run.notes:
        print(f"note: {note}")
    elsewhere = f" --output-path {args.output_path}" if args.output_path != Path() else ""
    print(f"continue with:\npython tools/train_gan.py --config {run.folder}/config.yaml{elsewhere} --resume")


if __name__ == "__main__":
    command(main)
