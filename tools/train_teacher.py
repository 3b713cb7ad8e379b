"""Train a teacher for DG-Net on a data set's identities and print its accuracy on the test split.

    python tools/train_teacher.py --config configs/latest.yaml data.root=/data/Market-1501
    python tools/train_teacher.py --config configs/latest.yaml teacher.backbone=resnet18 --name small_teacher

Writes OUTPUT/outputs/NAME/teacher.pth, a self-describing file; name it in `teacher.checkpoints` of a configuration.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dgnet.config import Config, load_config
from dgnet.core.cli import CommandParser, add_output_path, add_settings
from dgnet.core.distributed import Distributed
from dgnet.core.errors import command
from dgnet.core.option_types import above, expanded_path, folder_name
from dgnet.data.checks import check_test_images, nothing_to_measure
from dgnet.data.records import Dataset
from dgnet.data.training_data import open_dataset
from dgnet.models.embedding import model_embedding
from dgnet.models.reid_model import ReIDModel
from dgnet.training.job import Job
from dgnet.training.pipeline import train_job_teacher
from eval.reid.dataset_features import features_of_dataset, query_and_gallery
from eval.reid.labels import check_rankable
from eval.reid.ranking import rank_metrics
from reid_heads.loaded_model import LoadedModel


def main() -> None:
    parser = CommandParser(__doc__)
    parser.add_argument("--config", type=expanded_path, required=True, help="a YAML file, see configs/")
    add_settings(parser)
    parser.add_argument(
        "--name", type=folder_name, help="folder of the run (default: the configuration's name and _teacher)"
    )
    add_output_path(parser)
    parser.add_argument("--resume", action="store_true", help="continue from the last checkpoint, or start")
    parser.add_argument("--max-hours", type=above(0), help="save and stop after this many hours")
    args = parser.parse_args()
    config = load_config(args.config, args.settings)
    with Distributed.start(config.run.device) as distributed:
        dataset = open_dataset(config.data, distributed)
        job = Job(config, args.output_path, distributed, resume=args.resume, max_hours=args.max_hours)
        untested = nothing_to_measure(dataset)
        if untested is None:
            # They would otherwise be refused when the teacher has been trained.
            check_rankable(dataset.query, dataset.gallery)
            distributed.on_main(lambda: check_test_images(dataset))
        teacher = train_job_teacher(job, dataset, args.name or f"{config.name}_teacher")
        if distributed.is_main:
            print(f"accuracy not measured: {untested}" if untested else accuracy(teacher, dataset, config))


def accuracy(teacher: ReIDModel, dataset: Dataset, config: Config) -> str:
    """mAP and rank-k of the teacher on query and gallery, in one line."""
    size = config.data.height, config.data.width
    model = LoadedModel(teacher.name, teacher, model_embedding(teacher, True), dataset.identities, *size, mirrored=True)
    result = rank_metrics(*query_and_gallery(features_of_dataset(dataset, model)))
    ranks = ", ".join(f"rank {k} {100 * share:.2f} %" for k, share in result.cmc.items())
    counts = f"{result.valid_queries} of {result.queries} queries have a match"
    return f"mAP {100 * result.mAP:.2f} %, {ranks} ({counts}, {result.protocol} protocol)"


if __name__ == "__main__":
    command(main)
