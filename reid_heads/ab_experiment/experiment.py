"""The runs of an A/B: every variant with every seed, one after another; finished ones are not trained again."""

import contextlib
import io
import shutil
import sys
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from dgnet.core.distributed import Distributed
from dgnet.core.errors import RunStopped, UserError
from dgnet.core.section import resolved
from dgnet.data.checks import check_test_images
from dgnet.data.records import Dataset
from dgnet.generation.manifest import RECIPE, read_recipe
from dgnet.models.reid_model import ReIDModel
from dgnet.runs import signals
from dgnet.runs.folder import CONFIG, config_changes, update_config
from dgnet.runs.folder_lock import lock_folder
from dgnet.runs.progress import Progress
from reid_heads.ab_experiment.config import ABConfig
from reid_heads.ab_experiment.data import ABData
from reid_heads.ab_experiment.folder import refuse_foreign_folder
from reid_heads.ab_experiment.generator import ABGenerator, Pictures
from reid_heads.ab_experiment.results import Result, ResultFolder
from reid_heads.config import ReIDConfig
from reid_heads.generated.sources import GeneratedSource, StoredImages, open_generated
from reid_heads.training.best_checkpoint import LAST_FILE
from reid_heads.training.checks import check_training
from reid_heads.training.evaluation import RankingFactory, evaluation_of
from reid_heads.training.trainer import MAY_CHANGE, train_model

# Settings that may change on `--resume`: none of them alters what was measured.
RESUME_MAY_CHANGE = (
    "seeds",
    "variants",
    "confidence",
    "baseline",
    "keep_models",
    "training.run.log_every",
    "training.run.checkpoint_every",
    "training.data.workers",
)


class ABExperiment:
    """An A/B in its folder `OUTPUT/outputs/NAME`.

    config.yaml                 its settings
    subset.csv                  the real images that its generator was trained on
    generated/                  the images that its generator made, with their manifest
    results/VARIANT_SEED.json   the result of a finished run
    runs/VARIANT_SEED/          log, curves and settings of a run; its weights are removed when it is finished, but for
                                last.pth with `keep_models`
    """

    def __init__(
        self, config: ABConfig, output: Path, resume: bool, ranking: RankingFactory, pictures: Pictures
    ) -> None:
        """Begin it, or continue it (`resume`); `ranking` measures the models, `pictures` draws what a generator learns.

        Raises:
            UserError: the settings of the variants contradict each other, or the folder holds something else.
        """
        config.check()
        self.config, self.output, self._ranking, self._pictures = config, output, ranking, pictures
        self.folder = output / "outputs" / config.name
        refuse_foreign_folder(self.folder, resume)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = lock_folder(self.folder)
        config_changes(self.folder, *self._settings())
        self.distributed = Distributed.start(config.training.run.device)
        self._sources: dict[str, GeneratedSource | None] = {}

    def _settings(self) -> tuple[Mapping[str, Any], Collection[str], Mapping[str, Any]]:
        """The configuration, the settings that may change, and the defaults of settings that are new since it began."""
        return (
            resolved(self.config),
            RESUME_MAY_CHANGE,
            {"training": resolved(ReIDConfig()), "generator_training": None, "keep_models": False},
        )

    def open(self) -> None:
        """Read the data; render the target domain and generate the images where they do not exist.

        The configuration is stored once everything has been checked: until then the settings may still change.

        Raises:
            UserError: the data, the generator or a setting of a variant cannot be used.
        """
        config = self.config
        self.generator = None
        if config.needs_images():
            self.generator = ABGenerator(config, self.output, self.distributed, self._pictures)
        # Wrong settings of the last variant are reported before the first is trained.
        for name in config.variants:
            config.model_of(name, 0, self.folder)
        self.data = ABData.open(config, self.distributed)
        self.results = ResultFolder(self.folder, config, self.data.digest, self.data.whole.root)
        self.measures = {
            domain: _measure(dataset, config.training, self._ranking) for domain, dataset in self.data.domains.items()
        }
        self.steps = {name: self._steps(name) for name in config.variants}
        self._refuse_changed()
        if self.generator:
            self.generator.check(self.data.subset)
        for name in config.variants:
            for other in config.compared_with(name):
                if self.steps[name] != self.steps[other]:
                    raise UserError(
                        f"variants.{name} trains {self.steps[name]} steps, and variants.{other}, which it is compared "
                        f"with, {self.steps[other]}: data.epoch_mode=identities or schedule.epochs makes them equal"
                    )
        update_config(self.folder, *self._settings())
        self.results.create()
        self.results.all()  # refused before images are generated for them
        self.generated = self.generator.images(self.data.subset) if self.generator else None
        for name in config.variants:
            self._open(config.model_of(name, 0, self.generated))

    def _steps(self, name: str) -> int:
        """The number of steps of a run of this variant. `UserError` for settings that its training would refuse."""
        try:
            config, images = self.config.model_of(name, 0, self.folder), self.data.images_of(self.config.variants[name])
            return check_training(config, images, self.distributed)
        except UserError as error:
            raise UserError(f"variants.{name}: {error}") from error

    def _refuse_changed(self) -> None:
        """`UserError` for a variant whose settings have changed since a run of it began."""
        generated = self.generator.images_folder() if self.generator else None
        for name in self.config.variants:
            for seed in range(self.config.seeds):
                config = resolved(self.config.model_of(name, seed, generated))
                config_changes(self.folder / "runs" / f"{name}_{seed}", config, MAY_CHANGE, resolved(ReIDConfig()))

    def generator_hash(self) -> dict[str, str]:
        """The generator's checkpoint and its SHA-256, as recorded in the generated set; empty for other sets."""
        if self.generated is None or not (self.generated / RECIPE).is_file():
            return {}
        generator = read_recipe(self.generated)["generator"]
        return {f"{generator['run']}, iteration {generator['iteration']}": generator["checkpoint_sha256"]}

    def train(self, after_each: Callable[[], None]) -> None:
        """Train the missing runs, all variants of a seed before the next seed.

        `after_each` is called when all variants have one seed more, from two seeds on.
        """
        every = [(name, seed) for seed in range(self.config.seeds) for name in self.config.variants]
        done = sum(self.steps[name] for name, seed in every if self.results.read(name, seed) is not None)
        progress = Progress(done, sum(self.steps[name] for name, _ in every))
        try:
            for name, seed in every:
                run = self.folder / "runs" / f"{name}_{seed}"
                config = self.config.model_of(name, seed, self.generated)
                if self.results.read(name, seed) is not None:
                    # A variant whose settings changed since it was measured is refused.
                    update_config(run, resolved(config), MAY_CHANGE, resolved(ReIDConfig()))
                    self._clear(run)  # a killed process may have had no time for it
                    continue
                result = self._train_one(name, seed, config, run, progress)
                self.results.write(result)
                self._clear(run)
                accuracy = ", ".join(
                    f"{domain}: mAP {100 * figures['mAP']:.2f} %" for domain, figures in result.figures.items()
                )
                print(f"{name}, seed {seed}: {accuracy}", flush=True)
                if name == list(self.config.variants)[-1] and 0 < seed < self.config.seeds - 1:
                    after_each()
        finally:
            progress.close()
        after_each()

    def _clear(self, run: Path) -> None:
        """Remove the checkpoints of a measured run and, unless models are kept, its weights. The checkpoints go last:
        without them it has been cleared, and weights that are there were kept on purpose."""
        if (run / "checkpoints").is_dir():
            if not self.config.keep_models:
                (run / LAST_FILE).unlink(missing_ok=True)
            shutil.rmtree(run / "checkpoints")

    def _train_one(self, name: str, seed: int, config: ReIDConfig, run: Path, progress: Progress) -> Result:
        """One run. `RunStopped` where it is asked to stop."""
        began, shown = time.perf_counter(), 0
        dataset, generated = self.data.images_of(self.config.variants[name]), self._open(config)
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
            self.data.digest,
        )

    def _open(self, config: ReIDConfig) -> GeneratedSource | None:
        """The generated images of a run, decoded once for all runs that use them."""
        key = config.generated.model_dump_json(include={"source", "filters", "label", "name_pattern"})
        if key not in self._sources:
            self._sources[key] = open_generated(config.generated, self.data.subset, self.distributed.device)
        return self._sources[key]


def _measure(dataset: Dataset, config: ReIDConfig, ranking: RankingFactory) -> Callable[[ReIDModel], dict[str, float]]:
    measure = evaluation_of(dataset, config.test, config.data.height, config.data.width, config.model.name, ranking)
    check_test_images(dataset)
    return measure
