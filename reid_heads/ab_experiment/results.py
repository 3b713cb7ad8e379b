"""The finished runs of an A/B: a file each, in the folder `results`."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from dgnet.core.errors import UserError
from dgnet.core.files import replace_text
from dgnet.core.json_files import parse_json
from dgnet.core.old_files import current_ab_result, current_filter_counts
from dgnet.core.old_keys import AB_RESULTS_FOLDER
from reid_heads.ab_experiment.config import ABConfig
from reid_heads.generated.filters import FilterCount

RESULTS = "results"


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


class ResultFolder:
    """The results of an A/B in its folder.

    Args:
        data: a hash of the images and labels that its models are measured on; `root` is where they are.
    """

    def __init__(self, experiment: Path, config: ABConfig, data: str, root: Path) -> None:
        self.experiment, self.config, self.data, self.root = experiment, config, data, root

    def create(self) -> None:
        """The folder; one of an earlier version gets today's name."""
        if (old := self.experiment / AB_RESULTS_FOLDER).is_dir():
            old.rename(self.experiment / RESULTS)
        (self.experiment / RESULTS).mkdir(exist_ok=True)

    def path(self, name: str, seed: int) -> Path:
        """The file of a run."""
        return self.experiment / RESULTS / f"{name}_{seed}.json"

    def write(self, result: Result) -> None:
        """Keep the result of a run."""
        replace_text(self.path(result.variant, result.seed), json.dumps(asdict(result), indent=1) + "\n")

    def read(self, name: str, seed: int) -> Result | None:
        """The result of a finished run; None where there is none yet. `UserError` for a damaged file."""
        path = self.path(name, seed)
        if not path.exists():
            return None
        try:
            entries = current_ab_result(parse_json(path.read_text(encoding="utf-8")))
            counts = [FilterCount(*count) for count in current_filter_counts(entries.pop("filter_counts", []))]
            result = Result(**entries, filter_counts=counts)
            _check(result, name, seed)
        except (AttributeError, ValueError, TypeError) as error:
            raise UserError(f"{path}: not the result of a run ({error}); remove it to train this run again") from error
        if result.data and self.data and result.data != self.data:
            raise UserError(
                f"{path}: measured on other images or labels than {self.root} has now; put them back, or remove "
                f"{path.parent} and {self.experiment / 'runs'} to measure everything again"
            )
        return result

    def all(self) -> list[Result]:
        """The finished results, by variant, then by seed."""
        wanted = [(name, seed) for name in self.config.variants for seed in range(self.config.seeds)]
        return [result for name, seed in wanted if (result := self.read(name, seed)) is not None]

    def complete(self) -> dict[str, list[Result]]:
        """Variant -> its results by seed, of the seeds that every variant has."""
        by_seed = {
            name: {result.seed: result for result in self.all() if result.variant == name}
            for name in self.config.variants
        }
        seeds = sorted(set.intersection(*map(set, by_seed.values())))
        return {name: [results[seed] for seed in seeds] for name, results in by_seed.items()}

    def counts(self) -> dict[str, int]:
        """Seeds, steps and images of the complete results, and what filters dropped."""
        by_variant = self.complete()
        counts = {"seeds": len(by_variant[self.config.baseline])}
        for name, results in by_variant.items():
            counts |= {f"steps, {name}": results[0].steps, f"real images, {name}": results[0].real_images}
            if self.config.variants[name].generated:
                counts[f"generated images, {name}"] = results[0].generated_images
            for count in results[0].filter_counts:
                counts[f"dropped, {name} ({count.filter})"] = count.dropped
        return counts


def _check(result: Result, variant: str, seed: int) -> None:
    """`ValueError` where it is no result of that run."""
    if (result.variant, result.seed) != (variant, seed):
        raise ValueError(f"it is that of {result.variant} with seed {result.seed}")
    for domain, figures in result.figures.items():
        for name, value in figures.items():
            if type(value) not in (int, float) or not 0 <= value <= 1:
                raise ValueError(f"{name} of {domain} must be a number from 0 to 1, got {value!r}")
