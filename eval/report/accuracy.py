"""Re-identification accuracy as metrics, curves and ranked lists for a report."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np

from eval.arrays import Array
from eval.reid.ranking import RankingResult
from eval.reid.retrieval import Retrieval
from eval.reid.single_gallery_shot import PROTOCOL as SINGLE_SHOT
from eval.reid.single_gallery_shot import SingleShotResult
from eval.report.chart import SERIES, line_chart
from eval.report.page import Html, HtmlSection, Tile, in_order, paragraph, section
from eval.report.paired_queries import query_difference
from eval.report.result import MetricValue

ACCURACY = "Re-identification"
PROTOCOLS = {
    "standard": "Junk never enters, distractors stay, images of the query's identity and camera are left out, queries "
    "without a match are left out of every mean; the average precision is the mean precision at the true matches "
    "(torchreid, fast-reid, MGN-pytorch).",
    "dgnet": "As the official DG-Net: the average precision is the area under the precision-recall curve by the "
    "trapezoid rule, and every mean is divided by all queries.",
    SINGLE_SHOT: "The first protocol of CUHK03: galleries of one image per person are drawn repeatedly, and the CMC is "
    "the mean over them (Li et al., CVPR 2014).",
}
# Changes of features at test time, by the name that follows a metric's.
CENTRALIZED, WITH_SWAPS, RERANKED = "centralized", "with swaps", "re-ranked"
TEST_TIME = {
    WITH_SWAPS: "The feature of each query (if the protocol says so, of each gallery image, too) is joined with those "
    "of generated images: the same appearance in the structures of a few training images of the generator.",
    CENTRALIZED: "The feature of each image is joined with those of its mutual nearest neighbors, queries among "
    "queries and gallery images among gallery images (Yuan et al., CVPR 2025). A figure depends on which other queries "
    "are asked.",
}
# The curve ends at this rank.
_LAST_RANK = 50

# Which image of which split: `picture("query", 3)` is uint8 `[3, height, width]`.
PictureOf = Callable[[Literal["query", "gallery"], int], Array]


def unmatched_queries(result: RankingResult | SingleShotResult) -> str:
    """The number of queries without a true match and how they count; empty where all have one."""
    missing = result.queries - result.valid_queries
    effect = "they count as 0" if result.protocol == "dgnet" else "left out of every mean"
    return f"{missing:,} of {result.queries:,} queries have no true match: {effect}" if missing else ""


def used_at_test_time(metrics: Sequence[MetricValue]) -> dict[str, str]:
    """The entries of `TEST_TIME` that occur among metrics of `accuracy_metrics`."""
    return {name: words for name, words in TEST_TIME.items() if any(name in metric.name for metric in metrics)}


def protocol_of(result: RankingResult | SingleShotResult, split: str = "") -> str:
    """Everything that decides whether two accuracies may be compared, in one line.

    `split`: how queries and gallery were chosen, where that is not usual.
    """
    return f"{_protocol(result)}, {split}" if split else _protocol(result)


def _protocol(result: RankingResult | SingleShotResult) -> str:
    queries = f"{result.protocol}, {result.queries:,} queries ({result.valid_queries:,} with a match), "
    if isinstance(result, SingleShotResult):
        drawn = f"{result.repetitions:,} galleries of {result.identities:,} drawn from seed {result.seed}"
        return f"{queries}{drawn}, re-ranking {result.reranking}"
    before = (result.swaps, result.centralization, result.query_expansion)
    features = "".join(f", {words}" for words in before if words != "none")
    return f"{queries}gallery of {result.gallery:,}, re-ranking {result.reranking}{features}"


def single_shot_accuracy_metrics(
    results: Mapping[str, SingleShotResult], note: str = "", split: str = ""
) -> list[MetricValue]:
    """The CMC in per cent, each rank with its deviation between the repetitions; `results` as in `accuracy_metrics`."""
    metrics = []
    for suffix, result in results.items():
        for rank, share in result.cmc.items():
            label = f"rank {rank}, {suffix}" if suffix else f"rank {rank}"
            spread = f"± {100 * result.cmc_deviation[rank]:.1f} between repetitions"
            words = f"{spread}; {note}" if note and rank == min(result.cmc) else spread
            metrics.append(MetricValue(ACCURACY, label, 100 * share, "%", protocol_of(result, split), words, "higher"))
    return metrics


def accuracy_metrics(results: Mapping[str, RankingResult], note: str = "", split: str = "") -> list[MetricValue]:
    """mAP, CMC and mINP in per cent. `results` maps what follows a metric's name ("", "re-ranked") to a result; `split`
    as in `protocol_of`."""
    metrics = []
    for suffix, result in results.items():
        protocol = protocol_of(result, split)
        values = {"mAP": result.mAP} | {f"rank {rank}": share for rank, share in result.cmc.items()}
        for name, value in (values | {"mINP": result.mINP}).items():
            label = f"{name}, {suffix}" if suffix else name
            metrics.append(
                MetricValue(ACCURACY, label, 100 * value, "%", protocol, note if name == "mAP" else "", "higher")
            )
    return metrics


def difference_metrics(
    results: Mapping[str, RankingResult], identities: np.ndarray, split: str = ""
) -> list[MetricValue]:
    """The mAP of each result minus that of the same ranking of plain features, in points, with its interval.

    `results` and `split` as in `accuracy_metrics`, plain and re-ranked features among them; `identities` are those of
    the queries.
    """
    metrics = []
    for name, result in results.items():
        base = RERANKED if RERANKED in name else ""
        if name == base:
            continue
        first, second = result.average_precisions, results[base].average_precisions
        if result.protocol == "dgnet":  # queries without a match count as 0
            first, second = np.nan_to_num(first), np.nan_to_num(second)
        difference = query_difference(first, second, identities)
        note = f"minus {base or 'plain'}; {difference}"
        metrics.append(
            MetricValue(
                ACCURACY,
                f"mAP difference, {name}",
                100 * difference.mean,
                "points",
                protocol_of(result, split),
                note,
                "higher",
            )
        )
    return metrics


def cmc_section(results: Mapping[str, RankingResult] | Mapping[str, SingleShotResult]) -> HtmlSection:
    """The cumulative matching characteristic of each result up to rank 50; more than four in two charts, plain and
    re-ranked."""
    lines = {
        name: [(rank, 100 * float(share)) for rank, share in enumerate(result.cmc_curve[:_LAST_RANK], start=1)]
        for name, result in results.items()
    }
    title = "Queries, in per cent, whose person is found at that rank or before it"
    parts = [lines]
    if len(lines) > SERIES:
        parts = [{name: lines[name] for name in lines if (RERANKED in name) == apart} for apart in (False, True)]
    return section("CMC", *(line_chart(title, part, "rank", log=False, steps=True) for part in parts))


def retrieval_section(title: str, lead: str, lists: Sequence[Retrieval], ids: Array, picture: PictureOf) -> HtmlSection:
    """Ranked lists, one for each query, the true matches framed; `ids` are the queries' identities.

    Where none of the listed images is a true match, the nearest one follows with its rank.
    """
    blocks: list[Html] = [paragraph(lead)]
    for one in lists:
        person = int(ids[one.query])
        tiles = [Tile(picture("query", one.query), f"query: person {person}", "query")]
        for rank, (place, right) in enumerate(zip(one.ranked.tolist(), one.right.tolist(), strict=True), start=1):
            frame: Literal["right", "wrong"] = "right" if right else "wrong"
            words = f"rank {rank}: {'the same person' if right else 'another person'}"
            tiles.append(Tile(picture("gallery", place), words, str(rank), frame))
        if one.match_rank > len(one.ranked):
            words = f"the nearest true match, at rank {one.match_rank}"
            tiles.append(Tile(picture("gallery", one.match), words, f"rank {one.match_rank:,}", "right"))
        heading = f"Person {person}, query {one.query + 1}: average precision {100 * one.average_precision:.1f} %"
        blocks.append(in_order(tiles, heading))
    return section(title, *blocks)


def score_section(
    title: str, lead: str, images: Sequence[Array], scores: Sequence[float], words: Sequence[str], *, count: int = 24
) -> HtmlSection:
    """Generated images sorted by a score, highest first: the best and the worst `count // 2`, or all where fewer.

    `images` are uint8 `[3, height, width]`, `words` describe each for those who do not see it.
    """
    order = sorted(range(len(scores)), key=lambda place: -scores[place])
    tiles = [Tile(images[place], words[place], f"{scores[place]:.3g}") for place in order]
    if len(tiles) <= count:
        return section(title, paragraph(lead), in_order(tiles, "All, the highest score first"))
    half = count // 2
    return section(
        title,
        paragraph(lead),
        in_order(tiles[:half], f"The {half} highest of {len(tiles):,}"),
        in_order(tiles[-half:], f"The {half} lowest, the lowest last"),
    )
