"""Problems of a data set that would spoil a run, and the size of its splits."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from tqdm import tqdm

from dgnet.core.errors import UserError
from dgnet.core.folder_names import one_line
from dgnet.core.images import read_image
from dgnet.core.machine import usable_cores
from dgnet.data.copies import copied_queries, copies_of_two_people, warn_of_copies
from dgnet.data.description import (
    SplitCount,
    count_splits,
    in_training_and_test,
    mixed_cameras,
    named_otherwise,
    remark_on_tracks,
    split_table,
    splits_of,
)
from dgnet.data.records import UNKNOWN_CAMERA, Dataset, Record

# Kind of problem -> what it does to a run; in the order of the report.
KINDS = {
    "unreadable image": "a run stops when it decodes its data",
    "file passed over": "it is missing from its split",
    "no training image": "it serves for tests alone: every training is refused",
    "single training identity": "there is nobody to tell it from: every training is refused",
    "half of a test": "queries need a gallery, and a gallery queries: nothing is measured",
    "identities of tracks": "a person may be several: figures are of tracks, a training tells a person's tracks apart",
    "identity in train and test": "test figures would be of people that training saw",
    "cameras known in part": "whether a match comes from another camera cannot be told: no accuracy is measured",
    "names of several people": "by the names of its files an identity is several: labels moved, or people were joined",
    "one image of two people": "its copy has another identity, and one of both is wrong",
    "query with a copy": "the same file is in the gallery under another camera, and the easiest of matches",
    "query without a match": "no gallery image of its identity from another camera: it can only count as wrong",
    "single-image identity": "in training it is its own positive and teaches nothing about its identity",
}


@dataclass(frozen=True)
class Problem:
    """`kind` is a key of `KINDS`, `subject` the file or the identity, `reason` what is wrong with this one."""

    kind: str
    subject: str
    reason: str


@dataclass(frozen=True)
class Report:
    """The splits of a data set and its problems."""

    name: str
    root: Path
    splits: tuple[SplitCount, ...]
    problems: tuple[Problem, ...]

    def as_json(self) -> dict[str, object]:
        """Plain values for `json.dumps`."""
        return {**asdict(self), "root": str(self.root)}

    def as_text(self, most: int = 20) -> str:
        """The table and the problems by kind, at most `most` of each kind in full."""
        lines = [f"{self.root}: {self.name}", "", *split_table(self.splits)]
        by_kind = Counter(problem.kind for problem in self.problems)
        for kind in (kind for kind in KINDS if by_kind[kind]):
            lines += ["", f"{kind}: {by_kind[kind]} ({KINDS[kind]})"]
            same = [problem for problem in self.problems if problem.kind == kind]
            lines += [one_line(f"  {problem.subject}: {problem.reason}") for problem in same[:most]]
            lines += [f"  ... and {len(same) - most} more (--all shows them)"] * (len(same) > most)
        count = len(self.problems)
        verdict = f"{count} problem{'s' * (count != 1)}" if count else "no problem found"
        lines += ["", f"{verdict}. Every image was decoded. Looked for: {', '.join(KINDS)}."]
        unchecked = (
            "whether identities and cameras are the true ones; damage inside a file that has no checksum (of JPEG, "
            "blocks of zeros are seen)"
        )
        return "\n".join([*lines, f"Not checked: {unchecked}."])


def check_dataset(dataset: Dataset, workers: int | None = None) -> Report:
    """Counts the splits, decodes all images on `workers` threads (default: all cores), looks for each of `KINDS`."""
    splits = splits_of(dataset)
    problems = [
        *_unreadable([record.path for records in splits.values() for record in records], workers),
        *(Problem("file passed over", str(path), reason) for path, reason in dataset.skipped),
        *_one_identity(dataset),
        *_half_of_a_test(dataset),
        *_tracks(dataset),
        *_in_both(dataset),
        *_cameras(dataset),
        *_names(dataset),
        *_copies(dataset),
        *_without_match(dataset),
        *_single(dataset),
    ]
    return Report(dataset.name, dataset.root, count_splits(dataset), tuple(problems))


def check_images(records: Sequence[Record], workers: int | None = None) -> None:
    """Decode all images on `workers` threads (default: all cores) and keep none: to be asked before long work.

    Damage behind a file's header shows only in decoding. 23,100 images of 64x128 pixels, as many as Market-1501 tests
    on, took 11 s on two cores with other work on them.

    Raises:
        UserError: images cannot be read; it names the first and says how many they are.

    Example:
        >>> from dgnet.data.datasets import read_dataset
        >>> dataset = read_dataset("data/Market-1501")
        >>> check_images([*dataset.query, *dataset.gallery])
    """
    problems = _unreadable([record.path for record in records], workers)
    if problems:
        first, count = problems[0], len(problems)
        others = f"; {count} of the {len(records)} images cannot be read" if count > 1 else ""
        raise UserError(f"{first.subject}: {first.reason}{others}")


def check_test_images(dataset: Dataset) -> None:
    """`check_images` of queries and gallery, with a warning of queries that have a copy in the gallery."""
    check_images([*dataset.query, *dataset.gallery])
    warn_of_copies(dataset)


def _unreadable(paths: Sequence[Path], workers: int | None) -> list[Problem]:
    def problem_with(path: Path) -> Problem | None:
        try:
            read_image(path)
        except UserError as error:
            return Problem("unreadable image", str(path), str(error).removeprefix(f"{path}: "))
        return None

    with ThreadPoolExecutor(workers or usable_cores()) as pool:
        results = pool.map(problem_with, paths)
        bar = tqdm(results, "decoding", len(paths), unit="image", disable=None)
        return [problem for problem in bar if problem is not None]


def _one_identity(dataset: Dataset) -> list[Problem]:
    if not dataset.train:
        return [Problem("no training image", str(dataset.root), "only queries and gallery are here")]
    if len(dataset.identities) != 1:
        return []
    return [Problem("single training identity", str(dataset.root), f"all images are of {dataset.identities[0]}")]


def _half_of_a_test(dataset: Dataset) -> list[Problem]:
    if bool(dataset.query) == bool(dataset.gallery):
        return []
    there, missing = ("query", "gallery") if dataset.query else ("gallery", "query")
    return [Problem("half of a test", str(dataset.root), f"the split {there} is here, the split {missing} is not")]


def _cameras(dataset: Dataset) -> list[Problem]:
    return [
        Problem("cameras known in part", str(identity), f"known for {known} of its test images, not for {unknown}")
        for identity, (known, unknown) in mixed_cameras(dataset).items()
    ]


def _tracks(dataset: Dataset) -> list[Problem]:
    reason = remark_on_tracks(dataset)
    return [Problem("identities of tracks", str(dataset.root), reason)] if reason else []


def _in_both(dataset: Dataset) -> list[Problem]:
    train, problems = Counter(record.identity for record in dataset.train), []
    test = Counter(record.identity for record in (*dataset.query, *dataset.gallery))
    for identity in in_training_and_test(dataset):
        reason = f"{train[identity]} training and {test[identity]} test images"
        problems.append(Problem("identity in train and test", str(identity), reason))
    return problems


def _names(dataset: Dataset) -> list[Problem]:
    return [
        Problem("names of several people", str(identity), f"has {one} and {other}")
        for identity, (one, other) in named_otherwise(dataset).items()
    ]


def _copies(dataset: Dataset) -> list[Problem]:
    return [
        *(
            Problem("one image of two people", str(other.path), f"{other.identity}; as {first.path} {first.identity}")
            for first, other in copies_of_two_people(dataset)
        ),
        *(Problem("query with a copy", str(query), f"is {copy}") for query, copy in copied_queries(dataset)),
    ]


def _without_match(dataset: Dataset) -> list[Problem]:
    """Under the rule of the field: a true match shows the query's identity and comes from another camera."""
    seen_by: dict[int, set[int]] = defaultdict(set)
    for record in dataset.gallery:
        seen_by[record.identity].add(record.camera)
    problems = []
    for query in dataset.query:
        cameras = seen_by[query.identity]
        if cameras - {query.camera}:
            continue
        if not cameras:
            reason = "its identity is not in the gallery"
        elif query.camera == UNKNOWN_CAMERA:
            reason = f"the cameras of identity {query.identity} are unknown, in the gallery too"
        else:
            reason = f"identity {query.identity} is in the gallery from its own camera {query.camera} only"
        problems.append(Problem("query without a match", str(query.path), reason))
    return problems


def nothing_to_measure(dataset: Dataset) -> str | None:
    """Why re-identification cannot be measured on a data set, as the part of a sentence; None where it can."""
    if not dataset.query or not dataset.gallery:
        return "there is no query and gallery split"
    if mixed := mixed_cameras(dataset):
        first, others = next(iter(mixed)), len(mixed) - 1
        return f"cameras are known for a part of the images of identity {first} (and {others} others)"
    if len(_without_match(dataset)) == len(dataset.query):
        return "no query has an image of its identity from another camera in the gallery"
    return None


def _single(dataset: Dataset) -> list[Problem]:
    images = Counter(record.identity for record in dataset.train)
    return [
        Problem("single-image identity", str(record.identity), f"{record.path} is its only image")
        for record in dataset.train
        if images[record.identity] == 1
    ]
