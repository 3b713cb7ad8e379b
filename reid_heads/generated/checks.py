"""What is refused of generated images before they are learned from: changed files, labels of other people."""

import logging
import os
from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from dgnet.core.content import content_hashes
from dgnet.core.csv_files import read_csv
from dgnet.core.errors import UserError
from dgnet.data.readers.generated import MANIFEST, GeneratedRecord, source_identities
from dgnet.data.readers.names import number
from dgnet.data.records import Dataset, Record
from dgnet.generation.manifest import PLAN, RECIPE, read_plan, read_recipe
from dgnet.generation.paths import content, source_paths, sources
from reid_heads.generated.label_policies import LABEL_POLICIES, LabelPolicyName

_log = logging.getLogger(__name__)
# Label policies that need identities of the sources.
NEEDED: dict[LabelPolicyName, tuple[str, ...]] = {
    "appearance": ("appearance",),
    "fine_grained": ("structure",),
    "soft_between": ("appearance", "structure"),
}


def refuse_changed(place: Path, records: Sequence[GeneratedRecord]) -> None:
    """`UserError` where a file is not the one that its set's manifest gives a SHA-256 of.

    `place` is what `dgnet.data.readers.generated.read_generated` read `records` from: a CSV file, or a folder with a
    manifest, or one in a set of ours. Reading 10,000 files of 64x128 pixels takes about a second.
    """
    sets_above = [folder for folder in place.resolve().parents[:2] if (folder / RECIPE).is_file()]
    folders = [place, *sets_above] if place.is_dir() else []
    manifest = next((path for folder in folders if (path := folder / MANIFEST).is_file()), place)
    if not manifest.is_file():
        return
    rows = [row for _, row in read_csv(manifest)[1] if row.get("sha256") and row.get("path")]
    real = lru_cache(os.path.realpath)  # of folders: links are followed once, not for every file

    def place_of(path: Path) -> str:
        return os.path.join(real(path.parent), path.name)

    written = {place_of(manifest.parent / row["path"]): row["sha256"].strip().lower() for row in rows}
    paths = [record.path for record in records if place_of(record.path) in written]
    hashes = content_hashes(paths)
    changed = [path for path, now in zip(paths, hashes, strict=True) if now != written[place_of(path)]]
    if changed:
        raise UserError(
            f"{changed[0]}: changed since it was written, by its SHA-256 in {manifest} (so {len(changed)} of "
            f"{len(records)} generated images), and labels and scores there are those of the image before; put the "
            "files back, or leave the column sha256 out of a CSV file that means the images as they are"
        )


def refuse_real_images(place: Path, records: Sequence[GeneratedRecord], dataset: Dataset) -> None:
    """`UserError` where generated images are images of the data set: the same files, or copies of them.

    Only files of the size of one of the data set are read.
    """
    real = [record for record in (*dataset.train, *dataset.query, *dataset.gallery) if record.path.is_file()]
    by_size: dict[int, list[Record]] = defaultdict(list)
    for record in real:
        by_size[record.path.stat().st_size].append(record)
    suspects = [record for record in records if record.path.stat().st_size in by_size]
    compared = [record for size in {one.path.stat().st_size for one in suspects} for record in by_size[size]]
    hashes = content_hashes([record.path for record in compared])
    known = dict(zip(reversed(hashes), reversed(compared), strict=True))  # of several copies the first
    digits = content_hashes([record.path for record in suspects])
    copies = [(one, known[own]) for one, own in zip(suspects, digits, strict=True) if own in known]
    if copies:
        copy, original = copies[0]
        kind = "a training image" if original.split == "train" else "a test image"
        raise UserError(
            f"generated.source={place}: {len(copies)} of its {len(records)} images are images of the data set "
            f"{dataset.root} and not generated ({copy.path} is {kind}"
            + (")" if copy.path.resolve() == original.path.resolve() else f", {original.path})")
        )


def warn_of_unfinished(folder: Path, images: int) -> None:
    """A warning where a set of ours has fewer images in its manifest than were planned."""
    if (folder / RECIPE).is_file() and (folder / PLAN).is_file() and (planned := len(read_plan(folder))) != images:
        _log.warning(
            "warning: %s holds %d of %d planned images: tools/generate.py --resume makes the others",
            folder,
            images,
            planned,
        )


def warn_of_other_sources(place: Path, dataset: Dataset, policy: LabelPolicyName) -> None:
    """A warning where a set of ours was generated from other images than those of the data set, and the policy needs
    the identities of its sources: number 7 is another person in another data set.
    """
    above = (folder for folder in (place, *place.resolve().parents[:2]) if (folder / RECIPE).is_file())
    folder = next(above, None)
    if folder is None or policy not in NEEDED:
        return
    try:
        made_of = read_recipe(folder)["data"]
    except UserError:  # it is read as any folder of images
        return
    if (expected := made_of.get("content_sha256")) and content(dataset) != expected:
        _log.warning(
            "warning: %s was generated from other images (%s) than those of %s: where a number is another person "
            "there, its labels are wrong",
            folder,
            made_of.get("root"),
            dataset.root,
        )


def refuse_renumbered(place: Path, dataset: Dataset) -> None:
    """`UserError` where the set at `place` was generated from images whose people have other numbers now.

    People with names are numbered in sorted order: one more or one less, and the labels of an older set are others'.
    """
    now = dict(zip(source_paths(dataset), (record.identity for record in sources(dataset)), strict=True))
    then = source_identities(place)
    wrong = [path for path, identity in then.items() if now.get(path, identity) != identity]
    if wrong:
        raise UserError(
            f"{place}: was generated when the person of {wrong[0]} had the identity {then[wrong[0]]}, which is "
            f"{now[wrong[0]]} in {dataset.root} now (so for {len(wrong)} of {len(then)} source images); generate the "
            "set anew, or name the data as it was"
        )


def refuse_numbers_of_names(folder: Path, dataset: Dataset, policy: LabelPolicyName) -> None:
    """`UserError` where numbers in names of files would be identities of people who have names, not numbers."""
    named = next(((name, value) for value, name in dataset.names if number(name) != value), None)
    if named is None or policy not in NEEDED:
        return
    above = next((place for place in folder.resolve().parents[:2] if (place / MANIFEST).is_file()), None)
    raise UserError(
        f"{folder}: numbers in the names of its files do not tell who is meant: the people of {dataset.root} have "
        f"names ({named[0]!r} is number {named[1]} for the time being); name "
        + (f"{above}, whose {MANIFEST} is checked" if above else "a CSV file with the columns path and identity")
    )


def refuse_unusable(records: Sequence[GeneratedRecord], classes: dict[int, int], policy: LabelPolicyName) -> None:
    """`UserError` where an image lacks the identity that the policy needs, or it is not one of the `classes`."""
    for role in NEEDED.get(policy, ()):
        bad = [record for record in records if getattr(record, role) not in classes]
        if bad:
            identity = getattr(bad[0], role)
            problem = "is unknown" if identity is None else f"is {identity}, not a training identity"
            raise UserError(
                f"{bad[0].path}: its {role} identity {problem} (so for {len(bad)} of {len(records)} images), and the "
                f"label policy {policy!r} needs it; policies that do not: "
                + ", ".join(name for name in LABEL_POLICIES if name not in NEEDED)
            )
