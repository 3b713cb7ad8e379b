"""`settings`: what each setting of the demo that is not the paper's is for, by training without it.

The configuration's DG-Net is trained as it is, and once more with each setting that differs from the paper's at the
paper's value: same seed, same images. Settings that count iterations have the paper's value as a share of the training
(30,000 of 100,000 iterations: 960 of 3,200). Sizes of networks and images, the data, and what does not touch the
arithmetic stay as they are. Swaps of test identities, and re-identification by the appearance encoder, are measured as
the demo does.

Finished rows are kept in OUTPUT/rows.json, and a training that was interrupted goes on, when the command is started
again. Of a row that lacks a column, as a version before may have written it, the training is measured again.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from dgnet.config import Config, load_config, override_config, resolved
from dgnet.core.cli import add_settings
from dgnet.core.distributed import Distributed
from dgnet.core.errors import UserError
from dgnet.core.files import replace_text
from dgnet.core.json_files import parse_json
from dgnet.core.machine import machine, versions
from dgnet.core.option_types import above, expanded_path
from dgnet.core.settings import as_settings
from dgnet.core.stopwatch import Stopwatch
from dgnet.data.records import Dataset
from dgnet.data.training_data import open_dataset
from dgnet.generation.load import find_generator
from dgnet.models.model_file import read_model_file
from dgnet.runs.folder import CONFIG
from dgnet.training.independent_classifier import train_independent_classifier
from dgnet.training.job import Job
from dgnet.training.pipeline import train_job
from dgnet.training.teacher import TEACHER_FILE
from eval.compared_models import SECTION as REIDENTIFICATION
from eval.images.swap_metrics import FIDELITY, IDENTIFICATION
from tools.benchmarks.step_process import ROOT
from tools.measure_swaps import measure_accuracy, measure_fidelity, measure_identification

ROWS = "rows.json"
BASELINE = "as it is"
# Data, sizes of images and networks, the teacher, and what changes no figure.
KEPT = (
    *("name", "data.layout", "data.root", "data.synthetic", "data.height", "data.width", "data.pad", "data.workers"),
    *("appearance.backbone", "appearance.weights", "appearance.last_stride", "appearance.upsample_below_height"),
    *("structure.channels", "structure.residual_blocks", "decoder.style_hidden"),
    *("discriminator.channels", "discriminator.residual_blocks", "discriminator.scales"),
    # The paper took its teacher from elsewhere: how one is trained here is nowhere the paper's.
    *("teacher", "schedule.iterations", "run"),
)
COUNTS_OF_ITERATIONS = (
    *("short_training.swap_begin", "short_training.identity_begin", "loss.code_ramp_begin", "loss.teacher_ramp_begin"),
    "schedule.step_size",
)
RATES_PER_ITERATION = ("loss.ramp_rate",)
# The teacher's training reads these sections; rows that change no such setting share the first row's teacher.
OF_THE_TEACHER = ("data", "teacher", "optimizer", "run")
# A column -> the name of the demo's metric.
COLUMNS = {
    "PSNR gain (dB)": "PSNR gain over the best simple answer",
    "gradient energy": "gradient energy of the swaps",
    "gradient correlation": "gradient correlation of the swaps",
    "SSIM": "SSIM of the swaps",
    "recognized (%)": "swaps recognized as the person of the appearance",
    "mAP (%)": "mAP, appearance encoder",
}
SECTIONS = (FIDELITY, IDENTIFICATION, REIDENTIFICATION)


def add_parser(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The kind `settings` with its options."""
    kind = kinds.add_parser(
        "settings",
        help="the demo without each of its settings that are not the paper's",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kind.add_argument(
        "--config",
        type=expanded_path,
        default=ROOT / "configs" / "demo.yaml",
        help="a YAML file of built-in pedestrians (default: configs/demo.yaml)",
    )
    add_settings(kind)
    kind.add_argument("--only", nargs="+", default=[], metavar="SECTION.KEY", help="these settings alone")
    kind.add_argument(
        "--iterations-factor",
        type=above(0),
        default=1.0,
        help="train so many times as long, for a trial (default: 1)",
    )
    kind.add_argument(
        "--output-path",
        type=expanded_path,
        default=Path("settings"),
        help="folder of the rows and the trainings (default: settings)",
    )


def run(args: argparse.Namespace) -> None:
    """Print the table."""
    config = longer(load_config(args.config, args.settings), args.iterations_factor)
    if config.data.layout != "synthetic":
        raise UserError(f"{args.config}: data.layout must be 'synthetic', got {config.data.layout!r}")
    changes = paper_values(config)
    if unknown := [key for key in args.only if key not in changes]:
        raise UserError(f"--only must be among {', '.join(changes)}, got {unknown[0]}")
    rows = Rows(args.output_path / ROWS, config)
    distributed = Distributed.start(config.run.device)
    dataset = open_dataset(config.data, distributed)
    print_row("setting", "here", "paper's", *COLUMNS, "s")
    print_row(*["---"] * (len(COLUMNS) + 4))
    for key in (None, *(key for key in changes if not args.only or key in args.only)):
        name = key or BASELINE
        if name not in rows:
            changed = config if key is None else override_config(config, as_settings({key: changes[key]}))
            rows.add(name, train_and_measure(changed, key, args.output_path, dataset, distributed))
        here = ("", "") if key is None else (str(value_at(config, key)), str(changes[key]))
        row = rows[name]
        print_row(name, *here, *(f"{row[metric]:.3g}" for metric in COLUMNS.values()), f"{row['seconds']:.0f}")
    print(f"\n{', '.join(f'{name} {value}' for name, value in (machine() | versions()).items() if value)}")


def paper_values(config: Config) -> dict[str, Any]:
    """`section.key` -> the paper's value, of every setting whose value here is another."""
    paper = Config()
    share = config.schedule.iterations / paper.schedule.iterations
    values: dict[str, Any] = {}
    for section, settings in resolved(paper).items():
        for key in settings if isinstance(settings, dict) else ():
            name = f"{section}.{key}"
            if any(name == kept or name.startswith(f"{kept}.") for kept in KEPT):
                continue
            value = value_at(paper, name)
            if name in COUNTS_OF_ITERATIONS:
                value = round(value * share)
            if name in RATES_PER_ITERATION:
                value = value / share
            if value != value_at(config, name):
                values[name] = value
    return values


def longer(config: Config, factor: float) -> Config:
    """The configuration with a training of so many times its iterations."""
    changes: dict[str, Any] = {
        name: round(value_at(config, name) * factor) for name in ("schedule.iterations", *COUNTS_OF_ITERATIONS)
    }
    changes |= {name: value_at(config, name) / factor for name in RATES_PER_ITERATION}
    changes["teacher.epochs"] = max(1, round(config.teacher.epochs * factor))
    return config if factor == 1 else override_config(config, as_settings(changes))


def value_at(config: Config, name: str) -> Any:
    """The value of `section.key`."""
    section, key = name.split(".")
    return resolved(config)[section][key]


class Rows:
    """The finished rows, in a file; a name -> its metrics and seconds.

    Raises:
        UserError: the file is of other settings, or is none of this command's.
    """

    def __init__(self, path: Path, config: Config) -> None:
        self.path, self.config = path, resolved(config)
        self._rows: dict[str, dict[str, float]] = {}
        if path.exists():
            try:
                stored = parse_json(path.read_text(encoding="utf-8"))
                self._rows, of = stored["rows"], stored["config"]
            except (ValueError, KeyError, TypeError) as error:
                raise UserError(f"{path}: not the rows of `tools/bench.py settings`") from error
            if of != self.config:
                raise UserError(f"{path}: rows of other settings; name another --output-path")

    def __contains__(self, name: str) -> bool:
        """Whether the row is there with every column."""
        return set(COLUMNS.values()) <= set(self._rows.get(name, ()))

    def __getitem__(self, name: str) -> dict[str, float]:
        return self._rows[name]

    def add(self, name: str, row: dict[str, float]) -> None:
        """Keep a finished row; one that is measured again keeps the seconds of its training."""
        seconds = self._rows.get(name, row)["seconds"]
        self._rows[name] = row | {"seconds": seconds}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        replace_text(self.path, json.dumps({"config": self.config, "rows": self._rows}, indent=2))


def train_and_measure(
    config: Config, key: str | None, output: Path, dataset: Dataset, distributed: Distributed
) -> dict[str, float]:
    """A row: the demo's metrics by name, and the seconds of the trainings since the command was started.

    Args:
        key: the setting that was changed.

    Raises:
        RunStopped: a run was asked to stop; it has saved.
    """
    name = "baseline" if key is None else key
    changes: dict[str, Any] = {"name": name}
    if key is not None and key.partition(".")[0] not in OF_THE_TEACHER:
        changes["teacher.checkpoints"] = [str(output / "outputs" / "baseline_teacher" / TEACHER_FILE)]
    config = override_config(config, as_settings(changes))
    watch = Stopwatch()
    started = any((output / "outputs" / run / CONFIG).exists() for run in (name, f"{name}_teacher"))
    job = Job(config, output, distributed, resume=started, resume_option=None)
    with watch.stage("training"):
        train_job(job, dataset)
    # Its settings are its own: one serves all rows.
    classifier = train_independent_classifier(job, dataset, "classifier")
    generator = find_generator(name, output, device=distributed.device)
    metrics = measure_fidelity(generator, dataset)
    metrics += measure_identification(generator, read_model_file(classifier, distributed.device), dataset)
    metrics += measure_accuracy(generator, None, dataset)
    values = {one.name: one.value for one in metrics if one.section in SECTIONS and one.name in COLUMNS.values()}
    return values | {"seconds": watch.seconds["training"]}


def print_row(*cells: str) -> None:
    print("|", " | ".join(cells), "|", flush=True)
