"""A head's training from a configuration, and the test of a trained head."""

import time
from pathlib import Path

import yaml

from dgnet.core.distributed import Distributed
from dgnet.core.errors import UserError
from dgnet.core.settings import resolved
from dgnet.data.checks import count_splits, split_table
from dgnet.data.training_data import open_dataset
from dgnet.models.build import parameter_count
from dgnet.models.pretrained import read_model
from dgnet.models.registry import build_model
from dgnet.runs.folder import refuse_foreign_folder
from dgnet.runs.scalars import read_scalars
from reid_heads.config import ReIDConfig
from reid_heads.generated.sources import open_generated
from reid_heads.training.trainer import Evaluation, train_model
from tools.heads.figures import figures_of
from visual.drawing.curves import curves
from visual.drawing.grid import save_png

CURVES = Path("images", "curves.png")


def train(config: ReIDConfig, output: Path, *, resume: bool, reset: bool, max_hours: float | None) -> None:
    """Train the head that a configuration describes, in `output/outputs/NAME`. `RunStopped` where it is asked to stop.

    `reset` moves an old run of that name aside, once nothing is refused any more.
    """
    if resume and reset:
        raise UserError("--reset begins a new run and --resume goes on with the old one: give one of them")
    folder, logs = output / "outputs" / config.name, output / "logs" / config.name
    with Distributed.start(config.run.device) as distributed:
        if not reset:
            # Before the minutes in which the images are decoded.
            distributed.on_main(lambda: refuse_foreign_folder(folder, logs, resume))
        dataset = open_dataset(config.data, distributed)
        shape = config.data.height, config.data.width
        evaluate = figures_of(dataset, config.test, *shape, config.head.name) if config.test.every else None
        reranking = str(evaluate.reranking) if evaluate and evaluate.reranking else ""
        train_model(
            config,
            dataset,
            open_generated(config.generated, dataset, distributed.device),
            folder,
            curves=logs,
            distributed=distributed,
            resume=resume,
            reset=reset,
            max_hours=max_hours,
            evaluation=Evaluation(evaluate, evaluate.protocol, reranking) if evaluate else None,
            draw=draw_curves,
        )


def test(config: ReIDConfig, path: Path, name: str | None) -> int:
    """Print the figures of the trained head in `path` on the configuration's data, without and with re-ranking; the
    exit status.

    `name` is needed for files of other systems and checked for ours.
    """
    distributed = Distributed.start(config.run.device)
    options = config.head.options if name == config.head.name else {}
    stored = read_model(path, name, distributed.device, **options)
    dataset = open_dataset(config.data, distributed)
    print("\n".join([f"{dataset.name} at {dataset.root}", *split_table(count_splits(dataset))]))
    settings = config.test.model_copy(update={"re_rank": True})
    measure = figures_of(dataset, settings, stored.height, stored.width, stored.network.name)
    if measure is None:
        raise UserError(f"{dataset.root}: has no query and gallery split to test on")
    began = time.perf_counter()
    figures = measure(stored.network)
    print(f"{stored.network.name} from {path}, {stored.height}x{stored.width}, {time.perf_counter() - began:.1f} s")
    print(f"{measure.protocol}; re-ranked: {measure.reranking}")
    for figure, value in figures.items():
        print(f"{figure:<20}{100 * value:6.2f} %")
    return 0


def describe(config: ReIDConfig) -> int:
    """What a run with this configuration would train."""
    print(yaml.safe_dump(resolved(config), sort_keys=False), end="")
    dataset = open_dataset(config.data, Distributed.start(config.run.device))
    head = build_model(config.head.name, len(dataset.identities), **config.head.options)
    print("\n".join(f"# {line}" for line in split_table(count_splits(dataset))))
    print(f"# {head.name}: {parameter_count(head):,} parameters, {parameter_count(head.deployed()):,} deployed")
    return 0


def draw_curves(folder: Path) -> None:
    """The course of losses, accuracy and test figures as a picture in the run's folder."""
    rows = [{"iteration": iteration, **values} for iteration, values in read_scalars(folder / "scalars.csv")]
    shown = [
        name
        for name in dict.fromkeys(name for row in rows for name in row)
        if name == "accuracy" or name.startswith(("loss/", "learning_rate/")) or "mAP" in name or "Rank" in name
    ]
    save_png(curves(rows, terms=shown, title=folder.name), folder / CURVES)
