"""The folder of a generated set: its recipe, its plan, what is done of it, and the manifest.

    SET/set.json                what made it: generator, labels, data set and its license, image format, machine
        manifest.csv            a row for each image, in the order of the plan
        images/0002/*.png       by the appearance's identity
        .progress/plan.csv      the pairs and their files; new pairs come after the old ones
        .progress/done-0.jsonl  what process 0 finished: a line for each image, written once its file is whole

Nothing here deletes or writes over an image. The manifest is written anew, whole, from the lines of `.progress`.
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dgnet.core.errors import UserError
from dgnet.core.files import replace_text
from dgnet.data.readers.generated import MANIFEST
from dgnet.data.records import Dataset
from dgnet.generation.diversity import diversity
from dgnet.generation.paths import file_names, source_paths, sources
from dgnet.generation.plans import Pairs, extended
from dgnet.generation.verify import PLAN_COLUMNS, PROGRESS, RECIPE, file_problems, read_plan, read_recipe
from dgnet.runs.folder import differences

# What must stay as it is when a set is resumed or extended.
BINDING = ("generator", "labels", "data", "image")
FREE = ("data.root", "data.license")


@dataclass(frozen=True)
class Done:
    """One finished image: its position in the plan, the hash of its file and what was found about it.

    `soft_label` names identities with their probabilities, the likeliest first ("2:0.91 14:0.05"); a score that nobody
    could give is None.
    """

    position: int
    sha256: str
    soft_label: str = ""
    identity_consistency: float | None = None
    realism: float | None = None
    sharpness: float | None = None


class SetFolder:
    """A set on disk with its plan; `pairs` are positions in `sources(dataset)`, `files` the images below `folder`."""

    def __init__(self, folder: Path, dataset: Dataset, recipe: Mapping[str, Any], pairs: Pairs) -> None:
        """Use `begin` or `reopen`."""
        self.folder, self.dataset, self.recipe, self.pairs = folder, dataset, recipe, pairs
        suffix = recipe["image"]["suffix"]
        self.files = [name + suffix for name in file_names(dataset, pairs)]

    @classmethod
    def begin(cls, folder: Path, dataset: Dataset, recipe: Mapping[str, Any], pairs: Pairs) -> "SetFolder":
        """A new set in a folder that is not there or empty; a `UserError` for any other.

        A plan without the recipe is nothing yet: a process was killed between the two.
        """
        plan = [PROGRESS, f"{PROGRESS}/plan.csv", f"{PROGRESS}/.plan.csv.partial", f".{RECIPE}.partial"]
        if folder.exists() and (not folder.is_dir() or set(folder.rglob("*")) - {folder / name for name in plan}):
            hint = "--resume goes on with it, --extend adds to it" if (folder / RECIPE).is_file() else "name another"
            raise UserError(f"{folder} is there already and nothing is written over; {hint}")
        made = cls(folder, dataset, recipe, pairs)
        made._store()
        return made

    @classmethod
    def reopen(
        cls, folder: Path, dataset: Dataset, recipe: Mapping[str, Any], pairs: Pairs, extend: bool
    ) -> "SetFolder":
        """The set that is there, made by the same recipe; `extend` lets it grow by what `pairs` has beyond its plan.

        Raises:
            UserError: there is no set, it was made by another recipe, or pairs are new and `extend` is False.
        """
        old, planned = read_recipe(folder), read_plan(folder)
        changed = differences({key: old[key] for key in BINDING}, {key: recipe[key] for key in BINDING})
        changed = {key: values for key, values in changed.items() if key not in FREE}
        if changed:
            told = ", ".join(f"{key} ({was!r} there, {now!r} now)" for key, (was, now) in changed.items())
            raise UserError(f"{folder} was made otherwise: {told}; name another folder for another set")
        known = dict(zip(source_paths(dataset), range(len(sources(dataset))), strict=True))
        for name in (row[role] for row in planned for role in ("appearance", "structure")):
            if name not in known:
                raise UserError(f"{folder / PROGRESS}/plan.csv is damaged: {name!r} is no image of {dataset.root}")
        kept = [(known[row["appearance"]], known[row["structure"]]) for row in planned]
        both = extended(kept, pairs)
        if len(both) > len(kept) and not extend:
            raise UserError(
                f"{folder} was begun with {len(kept)} pairs, and {len(both) - len(kept)} others are asked for now; "
                "--extend adds them"
            )
        made = cls(folder, dataset, {**old, "plans": [*old["plans"]]}, both)
        if [row["file"] for row in planned] != made.files[: len(planned)]:
            raise UserError(f"{folder}/{PROGRESS}/plan.csv names other files than this version of the program")
        if len(both) > len(kept):
            made.recipe = {**old, "plans": [*old["plans"], *recipe["plans"]]}
            made._store()
        return made

    def done(self) -> dict[int, Done]:
        """What is finished, by position; of a line that a crash cut off, nothing.

        Raises:
            UserError: an image was finished that the plan does not have.
        """
        found: dict[int, Done] = {}
        for path in sorted((self.folder / PROGRESS).glob("done-*.jsonl")):
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                try:
                    one = Done(**json.loads(line))
                except (ValueError, TypeError):
                    continue
                if one.position not in range(len(self.files)):
                    raise UserError(
                        f"{path} is of another plan: it has the image {one.position!r}, and {PROGRESS}/plan.csv has "
                        f"{len(self.files)} images, from 0"
                    )
                found[one.position] = one
        return found

    def require_intact(self, done: Mapping[int, Done]) -> None:
        """`UserError` unless every finished image is there as it was written."""
        problems = file_problems(self.folder, {self.files[position]: one.sha256 for position, one in done.items()})
        if problems:
            raise UserError(f"{problems[0]}; {len(problems)} such images: put them back, or begin another set")

    def diversity(self, done: Mapping[int, Done]) -> dict[int, float]:
        """Position -> how much an image differs from the others of its identity, see `dgnet.generation.diversity`."""
        records = sources(self.dataset)
        owners = [records[a].identity for a, _ in self.pairs]
        return diversity({position: self.folder / self.files[position] for position in done}, owners)

    def write_manifest(self, done: Mapping[int, Done], diversity: Mapping[int, float] | None = None) -> None:
        """`manifest.csv` of the finished images; without `diversity` that column is empty."""
        records, paths = sources(self.dataset), source_paths(self.dataset)
        rows = []
        for position in sorted(done):
            a, s = self.pairs[position]
            rows.append(
                {
                    "path": self.files[position],
                    "identity": records[a].identity,
                    "camera": "" if records[s].camera < 0 else records[s].camera,
                    "split": "train",
                    "origin": "generated",
                    "appearance": paths[a],
                    "appearance_identity": records[a].identity,
                    "appearance_camera": records[a].camera,
                    "structure": paths[s],
                    "structure_identity": records[s].identity,
                    "structure_camera": records[s].camera,
                    **{key: value for key, value in asdict(done[position]).items() if key != "position"},
                    "diversity": (diversity or {}).get(position, ""),
                    "checkpoint": self.recipe["generator"]["checkpoint_sha256"],
                }
            )
        if rows:
            replace_text(self.folder / MANIFEST, _csv(list(rows[0]), rows))

    def _store(self) -> None:
        paths = source_paths(self.dataset)
        rows = [
            {"appearance": paths[a], "structure": paths[s], "file": file}
            for (a, s), file in zip(self.pairs, self.files, strict=True)
        ]
        try:
            (self.folder / PROGRESS).mkdir(parents=True, exist_ok=True)
            # The plan first: a set without a recipe is no set yet.
            replace_text(self.folder / PROGRESS / "plan.csv", _csv(PLAN_COLUMNS, rows))
            replace_text(self.folder / RECIPE, json.dumps(self.recipe, indent=2, ensure_ascii=False) + "\n")
        except OSError as error:
            raise UserError(f"{self.folder}: cannot be written to ({error.strerror or error})") from error


def _csv(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
