"""What the page of a run shows beside metrics: its swaps, its curves, its settings."""

import numpy as np
import torch
import torch.nn.functional as functional
import yaml

from dgnet.config import resolved
from dgnet.data.cache import ImageCache
from dgnet.data.records import Dataset
from dgnet.generation.engine import generate
from dgnet.generation.swap_pairs import draw_pairs, one_image_per_identity
from dgnet.models.swap import swap_all
from dgnet.runs.loaded_generator import LoadedGenerator
from eval.images.extractor import Extractor, features_of
from eval.report.accuracy import score_section
from eval.report.chart import charts, line_chart
from eval.report.page import Html, HtmlSection, Tile, details, paragraph, picture_table, preformatted, section
from visual.job import shown_records

_PEOPLE = 7
_SCORED = 96  # swaps
_LOSS = "loss/"


def swap_section(stored: LoadedGenerator, dataset: Dataset) -> HtmlSection:
    """Everybody in everybody's clothes: people of the test split (or the training split), those of show_swap.py."""
    records = one_image_per_identity(shown_records(dataset), _PEOPLE, 0, "pictures")
    size = stored.config.data.height, stored.config.data.width
    images = ImageCache([record.path for record in records]).gather(torch.arange(len(records)), *size)
    swapped = swap_all(stored.network, images, images)
    people = [record.identity for record in records]
    head = [
        Tile(image, f"structure: person {who} as photographed", frame="source")
        for who, image in zip(people, images, strict=True)
    ]
    rows = [
        (
            Tile(images[row], f"appearance: person {wearer} as photographed", frame="source"),
            [
                Tile(swapped[row, column], f"generated: clothes of person {wearer}, pose of person {poser}")
                for column, poser in enumerate(people)
            ],
        )
        for row, wearer in enumerate(people)
    ]
    seen = "test" if dataset.query else "training"
    lead = (
        f"A row wears the clothes of its first image, a column has the pose, body and place of its first image. People "
        f"of the {seen} split; the pointer or the keyboard on a picture shows it large."
    )
    return section("Swaps", paragraph(lead), picture_table("Generated images", "structure →\nappearance ↓", head, rows))


def scored_section(
    stored: LoadedGenerator, dataset: Dataset, extractor: Extractor, query_features: np.ndarray
) -> HtmlSection:
    """Swaps of query images sorted by how near the network puts each to the person whose clothes it wears.

    `query_features` `[query, feature]` are the extractor's of the real query images.
    """
    pairs = draw_pairs(dataset.query, _SCORED, 0, "the page of a run")
    place = {record.path: index for index, record in enumerate(dataset.query)}
    plan = [(place[pair.appearance.path], place[pair.structure.path]) for pair in pairs]
    images = torch.cat([part.images for part in generate(stored, dataset.query, plan)])
    features = torch.from_numpy(features_of(images, extractor))
    sources = torch.from_numpy(query_features)[[appearance for appearance, _ in plan]]
    scores = functional.cosine_similarity(features, sources).tolist()
    said = [f"clothes of person {pair.appearance.identity}, pose of person {pair.structure.identity}" for pair in pairs]
    lead = (
        f"{len(plan)} swaps of query images, sorted by the cosine between features of the generated image and of the "
        f"photograph whose clothes it wears; the features are those of {extractor.name}, which judges its own work."
    )
    return score_section("Swaps by identity score", lead, list(images), scores, said)


def curves_section(rows: list[tuple[int, dict[str, float]]]) -> HtmlSection:
    """A chart for each scalar that was logged: losses first, the others on demand."""
    points: dict[str, list[tuple[int, float]]] = {}
    for iteration, values in rows:
        for name, value in values.items():
            points.setdefault(name, []).append((iteration, value))
    # One axis for all: a term may begin late (`loss.swap_begin`, ramps).
    span = rows[0][0], rows[-1][0]
    drawn = {name: _chart(name.removeprefix(_LOSS).replace("_", " "), found, span) for name, found in points.items()}
    losses = [chart for name, chart in drawn.items() if name.startswith(_LOSS)]
    others = [chart for name, chart in drawn.items() if not name.startswith(_LOSS)]
    lead = paragraph("Each loss without its weight. Dark: the mean of a hundredth of its values; pale: their range.")
    more = [details("Weights, learning rates, speed and memory", charts(others))] if others else []
    return section("Curves", lead, charts(losses), *more)


def settings_section(stored: LoadedGenerator) -> HtmlSection:
    """The whole configuration."""
    text = yaml.safe_dump(resolved(stored.config), sort_keys=False, allow_unicode=True)
    return section("Settings", details("Every setting of the run", preformatted(text)))


def _chart(name: str, points: list[tuple[int, float]], span: tuple[int, int]) -> Html:
    if not any(torch.isfinite(torch.tensor([value for _, value in points]))):
        return paragraph(f"{name}: no finite value")
    return line_chart(name, {name: points}, "iteration", span=span)
