"""Tracks ranked for a photograph, in Python: the order of a written-out loop, verdicts, and what is refused."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dgnet.core.calibration import Threshold
from dgnet.core.errors import UserError
from dgnet.video.tracks import Track
from eval import rank_tracks
from eval.tracks.ranking import count_further
from tests.messages import mentions

NUMBERS = 8


def tracks_of(features: np.ndarray) -> list[Track]:
    return [
        Track("hall", number, 2, number, feature / np.linalg.norm(feature), frozenset({3}), 3, 3, 1.5, 2.0,
              Path(f"people/hall/{number:06d}/00000003.jpg"))
        for number, feature in enumerate(features, 1)
    ]  # fmt: skip


def test_tracks_are_ranked_by_cosine() -> None:
    random = np.random.default_rng(0)
    query, features = random.standard_normal((3, NUMBERS)), random.standard_normal((7, NUMBERS))
    rankings = rank_tracks(query, tracks_of(features), 4)
    for asked, ranking in zip(query, rankings, strict=True):
        cosines = [one @ asked / np.linalg.norm(one) / np.linalg.norm(asked) for one in features]
        order = sorted(range(7), key=lambda place: -cosines[place])[:4]
        assert [found.track.track for found in ranking] == [place + 1 for place in order]
        assert [found.similarity for found in ranking] == pytest.approx([cosines[place] for place in order], abs=1e-6)
        assert [found.rank for found in ranking] == [1, 2, 3, 4]
    best = rankings[0][0]
    assert (best.place, best.when, best.verdict, best.same) == ("camera 2 (hall)", "0:01.5 to 0:02.0", "", False)
    assert len(rank_tracks(query, tracks_of(features), 50)[0]) == 7


def test_a_threshold_tells_the_same_person() -> None:
    tracks = tracks_of(np.eye(NUMBERS)[:3] + [[0.5] * NUMBERS])
    query = tracks[0].feature[None] * 3
    alike = float(tracks[1].feature @ tracks[0].feature)
    for similarity, same in ((alike + 0.01, 1), (alike - 0.01, 3)):
        threshold = Threshold(0.001, similarity, similarity, similarity, 0.9)
        (ranking,) = rank_tracks(query, tracks, 3, threshold=threshold)
        assert [found.same for found in ranking] == [rank < same for rank in range(3)]
        assert ranking[0].verdict == "same person"
        assert count_further(query, tracks, 1, threshold) == [same - 1]
    assert count_further(query, tracks, 1, None) == [0]


def test_the_track_of_a_query_says_so() -> None:
    tracks = tracks_of(np.eye(NUMBERS)[:2])
    (ranking,) = rank_tracks(tracks[1].feature[None], tracks, files=[Path("people/hall/000002/00000009.jpg")])
    assert [(found.track.track, found.holds_query) for found in ranking] == [(2, True), (1, False)]


def test_no_tracks_are_one_sentence() -> None:
    with pytest.raises(UserError, match=mentions("tracks", "none")):
        rank_tracks(np.ones((1, NUMBERS)), [])
    with pytest.raises(UserError, match=mentions("count", 1, 0)):
        rank_tracks(np.ones((1, NUMBERS)), tracks_of(np.eye(NUMBERS)), 0)


@pytest.mark.parametrize(("begin", "end"), [(-1.0, 2.0), (3.0, 2.0), (math.nan, 2.0), (0.0, math.nan), (0.0, math.inf)])
def test_times_that_cannot_be_are_refused(begin: float, end: float) -> None:
    """They were drawn on the time line, at no place or before the beginning."""
    tracks = tracks_of(np.eye(2))
    tracks[1] = replace(tracks[1], begin=begin, end=end)
    with pytest.raises(UserError, match=mentions("tracks", f"{begin:g} to {end:g}", "hall")):
        rank_tracks(np.eye(2), tracks)


def test_files_of_other_queries_are_refused() -> None:
    with pytest.raises(UserError, match=mentions("files", "2", "1")):
        rank_tracks(np.eye(2), tracks_of(np.eye(2)), files=["a.jpg"])
