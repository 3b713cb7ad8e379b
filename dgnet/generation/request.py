"""A set as its user asks for it: which generator, which pairs, where to; from the options to the finished folder."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dgnet.core.device import PrecisionName
from dgnet.core.distributed import Distributed
from dgnet.core.errors import UserError
from dgnet.data.datasets import read_dataset
from dgnet.data.records import Dataset
from dgnet.data.training_data import open_dataset
from dgnet.generation.create_set import make_set
from dgnet.generation.load import find_generator, teacher_of
from dgnet.generation.paths import find_sources
from dgnet.generation.plans import Pairs, all_pairs, one_each, per_identity, read_list, read_pairs
from dgnet.generation.recipe import recipe
from dgnet.generation.scores import Judge, load_discriminator
from dgnet.generation.set_folder import SetFolder
from dgnet.generation.writer import encoder
from dgnet.models.build import build_teacher
from dgnet.official.import_run import original_identities, reordered
from dgnet.official.release import read_teacher
from dgnet.runs.loaded_generator import LoadedGenerator
from dgnet.training.teacher import StoredTeacher, load_teacher


@dataclass(frozen=True)
class SetRequest:
    """The options of `tools/generate.py`, by their names; see its help."""

    name: str | None = None
    output_path: Path = Path()
    iteration: int | None = None
    device: str = "auto"
    precision: PrecisionName = "fp32"
    data: Path | None = None
    other_data: bool = False
    license: str | None = None
    count: int | None = None
    per_identity: int | None = None
    appearances: Path | None = None
    structures: Path | None = None
    pairs: Path | None = None
    seed: int = 0
    teacher: Path | None = None
    no_scores: bool = False
    output: Path | None = None
    jpeg_quality: int | None = None
    resume: bool = False
    extend: bool = False
    batch_size: int = 64
    memory: float = 2.0
    threads: int = 2


def make(request: SetRequest, announce: Callable[[str], object] | None = None) -> str | None:
    """Make a set, or what is left of it; a sentence about it, None in all processes but the main one.

    `announce` is told, in the main process and
    before the first image, by which generator how many images will be made.

    Raises:
        UserError: an option, the generator, the data set or the folder is no good; then nothing was begun.
    """
    if request.batch_size < 1 or request.threads < 1 or not request.memory > 0:
        raise UserError(
            "--batch-size, --threads and --memory must be positive, "
            f"they are {request.batch_size}, {request.threads} and {request.memory:g}"
        )
    encoder(request.jpeg_quality)  # refuses a quality out of range before anything is read
    distributed = Distributed.start(request.device)
    try:
        run = find_generator(request.name, request.output_path, request.iteration, distributed.device)
        dataset = _dataset(request, run, distributed)
        run = _with_identities(run, dataset, request.other_data)
        pairs, plan = plan_of(request, dataset)
        labels = None if request.no_scores else _teacher_file(request, run)
        judge = None if request.no_scores else _judge(request, run, labels, dataset)
        described = recipe(
            run,
            dataset,
            plan,
            labels=labels,
            scored=judge is not None,
            precision=request.precision,
            jpeg_quality=request.jpeg_quality,
            license=request.license,
        )
        folder = request.output or _default_folder(run, plan)
        target = _open(request, folder, dataset, described, pairs, distributed)
        if announce is not None and distributed.is_main:
            left, there = len(target.pairs) - len(target.done()), f"of {len(target.pairs)} pairs"
            named = f"{run.name} after {run.iteration} iterations"
            announce(f"{named}: {left} images to make {there}, at {folder}")
        made = make_set(
            target,
            run,
            judge,
            distributed,
            precision=request.precision,
            batch_size=request.batch_size,
            code_bytes=int(request.memory * 2**30),
            threads=request.threads,
        )
        labeled = f"labels and scores by {described['labels']['by']}" if judge is not None else "no labels"
        said = f"{folder}: {len(target.pairs)} images, {made} of them new; {labeled}"
        return said if distributed.is_main else None
    finally:
        distributed.close()


def plan_of(request: SetRequest, dataset: Dataset) -> tuple[Pairs, dict[str, Any]]:
    """The pairs of a request, and its plan in words and numbers for `set.json`.

    Raises:
        UserError: options of several plans, or one that this data set cannot have.
    """
    lists = request.appearances is not None or request.structures is not None
    asked = {
        "--count": request.count is not None,
        "--per-identity": request.per_identity is not None,
        "--appearances and --structures": lists,
        "--pairs": request.pairs is not None,
    }
    named = [option for option, given in asked.items() if given]
    if len(named) > 1:
        raise UserError(f"{' and '.join(named)} are different plans: give one of them")
    if request.pairs is not None:
        given = read_pairs(request.pairs)
        roles = (find_sources(dataset, [pair[role] for pair in given]) for role in (0, 1))
        found = list(dict.fromkeys(zip(*roles, strict=True)))
        return sorted(found, key=lambda pair: (pair[1], pair[0])), {"kind": "pairs of a file", "count": len(found)}
    if lists:
        if request.appearances is None or request.structures is None:
            raise UserError("--appearances and --structures belong together: give both")
        files = (request.appearances, request.structures)
        found = all_pairs(*(find_sources(dataset, read_list(path)) for path in files))
        return found, {"kind": "all pairs of two lists", "count": len(found)}
    if request.per_identity is not None:
        found = per_identity(dataset.train, request.per_identity, request.seed)
        each = {"kind": "per identity", "each": request.per_identity, "seed": request.seed}
        return found, {**each, "count": len(found)}
    found = one_each(dataset.train, request.seed, request.count)
    return found, {"kind": "the original's protocol", "seed": request.seed, "count": len(found)}


def _open(
    request: SetRequest,
    folder: Path,
    dataset: Dataset,
    described: dict[str, Any],
    pairs: Pairs,
    distributed: Distributed,
) -> SetFolder:
    """The main process begins or reopens the set; the others take over what it found."""

    def opened() -> SetFolder:
        if request.resume or request.extend:
            return SetFolder.reopen(folder, dataset, described, pairs, request.extend)
        return SetFolder.begin(folder, dataset, described, pairs)

    found = distributed.on_main(opened)
    facts = distributed.agree(None if found is None else (found.recipe, found.pairs))
    return found or SetFolder(folder, dataset, *facts)


def _dataset(request: SetRequest, run: LoadedGenerator, distributed: Distributed) -> Dataset:
    if request.data is not None:
        return read_dataset(request.data)
    if request.other_data:
        raise UserError("--other-data says that --data is another data set: give --data")
    return open_dataset(run.config.data, distributed)


def _with_identities(run: LoadedGenerator, dataset: Dataset, other: bool) -> LoadedGenerator:
    """The run with its training identities; `UserError` for those of another data set, unless `other` says so."""
    if other:
        return run
    known = len(run.network.appearance.fine.logits.bias)
    if known != len(dataset.identities) or (run.identities and run.identities != dataset.identities):
        raise UserError(
            f"{run.name} was trained on {known} identities, and the {len(dataset.identities)} of {dataset.root} are "
            "others; give its own data set by --data, or --other-data to generate from this one"
        )
    if run.identities:
        return run
    return replace(run, identities=original_identities(dataset))


def _teacher_file(request: SetRequest, run: LoadedGenerator) -> Path | None:
    if request.teacher is not None:
        return request.teacher / "net_last.pth" if request.teacher.is_dir() else request.teacher
    return teacher_of(run)


def _judge(request: SetRequest, run: LoadedGenerator, labels: Path | None, dataset: Dataset) -> Judge:
    device = next(run.network.parameters()).device
    teacher = None
    if labels is not None and labels.name == "net_last.pth":
        released = read_teacher(labels)
        network = build_teacher(released.config, released.identities, pretrained=False)
        network.load_state_dict(reordered(released.state, dataset))
        size = run.config.data
        teacher = StoredTeacher(network.to(device).eval(), dataset.identities, size.height, size.width)
    elif labels is not None:
        teacher = load_teacher(labels, device)
    folder = run.files[0].resolve().parent.parent
    discriminator = load_discriminator(folder, run.files[0], run)
    return Judge(run, teacher, discriminator, request.precision, same_people=not request.other_data)


def _default_folder(run: LoadedGenerator, plan: dict[str, Any]) -> Path:
    # Without the count: the set may be extended.
    names = {"per identity": "per_identity", "all pairs of two lists": "lists", "pairs of a file": "pairs"}
    name = names.get(plan["kind"], "protocol")
    return run.files[0].parent.parent / "generated" / f"{run.iteration:08d}_{name}"
