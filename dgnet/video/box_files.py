"""Files of boxes: the MOT-Challenge's text files, and CSV files with named columns, of any detector or tracker.

A frame has the number 0, 1, ... in this program and 1, 2, ... in MOT files: `index_of` and `mot_line` convert, and
nothing else does.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int64

from dgnet.core.errors import AdvisedError, UserError
from dgnet.video.box_rows import REPEATED, WITHOUT_AREA, WITHOUT_TRACK, read_rows
from dgnet.video.boxes import NO_TRACK, Boxes

MOT_FIRST_FRAME = 1
# Boxes that all end within so many pixels are none of people, but shares of the picture.
_SHARES = 2.0


@dataclass(frozen=True)
class BoxTable:
    """All boxes of a file, in the order of frames, and within a frame in the order of the file. 64 bytes a box.

    Attributes:
        path: the file.
        form: what its lines are, for people.
        first_frame: the number that the file gives to the first frame.
        frames: of each box, counted from 0.
        boxes: all of them.
        tracked: whether they have track numbers.
        left_out: reason -> number of rows that are not here.
    """

    path: Path
    form: str
    first_frame: int
    frames: Int64[np.ndarray, " box"]
    boxes: Boxes
    tracked: bool
    left_out: Mapping[str, int]

    def of(self, frame: int) -> Boxes:
        """The boxes of a frame, counted from 0; none for a frame without."""
        first, last = np.searchsorted(self.frames, (frame, frame + 1))
        return self.boxes.chosen(np.arange(first, last))

    def after(self, frames: int) -> int:
        """How many boxes belong to frames that a source of so many frames does not have."""
        return int(len(self.frames) - np.searchsorted(self.frames, frames))

    def __str__(self) -> str:
        tracks = len(np.unique(self.boxes.tracks))
        single = ", of one box each" if tracks == len(self.frames) > 1 else ""
        people = f"{tracks} tracks{single}" if self.tracked else "without track numbers"
        others = "".join(f", {count} {reason} left out" for reason, count in self.left_out.items())
        frames = len(np.unique(self.frames))
        return (
            f"{self.path}: {self.form}; {len(self.frames)} boxes on {frames} frames, counted from {self.first_frame}, "
            f"{people}{others}"
        )


def read_boxes(path: Path, *, first_frame: int | None = None, person_class: int | None = None) -> BoxTable:
    """Read a file of boxes.

    - Lines of 6, 7, 9 or 10 numbers are the MOT-Challenge's: frame, identity (-1 for none), left, top, width, height,
      confidence, and then what is not used (MOT-15: three coordinates) or class and visibility (MOT-16, 17 and 20).
      Commas or spaces separate them; the lines may be in any order, the numbers be written as 1 or 1.0.
    - A CSV file whose first line names columns; `dgnet.video.box_columns` lists the names.

    Rows with confidence 0 (the MOT-Challenge's mark for what does not count), rows of other classes than people, boxes
    without area, boxes without a track number in a file that has some, and boxes at the very place of another one of
    their frame in a file without track numbers take no part; they are counted. Confidences that are all -1 are none.

    Args:
        first_frame: the number of the first frame. By default 1 for MOT-Challenge files and for a CSV file with
            its column names (`bb_left`), 0 for others.
        person_class: the number of people among classes that are numbers: of a CSV file's column, or the eighth number
            of lines of 9 or 10.

    Raises:
        UserError: it is no such file; its classes are others than the MOT-Challenge's, and `person_class` is not given
            (class 0, or a class in lines of 10 numbers as VisDrone's); a number is missing, no number or not finite; a
            frame is before the first one; a track number stands twice in a frame; no box is left.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "gt.txt"
        >>> _ = path.write_text("2,7,499,158,31,75,1,-1,-1,-1\\n1,7,497,158,31,75,1,-1,-1,-1\\n")
        >>> print(read_boxes(path).of(0).places)
        [[497. 158.  31.  75.]]
    """
    rows = read_rows(path, person_class)
    first = rows.first_frame if first_frame is None else first_frame
    left_out: Counter[str] = Counter(rows.left_out)
    keep = np.ones(len(rows.frames), bool)
    if tracked := bool((rows.tracks != NO_TRACK).any()):
        keep = rows.tracks != NO_TRACK
        left_out[WITHOUT_TRACK] += int((~keep).sum())
    flat = keep & ((rows.places[:, 2] <= 0) | (rows.places[:, 3] <= 0))
    left_out[WITHOUT_AREA] += int(flat.sum())
    keep &= ~flat
    if not keep.any():
        reasons = ", ".join(f"{count} {reason}" for reason, count in left_out.items() if count)
        raise UserError(f"{path}: must hold boxes of people, it has none" + (f" ({reasons})" if reasons else ""))
    if not tracked:
        repeated = keep & ~_first_of_each(rows.frames, rows.places, rows.scores)
        left_out[REPEATED] += int(repeated.sum())
        keep &= ~repeated
    edges = rows.places[keep][:, :2] + rows.places[keep][:, 2:]
    if edges.max() <= _SHARES:
        raise UserError(
            f"{path}: its boxes must be in pixels, and all of them end within {edges.max():g} of the picture's corner, "
            "as shares of its width and height do; multiply them by these"
        )
    early = np.flatnonzero(rows.frames < first)
    if len(early):
        raise AdvisedError(
            f"{path}, line {rows.lines[early[0]]}: its frames count from {first}, and this is frame "
            f"{rows.frames[early[0]]}",
            f"--first-frame {rows.frames.min()} says that they count from there",
        )
    scores = rows.scores
    if (scores == -1).all():
        scores = np.full(len(scores), np.nan)
    order = np.flatnonzero(keep)
    order = order[np.argsort(rows.frames[order], kind="stable")]
    frames = index_of(rows.frames[order], first)
    boxes = Boxes(rows.places[order], scores[order], rows.tracks[order], rows.lines[order])
    _refuse_repeated_tracks(path, frames + first, boxes)
    return BoxTable(
        path, rows.form, first, frames, boxes, tracked, {key: value for key, value in left_out.items() if value}
    )


def index_of(number: Int64[np.ndarray, " box"], first_frame: int = MOT_FIRST_FRAME) -> Int64[np.ndarray, " box"]:
    """The frames, counted from 0, of numbers in a file that counts from `first_frame`."""
    return number - first_frame


def mot_line(frame: int, track: int, place: Float64[np.ndarray, "4"], score: float) -> str:
    """A line of the MOT-Challenge's text files (a result of MOT-15 to MOT-20); `frame` counts from 0.

    >>> import numpy as np
    >>> mot_line(0, 7, np.array([497.0, 158, 31.25, 75]), 0.5)
    '1,7,497,158,31.25,75,0.5,-1,-1,-1\\n'
    """
    numbers = ",".join(f"{value:.10g}" for value in place)
    confidence = "-1" if np.isnan(score) else f"{score:.10g}"
    return f"{frame + MOT_FIRST_FRAME},{track},{numbers},{confidence},-1,-1,-1\n"


def truth_line(
    frame: int, person: int, place: Float64[np.ndarray, "4"], counts: bool | np.bool_, visible: float
) -> str:
    """A line of the MOT-Challenge's files of true boxes (2016 to 2020): of a pedestrian, with the visible share.

    >>> import numpy as np
    >>> truth_line(0, 7, np.array([497.0, 158, 31, 75]), True, 0.5)
    '1,7,497,158,31,75,1,1,0.5\\n'
    """
    numbers = ",".join(f"{value:.10g}" for value in place)
    return f"{frame + MOT_FIRST_FRAME},{person},{numbers},{int(counts)},1,{visible:.4g}\n"


def _first_of_each(frames: np.ndarray, places: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Which boxes are the first of those at their very place in a frame, by score: one person would be several."""
    order = np.lexsort((-np.nan_to_num(scores), *places.T, frames))
    keys = np.column_stack([frames, places])[order]
    first = np.ones(len(frames), bool)
    first[order[1:][(keys[1:] == keys[:-1]).all(axis=1)]] = False
    return first


def _refuse_repeated_tracks(path: Path, numbers: np.ndarray, boxes: Boxes) -> None:
    order = np.lexsort((boxes.tracks, numbers))
    same = (np.diff(numbers[order]) == 0) & (np.diff(boxes.tracks[order]) == 0) & (boxes.tracks[order][1:] != NO_TRACK)
    if same.any():
        first, second = order[np.flatnonzero(same)[0] :][:2]
        raise UserError(
            f"{path}: a track number must stand once in a frame, and {boxes.tracks[first]} stands twice in frame "
            f"{numbers[first]} (lines {boxes.rows[first]} and {boxes.rows[second]})"
        )
