"""The boxes of one frame, what is cut out of the picture for each, and how much of each person can be seen."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, Int64

NO_TRACK = -1


@dataclass(frozen=True)
class Boxes:
    """Boxes in one frame, in the order of the file or the detector.

    Attributes:
        places: left, top, width and height in pixels of the upright picture. They may reach beyond it.
        scores: the detector's; NaN where it gives none.
        tracks: 0 and more, -1 (`NO_TRACK`) without one.
        rows: where each stands: its line in a file, counted from 1, or its place among a detector's boxes of the frame.
    """

    places: Float64[np.ndarray, "box 4"]
    scores: Float64[np.ndarray, " box"]
    tracks: Int64[np.ndarray, " box"]
    rows: Int64[np.ndarray, " box"]

    def __len__(self) -> int:
        return len(self.places)

    def chosen(self, which: np.ndarray) -> "Boxes":
        """Those that an array of booleans or positions names."""
        return Boxes(self.places[which], self.scores[which], self.tracks[which], self.rows[which])


def boxes_of(places: np.ndarray, scores: np.ndarray | None = None) -> Boxes:
    """Boxes `[box, 4]` (left, top, width, height) without tracks; `scores` `[box]`, or None where there are none.

    >>> import numpy as np
    >>> len(boxes_of(np.array([[10.0, 20, 30, 80]])))
    1
    """
    count = len(places)
    return Boxes(
        np.asarray(places, np.float64).reshape(count, 4),
        np.full(count, np.nan) if scores is None else np.asarray(scores, np.float64),
        np.full(count, NO_TRACK, np.int64),
        np.arange(count, dtype=np.int64),
    )


def pixels_of(place: np.ndarray, height: int, width: int) -> tuple[slice, slice] | None:
    """Rows and columns of a picture that a box covers, rounded to whole pixels; None where it is outside.

    >>> import numpy as np
    >>> pixels_of(np.array([-5.0, 10, 20, 40]), 480, 640)
    (slice(10, 50, None), slice(0, 15, None))
    >>> pixels_of(np.array([700.0, 10, 20, 40]), 480, 640) is None
    True
    """
    left, top, right, bottom = place[0], place[1], place[0] + place[2], place[1] + place[3]
    # A box far outside may have numbers that no integer of an index holds.
    left, right = (round(float(np.clip(edge, 0, width))) for edge in (left, right))
    top, bottom = (round(float(np.clip(edge, 0, height))) for edge in (top, bottom))
    return (slice(top, bottom), slice(left, right)) if bottom > top and right > left else None


def visible_shares(places: Float64[np.ndarray, "box 4"], height: int, width: int) -> Float[np.ndarray, " box"]:
    """How much of each box can be seen, 0 to 1: what lies inside the picture and is covered by no box nearer to the
    camera. The nearer of two people is the one whose box ends lower.

    It is what boxes alone can tell. A box is larger than its person, so people are seen a little better than this says.

    >>> import numpy as np
    >>> person, half_outside = [100.0, 100, 40, 80], [-20.0, 100, 40, 80]
    >>> visible_shares(np.array([person, half_outside]), 480, 640).tolist()
    [1.0, 0.5]
    """
    shares = np.zeros(len(places))
    bottoms = places[:, 1] + places[:, 3]
    for number, place in enumerate(places):
        rectangle = pixels_of(place, height, width)
        if rectangle is None:
            continue
        rows, columns = rectangle
        seen = np.ones((rows.stop - rows.start, columns.stop - columns.start), bool)
        for other in np.flatnonzero(bottoms > bottoms[number]):
            cover = pixels_of(places[other], height, width)
            if cover is not None:
                # Indices that begin before the box would count from its end.
                above, before = (max(0, part.start - whole.start) for part, whole in zip(cover, rectangle, strict=True))
                below, after = (max(0, part.stop - whole.start) for part, whole in zip(cover, rectangle, strict=True))
                seen[above:below, before:after] = False
        inside = np.clip(bottoms[number], 0, height) - np.clip(place[1], 0, height)
        across = np.clip(place[0] + place[2], 0, width) - np.clip(place[0], 0, width)
        shares[number] = seen.mean() * inside * across / (place[2] * place[3])
    return shares
