"""The folder of a generated set: its recipe, its plan, which images are finished, and the manifest.

    SET/set.json                the recipe: generator, labels, data set and its license, image format, machine
        manifest.csv            a row for each image, in the order of the plan
        images/0002/*.png       by the appearance's identity
        .progress/plan.csv      the pairs and their files; new pairs come after the old ones
        .progress/done-0.jsonl  what process 0 finished: a line for each image, written once its file is whole

Nothing here deletes or overwrites an image. The manifest is written anew, whole, from the lines of `.progress`.
"""

import logging
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dgnet.core.errors import AdvisedError, UserError
from dgnet.data.records import Dataset
from dgnet.generation.diversity import diversity
from dgnet.generation.manifest import (
    AUDIT_COLUMNS,
    PLAN,
    PROGRESS,
    RECIPE,
    FinishedImage,
    PlannedImage,
    read_audit,
    read_finished,
    read_plan,
    read_recipe,
    write_plan_and_recipe,
    write_rows,
)
from dgnet.generation.paths import file_names, source_paths, sources
from dgnet.generation.plans import Pairs, extend_pairs
from dgnet.generation.verify import file_problems
from dgnet.runs.folder import differences

# What must stay as it is when a set is resumed or extended.
BINDING = ("generator", "labels", "data", "image")
FREE = ("data.root", "data.license", "data.of_generator")
CONTENT = "content_sha256"
_log = logging.getLogger(__name__)


class SetFolder:
    """A set on disk with its plan; `pairs` are positions in `sources(dataset)`, `files` the images below `folder`."""

    def __init__(self, folder: Path, dataset: Dataset, recipe: Mapping[str, Any], pairs: Pairs) -> None:
        """Use `create` or `reopen`."""
        self.folder, self.dataset, self.recipe, self.pairs = folder, dataset, recipe, pairs
        suffix = recipe["image"]["suffix"]
        self.files = [name + suffix for name in file_names(dataset, pairs)]

    @classmethod
    def create(cls, folder: Path, dataset: Dataset, recipe: Mapping[str, Any], pairs: Pairs) -> "SetFolder":
        """A new set in a folder that does not exist or is empty; a `UserError` for any other.

        A plan without a recipe may be there: a process was killed between writing the two.
        """
        begun = {folder / name for name in (PROGRESS, PLAN, f"{PROGRESS}/.plan.csv.partial", f".{RECIPE}.partial")}
        if folder.exists() and (not folder.is_dir() or set(folder.rglob("*")) - begun):
            hint = "--resume continues it, --extend adds to it" if (folder / RECIPE).is_file() else "name another"
            raise UserError(f"{folder} already exists and nothing is overwritten; {hint}")
        created = cls(folder, dataset, recipe, pairs)
        created._store()
        return created

    @classmethod
    def reopen(
        cls, folder: Path, dataset: Dataset, recipe: Mapping[str, Any], pairs: Pairs, extend: bool
    ) -> "SetFolder":
        """The set in `folder`, which was begun with the same recipe; `extend` adds the pairs that it does not have.

        Raises:
            UserError: there is no set, it has another recipe, or pairs are new and `extend` is False.
        """
        old, plan = read_recipe(folder), read_plan(folder)
        changes = differences({key: old[key] for key in BINDING}, {key: recipe[key] for key in BINDING})
        changes = {key: values for key, values in changes.items() if key not in FREE}
        if CONTENT not in old["data"]:
            changes.pop(f"data.{CONTENT}", None)
            _log.warning(
                "%s: begun by version 0.2 or before, which recorded the sizes of its source images but not their "
                "content: whether they have changed since cannot be checked",
                folder,
            )
        if set(changes) == {f"data.{CONTENT}"}:
            raise AdvisedError(
                f"{folder}: the source images of {dataset.root} have another content than when it was begun",
                "put them back, or name another folder for another set",
            )
        if changes:
            listed = ", ".join(f"{key} ({before!r} there, {now!r} now)" for key, (before, now) in changes.items())
            raise AdvisedError(
                f"{folder} was made with other settings: {listed}", "name another folder for another set"
            )
        index = {path: position for position, path in enumerate(source_paths(dataset))}
        for name in (name for image in plan for name in (image.appearance, image.structure)):
            if name not in index:
                raise UserError(f"{folder / PLAN} is damaged: {name!r} is no image of {dataset.root}")
        old_pairs = [(index[image.appearance], index[image.structure]) for image in plan]
        all_pairs = extend_pairs(old_pairs, pairs)
        new = len(all_pairs) - len(old_pairs)
        if new and not extend:
            raise AdvisedError(
                f"{folder} was begun with {len(old_pairs)} pairs, and {new} others are asked for now",
                "--extend adds them",
            )
        plans = [*old["plans"], *recipe["plans"]] if new else old["plans"]
        reopened = cls(folder, dataset, {**old, "plans": plans}, all_pairs)
        if [image.file for image in plan] != reopened.files[: len(plan)]:
            raise UserError(f"{folder}/{PLAN} names other files than this version of the program")
        if new:
            reopened._store()
        return reopened

    def finished(self) -> dict[int, FinishedImage]:
        """The finished images by position. `UserError` where one is not in the plan."""
        return read_finished(self.folder, len(self.files))

    def require_intact(self, finished: Mapping[int, FinishedImage]) -> None:
        """`UserError` unless every finished image is there as it was written."""
        hashes = {self.files[position]: image.sha256 for position, image in finished.items()}
        problems = file_problems(self.folder, hashes)
        if problems:
            raise AdvisedError(f"{problems[0]}; {len(problems)} such images", "restore them, or start another set")

    def diversity(self, finished: Mapping[int, FinishedImage]) -> dict[int, float]:
        """Position -> diversity of an image within its identity (`dgnet.generation.diversity`)."""
        records = sources(self.dataset)
        identities = [records[appearance].identity for appearance, _ in self.pairs]
        return diversity({position: self.folder / self.files[position] for position in finished}, identities)

    def write_manifest(self, finished: Mapping[int, FinishedImage], diversity: Mapping[int, float]) -> None:
        """`manifest.csv` of the finished images; the column `diversity` is empty where none is given.

        The results of an audit for copies are kept for images that have not changed.
        """
        audit = read_audit(self.folder)
        records, paths = sources(self.dataset), source_paths(self.dataset)
        rows = []
        for position in sorted(finished):
            appearance, structure = self.pairs[position]
            rows.append(
                {
                    "path": self.files[position],
                    "identity": records[appearance].identity,
                    "camera": "" if records[structure].camera < 0 else records[structure].camera,
                    "split": "train",
                    "origin": "generated",
                    "appearance": paths[appearance],
                    "appearance_identity": records[appearance].identity,
                    "appearance_camera": records[appearance].camera,
                    "structure": paths[structure],
                    "structure_identity": records[structure].identity,
                    "structure_camera": records[structure].camera,
                    **{key: value for key, value in asdict(finished[position]).items() if key != "position"},
                    "diversity": diversity.get(position, ""),
                    "checkpoint": self.recipe["generator"]["checkpoint_sha256"],
                }
            )
            if audit:
                of_image = audit.get((self.files[position], finished[position].sha256), {})
                rows[-1] |= {name: of_image.get(name, "") for name in AUDIT_COLUMNS}
        write_rows(self.folder, rows)

    def _store(self) -> None:
        paths = source_paths(self.dataset)
        plan = [
            PlannedImage(paths[appearance], paths[structure], file)
            for (appearance, structure), file in zip(self.pairs, self.files, strict=True)
        ]
        write_plan_and_recipe(self.folder, plan, self.recipe)
