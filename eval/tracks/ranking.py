"""Where and when was the person of a photograph? The tracks of a gallery of people, ranked by similarity to it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from dgnet.core.calibration import Threshold
from dgnet.core.errors import UserError
from dgnet.core.files import user_path
from eval.arrays import Array, as_numpy, checked_features
from eval.reid.gallery_search import nearest_in_gallery
from eval.report.time_line import clock
from eval.tracks.person_track import Lane, PersonTrack, is_timed, lane_of, place_of, span_of

_TINY = np.finfo(np.float32).tiny


@dataclass(frozen=True)
class RankedTrack:
    """A track at its rank for a query.

    Attributes:
        rank: from 1.
        similarity: cosine, -1 to 1.
        verdict: whether it is the same person, in words; empty without a threshold.
        same: whether the verdict is that it is.
        holds_query: whether the query is one of its crops.
    """

    rank: int
    similarity: float | int
    track: PersonTrack
    verdict: str = ""
    same: bool = False
    holds_query: bool = False

    @property
    def lane(self) -> Lane:
        """Its camera and source."""
        return lane_of(self.track)

    @property
    def place(self) -> str:
        """Its camera and source in words."""
        return place_of(self.lane)

    @property
    def timed(self) -> bool:
        """Whether its source has a clock."""
        return is_timed(self.track)

    @property
    def begin(self) -> float | int:
        """Seconds since the source began; the first frame where there is no clock."""
        return span_of(self.track)[0]

    @property
    def end(self) -> float | int:
        """Likewise of its end."""
        return span_of(self.track)[1]

    @property
    def begins(self) -> str:
        """When it begins, in words."""
        return clock(self.begin) if self.timed else f"frame {self.begin:g}"

    @property
    def when(self) -> str:
        """From when to when, in words."""
        return f"{self.begins} to {clock(self.end) if self.timed else f'{self.end:g}'}"

    @property
    def note(self) -> str:
        """What else there is to say."""
        return "the query is one of its crops" if self.holds_query else ""


def rank_tracks(
    query: Array,
    tracks: Sequence[PersonTrack],
    count: int = 10,
    *,
    threshold: Threshold | None = None,
    files: Sequence[str | Path] = (),
) -> list[list[RankedTrack]]:
    """For each query the `count` most similar tracks, the most similar first.

    Args:
        query: features `[query, feature]` of any length.
        tracks: `dgnet.pooled_tracks` gives those of a gallery; their features are of the same model as the queries'.
        count: at least 1; all tracks where there are fewer.
        threshold: decides which tracks are called the same person (`Calibration.at` gives one).
        files: those of the queries, where they have some: a track that a query was cut from says so.

    Raises:
        UserError: no tracks, features that are not finite or of two lengths, times that are negative, not finite or
            end before they begin, a count below 1, or files of more or fewer queries.

    Example:
        >>> from dgnet import pooled_tracks
        >>> from eval import rank_tracks
        >>> from reid_heads import load_model
        >>> model = load_model("outputs/bnneck")
        >>> tracks = pooled_tracks("people", model.embed)  # doctest: +SKIP
        >>> best = rank_tracks(model.embed(["photograph.jpg"]), tracks)[0][0]  # doctest: +SKIP
        >>> best.place, best.when, best.similarity  # doctest: +SKIP
        ('camera 2 (hall)', '0:12.4 to 0:20.1', 0.91)
    """
    _require_spans(tracks)
    nearest = nearest_in_gallery(query, _features(tracks), count)
    if files and len(files) != len(nearest.indices):
        raise UserError(f"files must be those of the {len(nearest.indices)} queries, got {len(files)}")
    folders: list[Path | None] = [user_path(file).resolve().parent for file in files]
    folders = folders or [None] * len(nearest.indices)
    return [
        [
            RankedTrack(
                rank,
                similarity,
                tracks[place],
                threshold.verdict(similarity) if threshold else "",
                threshold is not None and similarity >= threshold.similarity,
                tracks[place].best.resolve().parent == folder,
            )
            for rank, (place, similarity) in enumerate(zip(places, similarities, strict=True), 1)
        ]
        for folder, places, similarities in zip(
            folders, nearest.indices.tolist(), nearest.similarities.tolist(), strict=True
        )
    ]


def count_further(query: Array, tracks: Sequence[PersonTrack], count: int, threshold: Threshold | None) -> list[int]:
    """For each query, how many tracks beyond the `count` most similar are called the same person; 0 without a
    threshold."""
    rows = as_numpy(checked_features("query", query))
    if threshold is None:
        return [0] * len(rows)
    unit = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), _TINY)
    same = (unit @ _features(tracks).T >= threshold.similarity).sum(1)
    return [max(0, int(number) - count) for number in same]


def _require_spans(tracks: Sequence[PersonTrack]) -> None:
    for track in tracks:
        begin, end = span_of(track)
        if not 0 <= begin <= end < math.inf:
            raise UserError(
                f"tracks must begin at 0 or later and end after that, got {begin:g} to {end:g} of track {track.track} "
                f"of {track.source!r}"
            )


def _features(tracks: Sequence[PersonTrack]) -> Float[np.ndarray, "track feature"]:
    if not tracks:
        raise UserError("tracks must hold one or more, got none")
    return np.stack([track.feature for track in tracks])
