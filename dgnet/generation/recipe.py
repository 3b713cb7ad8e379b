"""The recipe of a set, `set.json`: its generator, labels, data set, image format and machine."""

from pathlib import Path
from typing import Any

from dgnet.core.checkpoint import file_hash
from dgnet.core.device import PrecisionName
from dgnet.core.machine import machine, versions
from dgnet.data.records import Dataset
from dgnet.generation.paths import content, fingerprint, sources
from dgnet.runs.loaded_generator import LoadedGenerator

RESEARCH = "its authors gave it out for research only, and their terms hold for images derived from it"
# By layout; data sets that share a layout are named together.
LICENSES = {
    "market1501": (
        f"Market-1501, or another data set in its layout: {RESEARCH} (DukeMTMC-reID was withdrawn by its authors)"
    ),
    "msmt17": f"MSMT17: {RESEARCH}",
    "cuhk03_np": f"CUHK03-NP: {RESEARCH}",
    "dgnet": f"a data set prepared for the official DG-Net, as a rule Market-1501: {RESEARCH}",
    "synthetic": "built-in pedestrians, drawn by this program: no photograph of anybody, MIT as the program",
}
UNKNOWN_LICENSE = "not known here: the terms of the source images hold for images derived from them"


def set_recipe(
    generator: LoadedGenerator,
    dataset: Dataset,
    plan: dict[str, Any],
    *,
    teacher_file: Path | None,
    scored: bool,
    precision: PrecisionName,
    jpeg_quality: int | None,
    license: str | None,
    other_data: bool = False,
) -> dict[str, Any]:
    """The content of `set.json`.

    Args:
        plan: how the pairs were chosen.
        teacher_file: of the teacher that gave the labels; None: the generator's own primary classifier, if `scored`.
        other_data: whether the generator was trained on another data set than these source images are of.
        license: a note about the source images; None: what is known of the layout.
    """
    hashes = {path.name: file_hash(path) for path in generator.files}
    # Of the three official files the generator's.
    main = next((name for name in hashes if name.startswith("gen_")), next(iter(hashes)))
    built_in = generator.config.data.layout == "synthetic" and dataset.root == Path(generator.config.data.root)
    kind = "synthetic" if built_in else dataset.name
    by = "the generator's own primary classifier" if teacher_file is None else f"teacher {teacher_file.name}"
    return {
        "generator": {
            "run": generator.name,
            "iteration": generator.iteration,
            "checkpoint_sha256": hashes[main],
            "files": hashes,
        },
        "labels": {
            "by": by if scored else "nobody",
            "sha256": file_hash(teacher_file) if scored and teacher_file is not None else None,
        },
        "data": {
            "name": dataset.name,
            "root": str(dataset.root),
            "images": len(sources(dataset)),
            "sha256": fingerprint(dataset),
            "content_sha256": content(dataset),
            "of_generator": not other_data,
            "license": license or LICENSES.get(kind, UNKNOWN_LICENSE),
        },
        "image": {
            "height": generator.config.data.height,
            "width": generator.config.data.width,
            "suffix": ".png" if jpeg_quality is None else ".jpg",
            "jpeg_quality": jpeg_quality,
            "precision": precision,
        },
        "plans": [plan],
        "machine": machine() | versions(),
    }
