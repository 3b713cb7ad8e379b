"""The tracks of a gallery of people: one feature for each, and where and when its person was seen."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
from jaxtyping import Float
from tqdm import tqdm

from dgnet.core.content import content_hashes
from dgnet.core.errors import UserError
from dgnet.core.files import user_path
from dgnet.core.operating_point import OperatingPoint
from dgnet.video.box_files import read_boxes
from dgnet.video.gallery import BOXES, TABLE, TIMES, Crop, read_gallery, seconds_of

# Files of images -> features [image, feature].
Embed = Callable[[Sequence[Path]], np.ndarray]
TrackKey = tuple[str, int]  # source, track

_log = logging.getLogger(__name__)
_BATCH = 256
_TINY = np.finfo(np.float64).tiny
# A crop of which nothing is seen counts a little: the track may have no other.
_LEAST_QUALITY = 1e-3


@dataclass(frozen=True)
class Track:
    """A track of a gallery: the direction of its mean feature, weighted by quality, and when it was seen.

    Attributes:
        feature: of unit length `[feature]`.
        frames: those that it has boxes on, from `first` to `last`.
        begin, end: seconds of `first` and `last` since the source began; None for a source without a clock. Those of
            its first and last crop in a gallery of an earlier version, which did not keep the times of all frames.
        identity: its person's number in the gallery.
        best: the crop on which most of the person is seen, the largest of these.
    """

    source: str
    track: int
    camera: int
    identity: int
    feature: Float[np.ndarray, " feature"]
    frames: frozenset[int]
    first: int
    last: int
    begin: float | None
    end: float | None
    best: Path

    @property
    def key(self) -> TrackKey:
        """Its source and its number there."""
        return self.source, self.track


@dataclass
class _Sums:
    """The sums over the rows of a track so far."""

    best: Crop
    total: np.ndarray
    frames: set[int] = field(default_factory=set)
    times: list[float] = field(default_factory=list)  # the first and the last, as far as known

    def add(self, row: Crop, weighted: np.ndarray) -> None:
        self.total += weighted
        self.frames.add(row.frame)
        self.add_time(row.time)
        if _visibility(row) > _visibility(self.best):
            self.best = row

    def add_time(self, time: float | None) -> None:
        if time is not None:
            self.times = [min([*self.times, time]), max([*self.times, time])]


def pooled_tracks(gallery: str | Path, embed: Embed) -> list[Track]:
    """The tracks of a gallery in the order of their first rows; the features of a batch are in memory at a time.

    Args:
        gallery: the folder, made by tools/find_people.py.
        embed: the features of crops, such as `reid_heads.load_model(...).embed`.

    Raises:
        UserError: `gallery` is none or empty, or a crop cannot be read.

    Example:
        >>> tracks = pooled_tracks("people", model.embed)  # doctest: +SKIP
        >>> tracks[0].source, tracks[0].begin  # doctest: +SKIP
        ('hall', 12.4)
    """
    gallery = user_path(gallery)
    by_track: dict[TrackKey, _Sums] = {}
    rows = read_gallery(gallery)
    with tqdm(unit="crop", delay=1, disable=None) as bar:
        while batch := list(islice(rows, _BATCH)):
            features = embed([row.path for row in batch]).astype(np.float64)
            lengths = np.linalg.norm(features, axis=1, keepdims=True)
            for row, feature in zip(batch, features / np.maximum(lengths, _TINY), strict=True):
                sums = by_track.setdefault((row.source, row.track), _Sums(row, np.zeros_like(feature)))
                sums.add(row, feature * max(row.quality, _LEAST_QUALITY))
            bar.update(len(batch))
    if not by_track:
        raise UserError(f"{gallery / TABLE}: must hold people, it has no rows")
    _add_boxes(gallery, by_track)
    tracks = [_track(key, sums) for key, sums in by_track.items()]
    if len(tracks) > 1 and all(np.array_equal(track.feature, tracks[0].feature) for track in tracks):
        _log.warning(
            "warning: the features of all %d tracks of %s are the same: the model tells none apart, and any order of "
            "them says nothing",
            len(tracks),
            gallery,
        )
    return tracks


def remarks_on_tracks(point: OperatingPoint, gallery: Path, workers: int | None = None) -> list[str]:
    """What the verdicts on the tracks of a gallery are worth, a sentence each; the crops are read for it."""
    content = content_hashes([row.path for row in read_gallery(gallery)], workers) if point.calibration else ()
    return point.remarks(gallery, content, tracks=True)


def _add_boxes(gallery: Path, by_track: dict[TrackKey, _Sums]) -> None:
    """Add the frames and times of boxes without a crop to their tracks: not every box was cut out."""
    for source in dict.fromkeys(source for source, _ in by_track):
        table = read_boxes(gallery / source / BOXES)
        for frame, track in zip(table.frames.tolist(), table.boxes.tracks.tolist(), strict=True):
            if (source, track) in by_track:
                by_track[source, track].frames.add(frame)
        times = _times_of_frames(gallery / source / TIMES)
        if times is None:
            continue
        for sums in (sums for key, sums in by_track.items() if key[0] == source):
            for frame in (min(sums.frames), max(sums.frames)):
                if frame >= len(times):
                    raise UserError(f"{gallery / source / TIMES}: damaged, it has no line for frame {frame}")
                sums.add_time(times[frame])


def _times_of_frames(path: Path) -> list[float | None] | None:
    """Seconds of each frame; None where the file is not there. `UserError` where it is damaged."""
    if not path.is_file():
        return None
    times: list[float | None] = []
    latest = 0.0
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        try:
            time = seconds_of(line)
            if time is not None and time < latest:
                raise ValueError(f"times must be in order, got {time:g} s after {latest:g} s")
        except ValueError as error:
            raise UserError(f"{path}, line {number}: damaged ({error})") from error
        latest = latest if time is None else time
        times.append(time)
    return times


def _track(key: TrackKey, sums: _Sums) -> Track:
    begin, end = sums.times or (None, None)
    return Track(
        source=key[0],
        track=key[1],
        camera=sums.best.camera,
        identity=sums.best.identity,
        feature=sums.total / max(float(np.linalg.norm(sums.total)), _TINY),
        frames=frozenset(sums.frames),
        first=min(sums.frames),
        last=max(sums.frames),
        begin=begin,
        end=end,
        best=sums.best.path,
    )


def _visibility(row: Crop) -> tuple[float, float]:
    """How well a crop shows its person."""
    return row.quality, row.place[2] * row.place[3]
