"""Sections of a run's page: a table of swaps, swaps by their score, the curves of the training, the settings."""

import math
from collections.abc import Sequence

from eval.arrays import Array
from eval.report.chart import charts, line_chart
from eval.report.page import Html, HtmlSection, Tile, details, paragraph, picture_table, preformatted, section

_LOSS = "loss/"


def swap_section(images: Array, swapped: Array, people: Sequence[int], split: str) -> HtmlSection:
    """All swaps between a few images.

    Args:
        images: uint8 `[person, 3, height, width]`, a photograph of each person.
        swapped: uint8 `[appearance, structure, 3, height, width]`, the swaps of all pairs.
        people: the identity of each image.
        split: the split that they belong to, such as "test".
    """
    head = [
        Tile(image, f"structure: person {person} as photographed", frame="source")
        for person, image in zip(people, images, strict=True)
    ]
    rows = [
        (
            Tile(images[row], f"appearance: person {appearance} as photographed", frame="source"),
            [
                Tile(swapped[row][column], f"generated: clothes of person {appearance}, pose of person {structure}")
                for column, structure in enumerate(people)
            ],
        )
        for row, appearance in enumerate(people)
    ]
    lead = (
        f"A row has the clothes of its first image, a column the pose, body and place of its first image. People of "
        f"the {split} split; point at a picture or select it with the keyboard to enlarge it."
    )
    return section("Swaps", paragraph(lead), picture_table("Generated images", "structure →\nappearance ↓", head, rows))


def curves_section(rows: Sequence[tuple[int, dict[str, float]]]) -> HtmlSection:
    """A chart for each scalar that was logged, of (iteration, values): losses first, the others in a closed section."""
    points: dict[str, list[tuple[int, float]]] = {}
    for iteration, values in rows:
        for name, value in values.items():
            points.setdefault(name, []).append((iteration, value))
    # One axis for all: a term may begin late (`short_training.swap_begin`, ramps).
    span = rows[0][0], rows[-1][0]
    drawings = {name: _chart(name.removeprefix(_LOSS).replace("_", " "), line, span) for name, line in points.items()}
    losses = [chart for name, chart in drawings.items() if name.startswith(_LOSS)]
    others = [chart for name, chart in drawings.items() if not name.startswith(_LOSS)]
    lead = paragraph("Each loss without its weight. Line: means over hundredths of the training; pale: their range.")
    more = [details("Weights, learning rates, speed and memory", charts(others))] if others else []
    return section("Curves", lead, charts(losses), *more)


def settings_section(text: str) -> HtmlSection:
    """The whole configuration, as YAML."""
    return section("Settings", details("Every setting of the run", preformatted(text)))


def _chart(name: str, points: list[tuple[int, float]], span: tuple[int, int]) -> Html:
    if not any(math.isfinite(value) for _, value in points):
        return paragraph(f"{name}: no finite value")
    return line_chart(name, {name: points}, "iteration", span=span)
