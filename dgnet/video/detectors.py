"""Where people are on a frame: from a file of boxes, or from a network."""

from typing import Protocol, runtime_checkable

from dgnet.video.box_files import BoxTable
from dgnet.video.boxes import Boxes
from dgnet.video.frames import Frame


@runtime_checkable
class Detector(Protocol):
    """Boxes of people on a frame, in pixels of its upright picture."""

    name: str

    def boxes(self, frame: Frame) -> Boxes:
        """The boxes; none on a frame whose picture is damaged."""

    def remarks(self, frames: int) -> list[str]:
        """What a user should know after so many frames, a sentence each."""


class BoxFile:
    """Boxes from a file; no picture is read."""

    def __init__(self, table: BoxTable) -> None:
        self.name, self._table = table.path.name, table

    def boxes(self, frame: Frame) -> Boxes:
        """Those of the frame with this number."""
        return self._table.of(frame.index)

    def remarks(self, frames: int) -> list[str]:
        """Boxes on frames that the source does not have, or none on the second half of those that it has."""
        count, last = self._table.after(frames), frames - 1 + self._table.first_frame
        if not count:
            latest = int(self._table.frames[-1])
            if 2 * (latest + 1) > frames:
                return []
            return [
                f"{self._table.path}: the last boxes are on frame {latest + self._table.first_frame}, and there are "
                f"{frames} frames: do its numbers count all of them, also those that a detector passed over?"
            ]
        words = f"{self._table.path}: {count} boxes are on frames after {last}, the last"
        shifted = not len(self._table.of(0))
        return [words + (", and none is on the first: --first-frame tells from which number on it counts" * shifted)]
