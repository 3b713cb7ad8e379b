"""What a set says about where it comes from: generator, labels, data set, image format, machine."""

from pathlib import Path
from typing import Any

from dgnet.core.checkpoint import file_hash
from dgnet.core.device import PrecisionName
from dgnet.core.machine import machine, versions
from dgnet.data.records import Dataset
from dgnet.generation.paths import fingerprint, sources
from dgnet.runs.loaded_generator import LoadedGenerator

RESEARCH = "its authors gave it out for research only, and their terms hold for images derived from it"
# By the name of the layout; what a reader cannot tell apart is named together.
LICENSES = {
    "market1501": (
        f"Market-1501, or another data set in its layout: {RESEARCH} (DukeMTMC-reID was withdrawn by its authors)"
    ),
    "msmt17": f"MSMT17: {RESEARCH}",
    "cuhk03_np": f"CUHK03-NP: {RESEARCH}",
    "dgnet": f"a data set prepared for the original DG-Net, as a rule Market-1501: {RESEARCH}",
    "synthetic": "built-in pedestrians, drawn by this program: no photograph of anybody, MIT as the program",
}
UNKNOWN_LICENSE = "not known here: the terms of the source images hold for images derived from them"


def recipe(
    run: LoadedGenerator,
    dataset: Dataset,
    plan: dict[str, Any],
    *,
    labels: Path | None,
    scored: bool,
    precision: PrecisionName,
    jpeg_quality: int | None,
    license: str | None,
) -> dict[str, Any]:
    """The content of `set.json`.

    Args:
        plan: how the pairs were chosen, in words and numbers.
        labels: the teacher's file; None: the generator's own primary classifier gave the labels, where `scored`.
        license: the note about the source images; None: what is known of the layout.
    """
    hashes = {path.name: file_hash(path) for path in run.files}
    # Of the original's three files the generator's.
    main = next((name for name in hashes if name.startswith("gen_")), next(iter(hashes)))
    built_in = run.config.data.layout == "synthetic" and dataset.root == Path(run.config.data.root)
    kind = "synthetic" if built_in else dataset.name
    giver = "the generator's own primary classifier" if labels is None else f"teacher {labels.name}"
    return {
        "generator": {
            "run": run.name,
            "iteration": run.iteration,
            "checkpoint_sha256": hashes[main],
            "files": hashes,
        },
        "labels": {
            "by": giver if scored else "nobody",
            "sha256": file_hash(labels) if scored and labels is not None else None,
        },
        "data": {
            "name": dataset.name,
            "root": str(dataset.root),
            "images": len(sources(dataset)),
            "sha256": fingerprint(dataset),
            "license": license or LICENSES.get(kind, UNKNOWN_LICENSE),
        },
        "image": {
            "height": run.config.data.height,
            "width": run.config.data.width,
            "suffix": ".png" if jpeg_quality is None else ".jpg",
            "jpeg_quality": jpeg_quality,
            "precision": precision,
        },
        "plans": [plan],
        "machine": machine() | versions(),
    }
