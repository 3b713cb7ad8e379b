"""What the people on a frame look like, and how it takes part in linking boxes into tracks."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from dgnet.video.boxes import Boxes, pixels_of, visible_shares
from dgnet.video.frames import Picture

# Crops of one frame, uint8 RGB [height, width, 3] of any sizes -> features [crop, feature].
EmbedCrops = Callable[[Sequence[UInt8[np.ndarray, "_height _width 3"]]], np.ndarray]

RULE = 2  # the number of this rule: works and figures of another one are not continued
_LEAST_OVERLAP = 0.1  # appearance assigns no track to a box that is elsewhere
_PLAIN = 0.5  # overlap from which a track and a box that have no other choice belong together without a look
_WEIGHT = 2.0  # of appearance beside overlap
_MEMORABLE = 0.5  # visible share of a box from which its track remembers it: the others show the people before it
_TIME_CONSTANT = 1.0  # seconds of the moving average of a track's features: people turn, and the light on them changes
_UPDATE_AFTER = 0.3  # seconds after which a track's features are updated in any case: neighboring frames look alike
_TINY = np.finfo(np.float64).tiny


class Appearance:
    """What the boxes of a frame show. Features are computed when they are asked for, each once.

    Attributes:
        visible: how much of each person can be seen, 0 to 1 `[box]`.
    """

    def __init__(self, picture: Picture, boxes: Boxes, embed: EmbedCrops) -> None:
        height, width = picture.shape[:2]
        self.visible = visible_shares(boxes.places, height, width)
        self._picture, self._embed = picture, embed
        self._pixels = [pixels_of(place, height, width) for place in boxes.places]
        self._known: dict[int, np.ndarray] = {}

    def knows(self, box: int) -> bool:
        """Whether the features of a box are there already."""
        return box in self._known

    def features(self, boxes: Sequence[int]) -> Mapping[int, Float[np.ndarray, " feature"]]:
        """Features of unit length by box. Boxes outside of the picture have none."""
        crops = {
            box: self._picture[pixels]
            for box in boxes
            if box not in self._known and (pixels := self._pixels[box]) is not None
        }
        if crops:
            found = np.asarray(self._embed(list(crops.values())), np.float64)
            found /= np.maximum(np.linalg.norm(found, axis=1, keepdims=True), _TINY)
            self._known |= dict(zip(crops, found, strict=True))
        return {box: self._known[box] for box in boxes if box in self._known}


class AppearanceOverlap:
    """The overlap of tracks and boxes that a tracker of `trackers` is given in place of the plain one (its `iou`).

    overlap + 2 * visible share of the box * (cosine of track and box - `similarity`): boxes that overlap two tracks go
    to the one that looks like them, and a box that looks like somebody else may be refused. A box of which little can
    be seen shows the people before it, so there the overlap decides, and the track does not come to look like it.
    Features are computed where there is a choice, the overlap is less than half (somebody else may have come into the
    place), or the track was lost; those of a track are the mean over its boxes of about the last second of which half
    or more could be seen, weighted by visible share; of its first box until then.

    Args:
        overlap: corners of tracks [track, 4] and of boxes [box, 4] -> intersection over union [track, box].
        similarity: the cosine from which two pictures are of one person, -1 to 1.
    """

    def __init__(self, overlap: Callable[[np.ndarray, np.ndarray], np.ndarray], similarity: float | int) -> None:
        self._overlap, self._similarity = overlap, similarity
        self._tracker: Any = None
        self._corners = np.zeros((0, 4))
        self._appearance: Appearance | None = None
        # Track -> its mean feature, and the time of the last update.
        self._remembered: dict[int, tuple[np.ndarray, float]] = {}

    def begin_frame(self, tracker: Any, corners: Float[np.ndarray, "box 4"], appearance: Appearance | None) -> None:
        """Tell the boxes of the frame that `tracker` will be given next; without `appearance` overlap alone counts."""
        self._tracker, self._corners, self._appearance = tracker, corners, appearance

    def compute(self, tracks: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        """`[track, box]`; the tracker calls it with the corners of its predictions, and of all or some boxes of the
        frame. Where there are none OC-SORT gives `[0]`, not `[0, 4]`."""
        if not len(tracks) or not len(boxes):
            return np.zeros((len(tracks), len(boxes)))
        result = np.asarray(self._overlap(tracks, boxes), np.float64)
        if self._appearance is None or not self._remembered:
            return result
        # The library tells places only, and they are as they were given.
        states = np.array([track.get_state_bbox() for track in self._tracker.tracks])
        chosen = [self._tracker.tracks[place] for place in _positions(tracks, states)]
        places = _positions(boxes, self._corners)
        possible = result >= _LEAST_OVERLAP
        lost = np.array([track.time_since_update > 1 for track in chosen])
        choice = (possible.sum(1, keepdims=True) > 1) | (possible.sum(0) > 1)
        doubtful = possible & (choice | lost[:, None] | (result < _PLAIN))
        features = self._appearance.features([places[box] for box in np.flatnonzero(doubtful.any(0))])
        for row, column in np.argwhere(doubtful):
            known, box = self._remembered.get(chosen[row].tracker_id), places[column]
            if known is not None and box in features:
                cosine = known[0] @ features[box] / max(float(np.linalg.norm(known[0])), _TINY)
                result[row, column] += _WEIGHT * self._appearance.visible[box] * (cosine - self._similarity)
        return result

    def end_frame(self, numbers: Sequence[int], time: float) -> None:
        """Remember what the boxes of the frame look like: the tracker's numbers of their tracks, -1 without."""
        alive = {track.tracker_id for track in self._tracker.tracks}
        self._remembered = {number: value for number, value in self._remembered.items() if number in alive}
        if self._appearance is None:
            return
        of_boxes = {box: number for box, number in enumerate(numbers) if number >= 0}
        due = [
            box
            for box, number in of_boxes.items()
            if number not in self._remembered
            or self._appearance.visible[box] >= _MEMORABLE
            and (self._appearance.knows(box) or time - self._remembered[number][1] >= _UPDATE_AFTER)
        ]
        for box, feature in self._appearance.features(due).items():
            number, seen = of_boxes[box], self._appearance.visible[box] * feature
            if number in self._remembered:
                before, then = self._remembered[number]
                kept = math.exp(-min(time - then, _UPDATE_AFTER) / _TIME_CONSTANT)
                seen = kept * before + (1 - kept) * seen
            self._remembered[number] = seen, time


def _positions(some: Float[np.ndarray, "some 4"], whole: Float[np.ndarray, "all 4"]) -> list[int]:
    """Where each row of `some` stands in `whole`."""
    return [int(place) for place in (some[:, None] == whole[None]).all(-1).argmax(1)]
