"""Boxes of successive frames are linked into tracks: by the numbers in their file, by a tracker, or not at all."""

import importlib
import math
import warnings
from typing import Any, Protocol, runtime_checkable

import numpy as np

from dgnet.core.errors import UserError
from dgnet.video.appearance import Appearance, AppearanceOverlap
from dgnet.video.boxes import NO_TRACK, Boxes

# Name -> the class of the library `trackers`.
TRACKERS = {"bytetrack": "ByteTrackTracker", "ocsort": "OCSORTTracker"}
# A tracker's parameters are for steps of one frame, so it is told the usual rate; it takes the true times besides.
_BUFFER_RATE = 30.0  # in which the library counts how long a track is kept, whatever the rate
_USUAL_RATE, _RATES = 30.0, (1.0, 240.0)
_CERTAIN = 1.0


@runtime_checkable
class Linker(Protocol):
    """Gives the boxes of each frame their tracks; it is called on every frame, on those without boxes too."""

    name: str
    by_appearance: bool  # whether `link` wants to know what the boxes look like

    def link(self, boxes: Boxes, time: float | None, appearance: Appearance | None = None) -> Boxes:
        """The same boxes in the same order, with tracks; -1 where a box belongs to none."""


class GivenTracks:
    """The track numbers that the boxes have."""

    name = "the file's track numbers"
    by_appearance = False

    def link(self, boxes: Boxes, time: float | None, appearance: Appearance | None = None) -> Boxes:
        """The boxes as they are."""
        return boxes


class Unlinked:
    """Every box is a track of its own: photographs, not a film."""

    name = "none"
    by_appearance = False

    def __init__(self) -> None:
        self._next = 1

    def link(self, boxes: Boxes, time: float | None, appearance: Appearance | None = None) -> Boxes:
        """The boxes, numbered on."""
        tracks = np.arange(self._next, self._next + len(boxes), dtype=np.int64)
        self._next += len(boxes)
        return Boxes(boxes.places, boxes.scores, tracks, boxes.rows)


class TrackerLinker:
    """Links by motion and overlap, and on request by appearance, with a tracker of `trackers` (Apache-2.0).

    The boxes stay the detector's: a tracker's own prediction is never stored. A track begins with the second box of a
    person, so the first has none. What the detector is less sure of is linked as the tracker's publication says
    (ByteTrack: scores below 0.6 only continue a track); scores that are no probabilities, all the same or unknown,
    count as certain.

    Args:
        kind: a key of `TRACKERS`.
        gap: seconds after which a person who was not seen is another track.
        rate: frames a second as a rule; 30 where it is not known, or no rate of a film (1 to 240).
        ignore_scores: every box counts as certain.
        begin_score: from which a box may begin a track; the tracker's own number by default. ByteTrack continues tracks
            with all boxes, those up to 0.1 below `begin_score` after the others.
        similarity: the cosine from which two pictures are of one person, by the model that gives `link` its appearance
            (`AppearanceOverlap`); None: motion and overlap alone.

    `UserError` where the library is missing, and in `link` for frames without a time.
    """

    def __init__(
        self,
        kind: str,
        gap: float | int = 1.0,
        *,
        rate: float | int | None = None,
        ignore_scores: bool = False,
        begin_score: float | None = None,
        similarity: float | int | None = None,
    ) -> None:
        if kind not in TRACKERS:
            raise UserError(f"the tracker must be one of {', '.join(TRACKERS)}, got {kind!r}")
        try:
            library, self._detections = importlib.import_module("trackers"), importlib.import_module("supervision")
        except ImportError as error:
            raise UserError("boxes are linked by trackers: pip install trackers (the extra 'video')") from error
        begin = "" if begin_score is None else f", tracks begin at score {begin_score:g}"
        looks = "" if similarity is None else f", by appearance from {similarity:g}"
        self.name, self.by_appearance = f"{kind}, gaps up to {gap:g} s{begin}{looks}", similarity is not None
        scores = {} if begin_score is None else _thresholds(kind, begin_score)
        rate = rate if rate is not None and _RATES[0] <= rate <= _RATES[1] else _USUAL_RATE
        buffer = math.ceil(gap * _BUFFER_RATE)
        overlap = None if similarity is None else AppearanceOverlap(self._detections.box_iou_batch, similarity)
        tracker = getattr(library, TRACKERS[kind])
        self._tracker: Any = tracker(lost_track_buffer=buffer, frame_rate=float(rate), iou=overlap, **scores)
        self._overlap = overlap
        self._ignore_scores = ignore_scores
        self._clock, self._latest = 0.0, -math.inf

    def link(self, boxes: Boxes, time: float | None, appearance: Appearance | None = None) -> Boxes:
        """The boxes with their tracks. A time that is not later than the one before counts as a moment later."""
        if time is None:
            raise UserError(
                "boxes are linked by the times of their frames, and there are none: give --frame-rate for a folder of "
                "frames; a film without times must be put into a container that has some (ffmpeg -framerate RATE -i "
                "film.h264 -c copy film.mkv)"
            )
        self._clock += max(time - self._latest, 1e-3) if self._latest > -math.inf else 0.0
        self._latest = time
        places = boxes.places
        corners = np.column_stack([places[:, :2], places[:, :2] + places[:, 2:]])
        scores = np.full(len(boxes), _CERTAIN) if self._ignore_scores else np.nan_to_num(boxes.scores, nan=_CERTAIN)
        detections = self._detections.Detections(
            xyxy=corners, confidence=scores.astype(np.float32), data={"place": np.arange(len(boxes))}
        )
        if self._overlap is not None:
            self._overlap.begin_frame(self._tracker, corners, appearance)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            linked = self._tracker.update(detections, timestamp=self._clock)
        tracks = np.full(len(boxes), NO_TRACK, np.int64)
        if len(linked):
            tracks[linked.data["place"]] = np.asarray(linked.tracker_id, np.int64)
        if self._overlap is not None:
            self._overlap.end_frame(tracks.tolist(), self._clock)
        # The library counts from 0, the MOT-Challenge from 1.
        tracks = np.where(tracks < 0, NO_TRACK, tracks + 1)
        return Boxes(boxes.places, boxes.scores, tracks, boxes.rows)


def _thresholds(kind: str, begin_score: float) -> dict[str, float]:
    """ByteTrack's two thresholds are 0.1 apart, as published; OC-SORT has one."""
    if kind == "bytetrack":
        return {"track_activation_threshold": begin_score, "high_conf_det_threshold": max(0.0, begin_score - 0.1)}
    return {"high_conf_det_threshold": begin_score}


def scores_are_probabilities(scores: np.ndarray) -> bool:
    """Whether scores tell how sure a detector is: between 0 and 1, and not all the same.

    >>> import numpy as np
    >>> scores_are_probabilities(np.array([0.9, 0.4])), scores_are_probabilities(np.array([2.5, 0.4]))
    (True, False)
    """
    return bool(len(scores) and np.isfinite(scores).all() and 0 <= scores.min() < scores.max() <= 1)
