"""The runs of an A/B: every variant with every seed, one after another; finished results are kept."""

import contextlib
import io
import json
import shutil
import sys
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml

from dgnet.core.content import labeled_digest
from dgnet.core.distributed import Distributed
from dgnet.core.errors import RunStopped, UserError
from dgnet.core.files import replace_text
from dgnet.core.old_keys import AB_RESULTS_FOLDER, current_ab_result, current_config, current_filter_counts
from dgnet.core.settings import resolved
from dgnet.data.checks import check_test_images
from dgnet.data.records import Dataset
from dgnet.data.training_data import open_dataset
from dgnet.generation.manifest import RECIPE, read_recipe
from dgnet.models.reid_model import ReIDModel
from dgnet.runs import signals
from dgnet.runs.folder import CONFIG, config_changes, update_config
from dgnet.runs.folder_lock import lock_folder
from dgnet.runs.progress import Progress
from reid_heads.ab_experiment.config import ABConfig, SubsetConfig
from reid_heads.ab_experiment.data import (
    generated_folder,
    generated_images,
    open_target_domain,
    require_generator,
    subset_of,
    test_records,
)
from reid_heads.config import ReIDConfig
from reid_heads.generated.filters import FilterCount
from reid_heads.generated.sources import GeneratedSource, StoredImages, open_generated
from reid_heads.training.best_checkpoint import LAST_FILE
from reid_heads.training.checks import check_training
from reid_heads.training.evaluation import RankingFactory, evaluation_of
from reid_heads.training.trainer import MAY_CHANGE, train_model

RESULTS = "results"
# Domains, as results and reports name them.
SAME_DOMAIN, TARGET_DOMAIN = "same cameras", "other cameras, other light"
# Settings that may change on `--resume`: none of them alters what was measured.
RESUME_MAY_CHANGE = (
    "seeds",
    "variants",
    "confidence",
    "baseline",
    "training.run.log_every",
    "training.run.checkpoint_every",
    "training.data.workers",
)


@dataclass(frozen=True)
class Result:
    """One finished run: figures 0..1 by domain and name; the numbers of images it trained on; those that filters
    dropped; a hash of the images and labels of all splits (empty in results of version 0.2 and before)."""

    variant: str
    seed: int
    figures: dict[str, dict[str, float]]
    steps: int
    real_images: int
    generated_images: int
    seconds: float
    filter_counts: list[FilterCount] = field(default_factory=list)
    data: str = ""


class ABExperiment:
    """An A/B in its folder `OUTPUT/outputs/NAME`.

    config.yaml                 its settings
    generated/                  the images that its generator made, with their manifest
    results/VARIANT_SEED.json   the result of a finished run
    runs/VARIANT_SEED/          log, curves and settings of a run; its weights are removed when it is finished
    """

    def __init__(self, config: ABConfig, output: Path, resume: bool, ranking: RankingFactory) -> None:
        """Begin it, or continue it (`resume`); `ranking` measures the models.

        Raises:
            UserError: the settings of the variants contradict each other, or the folder holds something else.
        """
        config.check()
        self.config, self.output, self._ranking = config, output, ranking
        self.folder = output / "outputs" / config.name
        refuse_foreign_folder(self.folder, resume)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = lock_folder(self.folder)
        config_changes(self.folder, *self._settings())
        self.distributed = Distributed.start(config.training.run.device)
        self._sources: dict[str, GeneratedSource | None] = {}
        self.data = ""

    def _settings(self) -> tuple[Mapping[str, Any], Collection[str], Mapping[str, Any]]:
        """The configuration, the settings that may change, and the defaults of settings that are new since it began."""
        return resolved(self.config), RESUME_MAY_CHANGE, {"training": resolved(ReIDConfig())}

    def open(self) -> None:
        """Read the data; render the target domain and generate the images where they do not exist.

        The configuration is stored once everything has been checked: until then the settings may still change.

        Raises:
            UserError: the data, the generator or a setting of a variant cannot be used.
        """
        config = self.config
        if config.needs_images():
            require_generator(config)
        # Wrong settings of the last variant are reported before the first is trained.
        for name in config.variants:
            config.model_of(name, 0, self.folder)
        self.whole = open_dataset(config.training.data, self.distributed)
        self.subset = subset_of(self.whole, config.subset)
        self.all_images = subset_of(
            self.whole, SubsetConfig(identities=config.subset.identities, seed=config.subset.seed)
        )
        domains = {SAME_DOMAIN: self.whole}
        if config.target_domain is not None:
            domains[TARGET_DOMAIN] = open_target_domain(config.target_domain)
        self.data = labeled_digest(
            [*self.all_images.train, *(record for data in domains.values() for record in test_records(data))]
        )
        self.measures = {
            domain: _measure(dataset, config.training, self._ranking) for domain, dataset in domains.items()
        }
        self.steps = {name: self._steps(name) for name in config.variants}
        self._refuse_changed()
        for name in config.variants:
            for other in config.compared_with(name):
                if self.steps[name] != self.steps[other]:
                    raise UserError(
                        f"variants.{name} trains {self.steps[name]} steps, and variants.{other}, which it is compared "
                        f"with, {self.steps[other]}: data.epoch_mode=identities or schedule.epochs makes them equal"
                    )
        update_config(self.folder, *self._settings())
        if (old := self.folder / AB_RESULTS_FOLDER).is_dir():
            old.rename(self.folder / RESULTS)
        (self.folder / RESULTS).mkdir(exist_ok=True)
        self.results()  # refused before images are generated for them
        self.generated = generated_images(config, self.subset, self.folder) if config.needs_images() else None
        for name in config.variants:
            self._open(config.model_of(name, 0, self.generated))

    def _steps(self, name: str) -> int:
        """The number of steps of a run of this variant. `UserError` for settings that its training would refuse."""
        try:
            return check_training(self.config.model_of(name, 0, self.folder), self.images_of(name), self.distributed)
        except UserError as error:
            raise UserError(f"variants.{name}: {error}") from error

    def _refuse_changed(self) -> None:
        """`UserError` for a variant whose settings have changed since a run of it began."""
        generated = generated_folder(self.config, self.folder)
        for name in self.config.variants:
            for seed in range(self.config.seeds):
                config = resolved(self.config.model_of(name, seed, generated))
                config_changes(self.folder / "runs" / f"{name}_{seed}", config, MAY_CHANGE, resolved(ReIDConfig()))

    def images_of(self, name: str) -> Dataset:
        """The real images that a variant trains on."""
        return self.all_images if self.config.variants[name].every_image else self.subset

    def results(self) -> list[Result]:
        """The finished results, by variant, then by seed."""
        wanted = [(name, seed) for name in self.config.variants for seed in range(self.config.seeds)]
        return [result for name, seed in wanted if (result := self.result(name, seed)) is not None]

    def complete_results(self) -> dict[str, list[Result]]:
        """Variant -> its results by seed, of the seeds that every variant has."""
        by_seed = {
            name: {result.seed: result for result in self.results() if result.variant == name}
            for name in self.config.variants
        }
        seeds = sorted(set.intersection(*map(set, by_seed.values())))
        return {name: [results[seed] for seed in seeds] for name, results in by_seed.items()}

    def counts(self) -> dict[str, int]:
        """Seeds, steps and images of the complete results, and what filters dropped."""
        by_variant = self.complete_results()
        counts = {"seeds": len(by_variant[self.config.baseline])}
        for name, results in by_variant.items():
            counts |= {f"steps, {name}": results[0].steps, f"real images, {name}": results[0].real_images}
            if self.config.variants[name].generated:
                counts[f"generated images, {name}"] = results[0].generated_images
            for count in results[0].filter_counts:
                counts[f"dropped, {name} ({count.filter})"] = count.dropped
        return counts

    def splits(self) -> dict[str, dict[str, int]]:
        """The training images and identities: of the subset, and of all images of its identities."""
        return {
            name: {"images": len(dataset.train), "identities": len(dataset.identities)}
            for name, dataset in {"subset of the real images": self.subset, "all real images": self.all_images}.items()
        }

    def generator_hash(self) -> dict[str, str]:
        """The generator's checkpoint and its SHA-256, as recorded in the generated set; empty for other sets."""
        if self.generated is None or not (self.generated / RECIPE).is_file():
            return {}
        generator = read_recipe(self.generated)["generator"]
        return {f"{generator['run']}, iteration {generator['iteration']}": generator["checkpoint_sha256"]}

    def result(self, name: str, seed: int) -> Result | None:
        """The result of a finished run; None where there is none yet. `UserError` for a damaged file."""
        path = self.folder / RESULTS / f"{name}_{seed}.json"
        if not path.exists():
            return None
        try:
            entries = current_ab_result(json.loads(path.read_text(encoding="utf-8")))
            counts = [FilterCount(*count) for count in current_filter_counts(entries.pop("filter_counts", []))]
            result = Result(**entries, filter_counts=counts)
        except (AttributeError, ValueError, TypeError) as error:
            raise UserError(f"{path}: not the result of a run ({error}); remove it to train this run again") from error
        if result.data and self.data and result.data != self.data:
            raise UserError(
                f"{path}: measured on other images or labels than {self.whole.root} has now; put them back, or remove "
                f"{path.parent} and {self.folder / 'runs'} to measure everything again"
            )
        return result

    def train(self, after_each: Callable[[], None]) -> None:
        """Train the missing runs, all variants of a seed before the next seed.

        `after_each` is called when all variants have one seed more, from two seeds on.
        """
        every = [(name, seed) for seed in range(self.config.seeds) for name in self.config.variants]
        done = sum(self.steps[name] for name, seed in every if self.result(name, seed) is not None)
        progress = Progress(done, sum(self.steps[name] for name, _ in every))
        try:
            for name, seed in every:
                run = self.folder / "runs" / f"{name}_{seed}"
                config = self.config.model_of(name, seed, self.generated)
                if self.result(name, seed) is not None:
                    # A variant whose settings changed since it was measured is refused.
                    update_config(run, resolved(config), MAY_CHANGE, resolved(ReIDConfig()))
                    continue
                result = self._train_one(name, seed, config, run, progress)
                replace_text(self.folder / RESULTS / f"{name}_{seed}.json", json.dumps(asdict(result), indent=1) + "\n")
                shutil.rmtree(run / "checkpoints")
                (run / LAST_FILE).unlink()
                accuracy = ", ".join(
                    f"{domain}: mAP {100 * figures['mAP']:.2f} %" for domain, figures in result.figures.items()
                )
                print(f"{name}, seed {seed}: {accuracy}", flush=True)
                if name == list(self.config.variants)[-1] and 0 < seed < self.config.seeds - 1:
                    after_each()
        finally:
            progress.close()
        after_each()

    def _train_one(self, name: str, seed: int, config: ReIDConfig, run: Path, progress: Progress) -> Result:
        """One run. `RunStopped` where it is asked to stop."""
        began, shown = time.perf_counter(), 0
        dataset, generated = self.images_of(name), self._open(config)
        epoch_steps = self.steps[name] // config.schedule.epochs

        def show(_folder: Path) -> None:
            nonlocal shown
            shown += epoch_steps
            for _ in range(epoch_steps):
                progress.advance()

        # The messages of a run are in its log.txt; here one progress bar stands for all runs.
        try:
            with contextlib.redirect_stderr(io.StringIO()):
                result = train_model(
                    config,
                    dataset,
                    generated,
                    run,
                    curves=self.output / "logs" / self.config.name / f"{name}_{seed}",
                    distributed=self.distributed,
                    resume=(run / CONFIG).exists(),
                    draw=show,
                )
        except RunStopped:
            print(f"continue with:\n{signals.resume_command(sys.orig_argv, 1)}", file=sys.stderr)
            raise
        for _ in range(self.steps[name] - shown):  # steps done before this run was resumed
            progress.advance()
        return Result(
            name,
            seed,
            {domain: measure(result.model) for domain, measure in self.measures.items()},
            self.steps[name],
            len(dataset.train),
            len(generated) if isinstance(generated, StoredImages) else 0,
            time.perf_counter() - began,
            list(generated.filter_counts) if isinstance(generated, StoredImages) else [],
            self.data,
        )

    def _open(self, config: ReIDConfig) -> GeneratedSource | None:
        """The generated images of a run, decoded once for all runs that use them."""
        key = config.generated.model_dump_json(include={"source", "filters", "label", "name_pattern"})
        if key not in self._sources:
            self._sources[key] = open_generated(config.generated, self.subset, self.distributed.device)
        return self._sources[key]


def refuse_foreign_folder(folder: Path, resume: bool) -> None:
    """`UserError` where `folder` holds something other than this A/B; writes nothing."""
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file, not the folder of an A/B; use another --name")
    if not folder.exists() or all(path.name.startswith(".") for path in folder.iterdir()):
        return
    if not _is_experiment(folder):
        raise UserError(f"{folder} holds something other than an A/B; use another --name")
    if not resume:
        raise UserError(
            f"{folder} already holds an A/B; continue it with --resume, or start another under another --name"
        )


def _is_experiment(folder: Path) -> bool:
    try:
        content = yaml.safe_load((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return False
    return isinstance(content, dict) and {"variants", "baseline", "seeds"} <= set(current_config(content))


def _measure(dataset: Dataset, config: ReIDConfig, ranking: RankingFactory) -> Callable[[ReIDModel], dict[str, float]]:
    measure = evaluation_of(dataset, config.test, config.data.height, config.data.width, config.model.name, ranking)
    check_test_images(dataset)
    return measure
