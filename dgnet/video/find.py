"""From frames to a gallery of people, as `tools/find_people.py` finds them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from tqdm import tqdm

from dgnet.core.errors import UserError
from dgnet.video.appearance import Appearance, EmbedCrops
from dgnet.video.boxes import Boxes
from dgnet.video.detectors import Detector
from dgnet.video.frames import Frame, Source
from dgnet.video.linking import Linker
from dgnet.video.source_writer import SourceWriter


@dataclass(frozen=True)
class FoundPeople:
    """What was found in a source.

    Attributes:
        finished: False where it was stopped before the end; nothing is in the gallery then.
        summary: what stands in the source's `source.json`; empty where it was stopped.
        remarks: what a user should know, a sentence each.
    """

    finished: bool
    summary: Mapping[str, Any]
    remarks: tuple[str, ...]


def find_people(
    source: Source,
    detector: Detector,
    linker: Linker,
    writer: SourceWriter,
    *,
    embed: EmbedCrops | None = None,
    camera: int | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    ends_when_stopped: bool = False,
) -> FoundPeople:
    """Detect, link and write frame after frame, then add the source to the gallery.

    Frames that are finished already are decoded and linked again, from the boxes as they were, so that a resumed work
    ends like one that was never stopped.

    Args:
        embed: the features of crops, for a linker that links by appearance.
        camera: its number in the gallery; the next one by default.
        should_stop: asked after every frame.
        ends_when_stopped: a camera cannot be resumed: what was found so far is the result.

    Raises:
        UserError: as the source, the detector, the linker and `SourceWriter.finish`.
    """
    try:
        finished = _write_frames(source, detector, linker, embed, writer, should_stop)
    except UserError:
        writer.discard()  # the same would happen again
        raise
    if not finished and not ends_when_stopped:
        writer.close()
        return FoundPeople(False, {}, ())
    remarks = [*source.remarks(), *detector.remarks(writer.last + 1), *writer.remarks()]
    about = {"source": source.place, "boxes_from": detector.name, "tracks_by": linker.name, "remarks": remarks}
    summary = writer.finish(camera, about)
    return FoundPeople(True, summary, tuple(remarks))


def _write_frames(
    source: Source,
    detector: Detector,
    linker: Linker,
    embed: EmbedCrops | None,
    writer: SourceWriter,
    should_stop: Callable[[], bool],
) -> bool:
    """Whether the source came to its end."""

    def linked(frame: Frame, boxes: Boxes) -> Boxes:
        if embed is None or not linker.by_appearance or not len(boxes) or (picture := frame.read()) is None:
            return linker.link(boxes, frame.time)
        return linker.link(boxes, frame.time, Appearance(picture, boxes, embed))

    begun, finished = writer.last + 1, writer.detections()
    frames = source.frames()
    with tqdm(total=source.expected(), unit="frame", delay=1, disable=None) as bar:
        for frame in islice(frames, begun):
            linked(frame, next(finished))
            bar.update()
        for frame in frames:
            detected = detector.boxes(frame)
            writer.add(frame, detected, linked(frame, detected))
            bar.update()
            if should_stop():
                return False
    return True
