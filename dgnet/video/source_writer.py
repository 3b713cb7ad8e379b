"""What a source adds to a gallery: written frame by frame into a hidden folder, and moved in when the source has ended.

GALLERY/.progress/SOURCE/request.json   what was asked for: a resumed work must be the same
    frames.csv      of each finished frame its time, size and counts (`dgnet.video.frame_log`)
    detections.csv  all boxes as they were detected, for the linking of a resumed work
    rows.csv        the rows for people.csv, without identities
    boxes.txt       every box that has a track
    result/         what becomes GALLERY/SOURCE
"""

import csv
import io
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from dgnet.core.errors import UserError
from dgnet.core.files import disk_errors_name, replace_text, replacing
from dgnet.video.box_files import mot_line
from dgnet.video.boxes import NO_TRACK, Boxes, pixels_of, visible_shares
from dgnet.video.claim import PROGRESS, claim_source, release
from dgnet.video.frame_log import FrameLog
from dgnet.video.frames import Frame
from dgnet.video.gallery import ABOUT, BOXES, COLUMNS, OF_THE_GALLERY, TIMES, extend_table

RESULT = "result"
DETECTIONS, ROWS = "detections.csv", "rows.csv"
_JPEG_QUALITY = 95
# The share of a box that lies in its picture, as a rule.
_INSIDE = 0.9


class SourceWriter:
    """Writes what is found in a source; `finish` adds it to the gallery.

    Args:
        gallery: its folder, which may not be there yet.
        name: of the source in it.
        request: what was asked for, for `request.json`.
        resume: whether a work that was begun goes on.
        every: seconds between two crops of a track, at least.

    Raises:
        UserError: the gallery already holds a source of this name, it was begun and `resume` is False, or it was begun
            with another request.
    """

    def __init__(
        self, gallery: Path, name: str, request: Mapping[str, Any], *, resume: bool, every: float | int = 0
    ) -> None:
        self._gallery, self._name, self._every, self._content = gallery, name, every, request.get("content")
        self._folder = gallery / PROGRESS / name
        self._result = self._folder / RESULT
        self._lock = claim_source(gallery, name, request, resume=resume)
        self._result.mkdir(exist_ok=True)
        self._log = FrameLog(self._folder, (DETECTIONS, ROWS, BOXES))
        self._latest: dict[str, float] = {}
        if every:
            for row in self._rows():
                self._latest[row["track"]] = float(row["time"])

    @property
    def last(self) -> int:
        """The last frame that is finished, -1 for none: a resumed work goes on after it."""
        return self._log.last

    def detections(self) -> Iterator[Boxes]:
        """The boxes of the finished frames, as they were given to `add`."""
        for part in self._log.parts(DETECTIONS):
            values = np.array([line.split(",") for line in part.splitlines()], dtype=np.str_).reshape(-1, 7)
            numbers, whole = values[:, :5].astype(np.float64), values[:, 5:].astype(np.int64)
            yield Boxes(numbers[:, :4], numbers[:, 4], whole[:, 0], whole[:, 1])

    def add(self, frame: Frame, detected: Boxes, linked: Boxes) -> None:
        """Write a frame: its boxes as they were detected, and the crops and boxes of those that have a track.

        `UserError` for a frame without a time where crops have a distance in time.
        """
        if self._every and frame.time is None:
            raise UserError(
                f"{self._name}: --crop-every {self._every:g} is in seconds, and its frames have no times; leave it "
                "out, or give --frame-rate for a folder of frames"
            )
        columns = np.column_stack([detected.places, detected.scores]).tolist()
        for numbers, track, row in zip(columns, detected.tracks.tolist(), detected.rows.tolist(), strict=True):
            # repr gives every digit: the linking of a resumed work sees the same numbers.
            self._log.append(DETECTIONS, f"{','.join(map(repr, numbers))},{track},{row}\n")
        linked = linked.chosen(linked.tracks != NO_TRACK)
        for place, track, score in zip(linked.places, linked.tracks.tolist(), linked.scores.tolist(), strict=True):
            self._log.append(BOXES, mot_line(frame.index, track, place, score))
        seconds = "" if frame.time is None else f"{frame.time:.6f}"
        size, outside = self._add_crops(frame, linked, seconds)
        self._log.end_frame(seconds, size, len(detected), len(linked), outside)

    def _add_crops(self, frame: Frame, boxes: Boxes, seconds: str) -> tuple[str, int]:
        """The size of the picture where it was read, and how many boxes lie outside of it."""
        picture = frame.read() if len(boxes) else None
        if picture is None:
            return "", 0
        height, width = picture.shape[:2]
        shares, outside = visible_shares(boxes.places, height, width), 0
        for place, track, score, share in zip(boxes.places, boxes.tracks, boxes.scores, shares, strict=True):
            pixels = pixels_of(place, height, width)
            if pixels is None:
                outside += 1
            elif self._is_due(str(track), frame.time):
                path = f"{track:06d}/{frame.index:08d}.jpg"
                self._save(self._result / path, picture[pixels])
                box = ",".join(f"{value:.10g}" for value in place)
                confidence = "" if np.isnan(score) else f"{score:.10g}"
                row = f"{path},{track},{frame.index},{seconds},{box},{confidence},{share:.4f}\n"
                self._log.append(ROWS, row)
        return f"{width}x{height}", outside

    def _is_due(self, track: str, time: float | None) -> bool:
        """Whether the last crop of a track is old enough for another."""
        if time is None or not self._every:
            return True
        if track in self._latest and time < self._latest[track] + self._every:
            return False
        self._latest[track] = time
        return True

    def _save(self, path: Path, pixels: np.ndarray) -> None:
        # In memory first: Pillow does not notice where a part of a JPEG file is all that a full disk takes.
        encoded = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(pixels)).save(encoded, "JPEG", quality=_JPEG_QUALITY, subsampling=0)
        with disk_errors_name(path):
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(encoded.getvalue())

    def remarks(self) -> list[str]:
        """That most boxes do not lie in the picture, or are no people's who stand: they are not those of it, it
        seems."""
        # Images of a folder may have sizes of their own.
        frames, last, size = self._log.frames(), -1, ""
        rows, beyond, wide = 0, 0, 0
        for row in self._rows():
            while last < int(row["frame"]):
                last, size = last + 1, next(frames)[1]
            corner, extent = ([float(row[name]) for name in names] for names in (("left", "top"), ("width", "height")))
            ends = [min(at + by, int(most)) for at, by, most in zip(corner, extent, size.split("x"), strict=True)]
            inside = [max(0.0, end - max(at, 0.0)) for at, end in zip(corner, ends, strict=True)]
            rows += 1
            wide += extent[0] > extent[1]
            beyond += inside[0] * inside[1] < _INSIDE * extent[0] * extent[1]
        said = []
        if 2 * beyond > rows:
            said.append(
                f"{self._name}: {beyond} of {rows} boxes reach beyond its picture of {size} pixels: are they of "
                "pictures of another size, or two corners each, and not a corner and a size?"
            )
        if 2 * wide > rows:
            said.append(f"{self._name}: {wide} of {rows} boxes are wider than high: are x and y exchanged?")
        return said

    def finish(self, camera: int | None, about: Mapping[str, Any]) -> dict[str, Any]:
        """Add the source to the gallery as the camera of this number, by default the next one. What stands in
        `source.json` comes back: `about`, and what was found.

        `UserError` where nobody was found; nothing is left of the source then.
        """
        self._log.close()
        summary = {**about, **self._summary()}
        if not summary["crops"]:
            self.discard()
            raise UserError(_why_nothing(self._name, summary))
        target = self._gallery / self._name
        if not target.exists():
            shutil.copyfile(self._folder / BOXES, self._result / BOXES)
            if summary["last_time"] is not None:
                with replacing(self._result / TIMES) as file:
                    file.writelines(f"{values[0]}\n".encode() for values in self._log.frames())
            about_it = {**summary, "content": self._content}
            replace_text(self._result / ABOUT, json.dumps(about_it, indent=2) + "\n")
            os.rename(self._result, target)
        extend_table(self._gallery, self._name, self._rows, camera)
        self.discard()
        return summary

    def close(self) -> None:
        """Close the files; what was added stays for a resumed work."""
        self._log.close()
        self._lock.close()

    def discard(self) -> None:
        """Remove what is not a part of the gallery."""
        self._log.close()
        shutil.rmtree(self._folder)
        release(self._gallery, self._lock)

    def _rows(self) -> Iterator[dict[str, str]]:
        names = [name for name in COLUMNS if name not in OF_THE_GALLERY]
        with open(self._folder / ROWS, encoding="utf-8", newline="") as file:
            yield from csv.DictReader(file, names)

    def _summary(self) -> dict[str, Any]:
        frames, boxes, linked, outside, seconds, size = 0, 0, 0, 0, None, ""
        for values in self._log.frames():
            frames += 1
            seconds = float(values[0]) if values[0] else seconds
            size = values[1] or size
            boxes, linked, outside = boxes + int(values[2]), linked + int(values[3]), outside + int(values[4])
        tracks, crops = set(), 0
        for row in self._rows():
            tracks.add(row["track"])
            crops += 1
        return {
            "frames": frames,
            "last_time": seconds,
            "size": size,
            "boxes": boxes,
            "boxes_with_track": linked,
            "boxes_outside": outside,
            "tracks": len(tracks),
            "crops": crops,
        }


def _why_nothing(name: str, summary: Mapping[str, Any]) -> str:
    if summary["boxes_outside"]:
        return f"{name}: all {summary['boxes_outside']} boxes lie outside of its picture of {summary['size']} pixels"
    if summary["boxes"]:
        return f"{name}: none of its {summary['boxes']} boxes has a track, so nobody was found"
    return f"{name}: nobody was found on its {summary['frames']} frames"
