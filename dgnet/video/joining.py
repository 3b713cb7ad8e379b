"""Tracks of one person get one identity, across gaps and cameras, by the mean features of their crops."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from dgnet.core.calibration import HIGHEST
from dgnet.core.errors import UserError
from dgnet.video.claim import lock_gallery, release
from dgnet.video.gallery import check_gallery, renumber_identities
from dgnet.video.tracks import Embed, Track, pooled_tracks

_NEVER = 4.0  # more than any distance of cosines, which is at most 2


def join_tracks(gallery: Path, embed: Embed, threshold: float) -> tuple[int, int]:
    """Give the tracks of a gallery that show one person one identity; the numbers of tracks and of identities.

    Tracks are clustered by complete linkage: all tracks of an identity are at least as similar to each other (cosine of
    mean features) as `threshold`. Two tracks of one source that were seen on the same frame are two people. Identities
    are numbered by their first row. Memory grows with the square of the number of tracks.

    Args:
        embed: the features of crops.
        threshold: -1 to 1.

    Raises:
        UserError: `gallery` is none, another process writes into it, or a crop cannot be read.
    """
    check_gallery(gallery)
    # A source that another process adds meanwhile would have no identities.
    lock = lock_gallery(gallery)
    try:
        tracks = pooled_tracks(gallery, embed)
        identities = identities_of(np.stack([track.feature for track in tracks]), _apart(tracks), threshold)
        identity = {track.key: number for track, number in zip(tracks, identities, strict=True)}
        renumber_identities(gallery, lambda source, track: identity[source, track])
    finally:
        release(gallery, lock)
    return len(tracks), len(set(identities))


def _apart(tracks: Sequence[Track]) -> Bool[np.ndarray, "track track"]:
    """Which pairs were seen on one frame of one source."""
    apart = np.zeros((len(tracks), len(tracks)), bool)
    for row, one in enumerate(tracks):
        for column, other in enumerate(tracks[:row]):
            overlap = one.source == other.source and one.first <= other.last and other.first <= one.last
            apart[row, column] = apart[column, row] = overlap and not one.frames.isdisjoint(other.frames)
    return apart


def identities_of(
    features: Float[np.ndarray, "track feature"], apart: Bool[np.ndarray, "track track"], threshold: float
) -> list[int]:
    """The identity of each track, numbered 1, 2, ... in order of appearance; `apart` pairs never share one.

    >>> import numpy as np
    >>> identities_of(np.array([[1.0, 0], [0.0, 1], [1.0, 0]]), np.zeros((3, 3), bool), 0.5)
    [1, 2, 1]
    """
    if not -1 <= threshold <= HIGHEST:
        raise UserError(f"the threshold must be a cosine from -1 to 1, got {threshold:g}")
    if len(features) == 1:
        return [1]
    distances = np.where(apart, _NEVER, np.clip(1 - features @ features.T, 0, 2))
    np.fill_diagonal(distances, 0)
    labels = fcluster(linkage(squareform(distances, checks=False), "complete"), 1 - threshold, "distance")
    numbers: Mapping[int, int] = {label: number for number, label in enumerate(dict.fromkeys(labels.tolist()), 1)}
    return [numbers[label] for label in labels.tolist()]
