"""Where and when the person of a photograph was seen, as a part of a page: time lines of the cameras, and a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from jaxtyping import UInt8
from torch import Tensor

from eval.report.page import Frame, Html, HtmlSection, Tile, beside, heading, paragraph, section, table, tile
from eval.report.time_line import TimeLineEntry, clock, time_line

Lane = tuple[int, str]  # camera, source


@dataclass(frozen=True)
class FoundTrack:
    """A track of a gallery that was found for a photograph.

    Attributes:
        rank: from 1.
        similarity: cosine, -1 to 1.
        verdict: whether it is the same person, in words; empty where nothing tells.
        same: whether the verdict is that it is.
        person: the number of its identity in the gallery.
        begin, end: in seconds since the source began, or frames where `timed` is False.
        image: a crop of it, uint8; `file` is its path.
        note: what else there is to say.
    """

    rank: int
    similarity: float | int
    verdict: str
    same: bool
    source: str
    camera: int
    track: int
    person: int
    begin: float | int
    end: float | int
    timed: bool
    image: UInt8[Tensor, "3 _h _w"]
    file: str
    note: str = ""

    @property
    def lane(self) -> Lane:
        """Its camera and source."""
        return self.camera, self.source

    @property
    def place(self) -> str:
        """Its camera and source in words."""
        return place_of(self.lane)

    @property
    def begins(self) -> str:
        """When it begins, in words."""
        return clock(self.begin) if self.timed else f"frame {self.begin:g}"

    @property
    def when(self) -> str:
        """From when to when, in words.

        >>> import torch
        >>> FoundTrack(1, 0.9, "", False, "hall", 2, 7, 3, 61.0, 75.5, True, torch.zeros(3, 4, 2).byte(), "a.jpg").when
        '1:01.0 to 1:15.5'
        """
        return f"{self.begins} to {clock(self.end) if self.timed else f'{self.end:g}'}"

    @property
    def words(self) -> str:
        """All of it, for those who do not see the picture."""
        parts = [f"rank {self.rank}", f"similarity {self.similarity:.3f}", self.verdict, place_of(self.lane), self.when]
        return ", ".join(filter(None, (*parts, self.note)))


def place_of(lane: Lane) -> str:
    """Camera and source in words.

    >>> place_of((2, "hall"))
    'camera 2 (hall)'
    """
    return f"camera {lane[0]} ({lane[1]})"


def found_section(
    title: str, query: Tile, tracks: Sequence[FoundTrack], total: int, ends: Mapping[Lane, float | int], more: int = 0
) -> HtmlSection:
    """The photograph, a time line for each camera and source on which a track was found, and the tracks in a table.

    Args:
        tracks: by rank.
        total: how many tracks the gallery has.
        ends: of every camera and source of the gallery its last time in seconds, or its last frame without a clock.
        more: how many further tracks are called the same person.
    """
    seen = sorted({track.lane for track in tracks})
    others = [place_of(lane) for lane in sorted(ends) if lane not in seen]
    words = [paragraph(f"The {len(tracks)} most similar of the {total} tracks of the gallery.")]
    if any(track.verdict for track in tracks):
        rest = f"; {more} further ones are, too" if more else ""
        words.append(paragraph(f"Called the same person: {sum(track.same for track in tracks)} of them (✓){rest}."))
    if others:
        words.append(paragraph(f"None of them is by {', '.join(others)}."))
    blocks: list[Html] = [beside(tile(query), words)]
    longest = max((ends[track.lane] for track in tracks if track.timed), default=0.0)
    for lane, group in groupby(sorted(tracks, key=lambda track: (track.lane, track.begin)), lambda track: track.lane):
        here = list(group)
        # All clocks have one scale.
        end = longest if here[0].timed else ends[lane]
        blocks += [
            heading(place_of(lane).capitalize()),
            time_line(place_of(lane), list(map(_entry, here)), end, timed=here[0].timed),
        ]
    head = ("rank", "crop", "similarity", *(("same person?",) if any(t.verdict for t in tracks) else ()))
    head = (*head, "when", "camera", "source", "track", "person in the gallery")
    blocks.append(table("The tracks, the most similar first", head, {"": [_row(track) for track in tracks]}))
    return section(title, *blocks)


def _frame(track: FoundTrack) -> Frame:
    return "right" if track.same else ""


def _entry(track: FoundTrack) -> TimeLineEntry:
    mark = " ✓" if track.same else ""
    thumbnail = Tile(track.image, track.words, frame=_frame(track))
    return TimeLineEntry(track.begin, track.end, thumbnail, f"{track.rank}: {track.similarity:.2f}{mark}", track.same)


def _row(track: FoundTrack) -> list[Html | str]:
    verdict = [track.verdict] if track.verdict else []
    name = f"{track.track}" + (f" ({track.note})" if track.note else "")
    cells = [f"{track.similarity:.4f}", *verdict, track.when, str(track.camera), track.source, name, str(track.person)]
    return [str(track.rank), tile(Tile(track.image, track.words, frame=_frame(track))), *cells]
