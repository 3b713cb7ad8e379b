"""Ranked lists agree with the metrics, with a slow loop, and with what the page shows of them."""

import numpy as np
import pytest

from eval.reid.query_expansion import QueryExpansion
from eval.reid.ranking import rank_metrics
from eval.reid.rerank import KReciprocal
from eval.reid.retrieval import best_and_worst, retrieve
from eval.reid.single_gallery_shot import single_shot_metrics
from eval.report.accuracy import (
    accuracy_metrics,
    cmc_section,
    protocol_of,
    retrieval_section,
    score_section,
    single_shot_accuracy_metrics,
)
from eval.report.page import document
from tests.eval.reid.sides import sides
from tests.eval.report.pages import Page, foreign_loads


@pytest.fixture(scope="module")
def columns():
    """30 queries and 80 gallery images of 6 people in 3 cameras, some junk and distractors, some images twice."""
    draw = np.random.default_rng(7)
    query_ids, gallery_ids = draw.integers(1, 7, 30), draw.integers(-1, 7, 80)
    centers = draw.normal(size=(8, 16))
    query = centers[query_ids] + draw.normal(size=(30, 16)) * 1.5
    gallery = centers[gallery_ids] + draw.normal(size=(80, 16)) * 1.5
    gallery[40:44] = gallery[10:14]
    return query, query_ids, draw.integers(0, 3, 30), gallery, gallery_ids, draw.integers(0, 3, 80)


def slow_list(columns, place):
    """Every gallery image of a query in order, one by one: (place, right)."""
    query, ids, cameras, gallery, gallery_ids, gallery_cameras = columns
    mine = query[place] / np.linalg.norm(query[place])
    kept = []
    for other in range(len(gallery)):
        same = gallery_ids[other] == ids[place]
        if gallery_ids[other] == -1 or (same and gallery_cameras[other] == cameras[place]):
            continue
        theirs = gallery[other] / np.linalg.norm(gallery[other])
        kept.append((round(float(((mine - theirs) ** 2).sum()), 9), other, bool(same)))
    return [(other, same) for _, other, same in sorted(kept)]


def test_lists_are_those_of_a_slow_loop_and_give_the_measured_precision(columns):
    result = rank_metrics(*sides(columns))
    lists = retrieve(result, range(30), *sides(columns), top=80)
    for one in lists:
        expected = slow_list(columns, one.query)
        assert list(zip(one.ranked.tolist(), one.right.tolist(), strict=True)) == expected
        ranks = [rank for rank, (_, right) in enumerate(expected, start=1) if right]
        assert (one.match_rank, one.match) == (ranks[0], expected[ranks[0] - 1][0])
        precision = np.mean([number / rank for number, rank in enumerate(ranks, start=1)])
        assert one.average_precision == pytest.approx(precision, abs=1e-9)
    # Without the exclusion of the query's own camera the lists would be others.
    query, ids, cameras, *gallery = columns
    others = [slow_list((query, ids, cameras + 10, *gallery), place) for place in range(30)]
    assert sum(len(other) > len(one.ranked) for other, one in zip(others, lists, strict=True)) > 20


def test_best_and_worst_are_of_different_people(columns):
    result = rank_metrics(*sides(columns))
    best, worst = best_and_worst(result, columns[1], 4)
    assert len({columns[1][place] for place in best}) == len({columns[1][place] for place in worst}) == 4
    assert result.average_precisions[best[0]] == np.nanmax(result.average_precisions)
    assert result.average_precisions[worst[0]] == np.nanmin(result.average_precisions)
    assert list(result.average_precisions[best]) == sorted(result.average_precisions[best], reverse=True)
    # A query without a match is neither.
    ids = columns[1].copy()
    ids[worst[0]] = 99
    alone = rank_metrics(*sides([columns[0], ids, *columns[2:]]))
    assert worst[0] not in {place for places in best_and_worst(alone, ids, 30) for place in places}
    with pytest.raises(ValueError, match=f"query {worst[0]} has no image of its identity from another camera"):
        retrieve(alone, [worst[0]], *sides([columns[0], ids, *columns[2:]]))


def test_figures_say_their_protocol(columns):
    results = {
        "": rank_metrics(*sides(columns)),
        "re-ranked": rank_metrics(*sides(columns), reranking=KReciprocal(5, 2)),
    }
    metrics = accuracy_metrics(results, "a network")
    assert [metric.name for metric in metrics[:6]] == ["mAP", "rank 1", "rank 3", "rank 5", "rank 10", "mINP"]
    assert metrics[0].value == pytest.approx(100 * results[""].mAP) and metrics[0].unit == "%"
    assert metrics[6].name == "mAP, re-ranked" and "k1=5 k2=2" in metrics[6].protocol
    assert metrics[0].protocol.startswith("standard, 30 queries (30 with a match), gallery of ")
    assert metrics[0].protocol.endswith("re-ranking none")
    expanded = rank_metrics(*sides(columns), expansion=QueryExpansion(5, 2.0))
    assert protocol_of(expanded).endswith("re-ranking none, query expansion by 5 neighbors, alpha=2.0")


def test_lists_of_expanded_queries_are_those_that_were_measured(columns):
    expansion = QueryExpansion(8)
    result = rank_metrics(*sides(columns), expansion=expansion)
    chosen = best_and_worst(result, columns[1], 6)[1]
    lists = retrieve(result, chosen, *sides(columns), expansion=expansion)
    assert [one.match_rank for one in lists] != [one.match_rank for one in retrieve(result, chosen, *sides(columns))]
    # The rank of the first true match bounds the average precision from above, by both ways of counting.
    everyone = retrieve(result, range(len(columns[1])), *sides(columns), expansion=expansion)
    for rank in (1, 2, 5):
        assert np.mean([one.match_rank <= rank for one in everyone]) == pytest.approx(result.cmc_curve[rank - 1])


def test_single_gallery_shot_says_its_draws_and_their_spread(columns):
    result = single_shot_metrics(*sides(columns), repetitions=4, seed=3)
    metrics = single_shot_accuracy_metrics({"": result, "re-ranked": result}, "a network")
    assert [metric.name for metric in metrics[:5]] == ["rank 1", "rank 3", "rank 5", "rank 10", "rank 1, re-ranked"]
    assert metrics[0].value == pytest.approx(100 * result.cmc[1])
    assert metrics[0].note == f"± {100 * result.cmc_deviation[1]:.1f} between repetitions; a network"
    assert metrics[1].note.endswith("between repetitions")
    assert metrics[0].protocol.startswith("single-gallery-shot, 30 queries (30 with a match), 4 galleries of ")
    assert metrics[0].protocol.endswith("drawn from seed 3, re-ranking none")


def test_a_true_match_behind_the_first_ten_is_shown_with_its_rank(columns):
    result = rank_metrics(*sides(columns))
    lists = retrieve(result, best_and_worst(result, columns[1], 6)[1], *sides(columns), top=1)
    late = [one for one in lists if one.match_rank > 1]
    assert late

    def picture(split, place):
        return np.full((3, 8, 4), 10 if split == "query" else place, np.uint8)

    shown = retrieval_section("Worst", "words", lists, columns[1], picture)
    page = Page(document("t", [shown, cmc_section({"": result})]))
    assert foreign_loads(page) == []
    texts = [image.attributes["alt"] for image in page.root.all("img")]
    assert len(texts) == 2 * len(lists) + len(late)
    assert f"the nearest true match, at rank {late[0].match_rank}" in texts
    assert texts[0] == f"query: person {columns[1][lists[0].query]}"


def test_images_sorted_by_their_score():
    images = [np.full((3, 8, 4), place, np.uint8) for place in range(40)]
    scores = [float((7 * place) % 40) for place in range(40)]
    few = Page(document("t", [section := score_section("S", "w", images[:5], scores[:5], list("abcde"))]))
    assert section.title == "S"
    assert [image.attributes["alt"] for image in few.root.all("img")] == ["e", "d", "c", "b", "a"]
    many = Page(document("t", [score_section("S", "w", images, scores, [str(s) for s in scores], count=6)]))
    shown = [float(image.attributes["alt"]) for image in many.root.all("img")]
    assert shown == [39, 38, 37, 2, 1, 0]
