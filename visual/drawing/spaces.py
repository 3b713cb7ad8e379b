"""The two spaces on a page: codes in the plane of their largest spread, by identity and, where known, by camera."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from matplotlib.figure import Figure
from torch import Tensor

from dgnet.core.errors import UserError
from dgnet.data.records import Record
from visual.drawing.figure import figure_picture
from visual.drawing.grid import Picture
from visual.job import VisualJob, images_of_identities

_DOTS = 150  # per inch
_PANEL = 3.4  # inches
MOST_IMAGES = 2000  # more hide each other, and take minutes
MARKERS = "osD^vP*X<>"


@dataclass(frozen=True)
class Plane:
    """`points` `[image, 2]` in the plane of the first two principal components, and the variance's share of each."""

    points: Float[np.ndarray, "image 2"]
    shares: tuple[float, float]


def draw_spaces(job: VisualJob) -> None:
    """The picture of `show_spaces.py`: the codes of --images images of each of --identities people."""
    options = job.options
    records = images_of_identities(job.dataset(), options.identities, options.images, options.seed)
    found = len({record.identity for record in records})
    if len(records) > MOST_IMAGES:
        # Whole identities: they come one behind the other.
        records = [record for record in records if record.identity < records[MOST_IMAGES].identity]
    people = len({record.identity for record in records})
    if people < options.identities:
        reason = f"at most {MOST_IMAGES} images are shown" if people < found else "there are no more"
        print(f"{people} identities are shown, {options.identities} were asked for: {reason}", file=sys.stderr)
    images = job.read([record.path for record in records])
    codes = {"appearance codes": job.run.appearance_codes(images), "structure codes": job.run.structure_codes(images)}
    planes = {name: principal_plane(torch.as_tensor(code).flatten(1)) for name, code in codes.items()}
    job.write(job.path("spaces", ".png"), map_of_spaces(planes, labels_of(records)))


def labels_of(records: Sequence[Record]) -> dict[str, list[int]]:
    """The identity and, where one is known, the camera of each image."""
    labels = {"identity": [record.identity for record in records]}
    if any(record.camera >= 0 for record in records):
        labels["camera"] = [record.camera for record in records]
    return labels


def principal_plane(codes: Float[Tensor, "image code"]) -> Plane:
    """The projection of `codes` on their first two principal components (PCA), float64.

    Through the Gram matrix, so that a code may be long. A component's sign is free: the largest coordinate is positive.
    `UserError` for fewer than three images.
    """
    if len(codes) < 3:
        raise UserError(f"a map of codes needs at least 3 images, got {len(codes)}")
    centered = codes.double() - codes.double().mean(dim=0)
    values, vectors = torch.linalg.eigh(centered @ centered.T)
    values, vectors = values.flip(0).clamp_min(0), vectors.flip(1)
    points = vectors[:, :2] * values[:2].sqrt()
    largest = points.abs().argmax(dim=0)
    points = points * torch.where(points.gather(0, largest[None])[0] < 0, -1.0, 1.0)
    total = values.sum().clamp_min(torch.finfo(torch.float64).tiny)
    first, second = (values[:2] / total).tolist()
    return Plane(points.numpy(), (first, second))


def map_of_spaces(planes: Mapping[str, Plane], labels: Mapping[str, Sequence[int]]) -> Picture:
    """A row of panels for each plane, a panel for each labeling (name -> one number per image); uint8 `[h, w, 3]`.

    A label has a color and a marker, the same in every panel of its column.
    """
    for name, numbers in labels.items():
        if any(len(plane.points) != len(numbers) for plane in planes.values()):
            raise UserError(f"labels {name!r} must be one for each image, got {len(numbers)}")
    figure = Figure(figsize=(_PANEL * len(labels) + 0.6, _PANEL * len(planes)), dpi=_DOTS, layout="constrained")
    panels = figure.subplots(len(planes), len(labels), squeeze=False)
    for row, (space, plane) in zip(panels, planes.items(), strict=True):
        for axes, (name, numbers) in zip(row, labels.items(), strict=True):
            for index, number in enumerate(sorted(set(numbers))):
                axes.scatter(
                    *plane.points[np.array(numbers) == number].T,
                    s=16,
                    color=f"C{index % 10}",
                    marker=MARKERS[index % len(MARKERS)],
                    linewidths=0,
                    alpha=0.85,
                    label=str(number) if number >= 0 else "unknown",
                )
            axes.set_title(f"{space}, by {name}", fontsize=9, loc="left")
            axes.set_xlabel(f"1st component ({plane.shares[0]:.0%} of the variance)", fontsize=7)
            axes.set_ylabel(f"2nd component ({plane.shares[1]:.0%})", fontsize=7)
            axes.set_xticks([])
            axes.set_yticks([])
            for side in ("top", "right"):
                axes.spines[side].set_visible(False)
            if len(set(numbers)) <= 2 * len(MARKERS):
                axes.legend(fontsize=6, frameon=False, ncols=2, handletextpad=0.1, columnspacing=0.6, title=name,
                            title_fontsize=6, loc="center left", bbox_to_anchor=(1.0, 0.5))  # fmt: skip
    return figure_picture(figure)
