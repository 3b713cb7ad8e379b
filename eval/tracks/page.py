"""A page of one file that shows where and when the person of a photograph was seen: time lines, and a table."""

from collections.abc import Mapping, Sequence
from itertools import groupby

from jaxtyping import UInt8
from torch import Tensor

from dgnet.core import pixels
from dgnet.core.images import read_image
from eval.report.page import Frame, Html, HtmlSection, Tile, beside, document, heading, paragraph, section, table, tile
from eval.report.time_line import TimeLineEntry, time_line
from eval.tracks.person_track import Lane, PersonTrack, lane_of, place_of, span_of
from eval.tracks.ranking import RankedTrack

_THUMBNAIL = 128  # pixels of height
_POOLED = (
    "A track is compared by the mean feature of its crops, weighted by how much of the person is seen. Times are those "
    "of each source, since it began."
)


def tracks_page(
    queries: Sequence[tuple[str, UInt8[Tensor, "3 _h _w"]]],
    rankings: Sequence[Sequence[RankedTrack]],
    tracks: Sequence[PersonTrack],
    *,
    further: Sequence[int],
    notes: Sequence[str] = (),
    closing: Sequence[Html] = (),
) -> str:
    """The page.

    Args:
        queries: name and image of each, uint8.
        rankings: of each query, as `eval.tracks.ranking.rank_tracks` gives them.
        tracks: all of the gallery.
        further: for each query, how many tracks beyond its ranking are called the same person.
        notes: sentences at the top.
        closing: blocks at the end.

    Raises:
        UserError: the file of a crop cannot be read.
    """
    ends = ends_of(tracks)
    sections = [
        ranking_section(name, Tile(_thumbnail(image), f"the query {name}", "query"), ranking, len(tracks), ends, more)
        for (name, image), ranking, more in zip(queries, rankings, further, strict=True)
    ]
    below = section("How it was searched", paragraph(_POOLED), *closing)
    title = f"Where and when: {', '.join(name for name, _ in queries)}"
    return document(title, [*sections, below], [paragraph(f"{note[0].upper()}{note[1:]}.") for note in notes])


def ends_of(tracks: Sequence[PersonTrack]) -> dict[Lane, float | int]:
    """Of every camera and source the last time in seconds; without a clock the last frame."""
    ends: dict[Lane, float | int] = {}
    for track in tracks:
        ends[lane_of(track)] = max(span_of(track)[1], ends.get(lane_of(track), 0))
    return ends


def ranking_section(
    title: str,
    query: Tile,
    ranking: Sequence[RankedTrack],
    total: int,
    ends: Mapping[Lane, float | int],
    further: int = 0,
) -> HtmlSection:
    """The photograph, a time line for each camera and source with a ranked track, and these tracks in a table.

    Args:
        total: how many tracks the gallery has.
        ends: as `ends_of` tells them.
        further: how many other tracks are called the same person.
    """
    images = {found.rank: _thumbnail(read_image(found.track.best)) for found in ranking}
    seen = sorted({found.lane for found in ranking})
    others = [place_of(lane) for lane in sorted(ends) if lane not in seen]
    words = [paragraph(f"The {len(ranking)} most similar of the {total} tracks of the gallery.")]
    if any(found.verdict for found in ranking):
        rest = f"; {further} further ones are, too" if further else ""
        words.append(paragraph(f"Called the same person: {sum(found.same for found in ranking)} of them (✓){rest}."))
    if others:
        words.append(paragraph(f"None of them is by {', '.join(others)}."))
    blocks: list[Html] = [beside(tile(query), words)]
    longest = max((ends[found.lane] for found in ranking if found.timed), default=0.0)
    for lane, group in groupby(sorted(ranking, key=lambda found: (found.lane, found.begin)), lambda found: found.lane):
        here = list(group)
        # All clocks have one scale.
        end = longest if here[0].timed else ends[lane]
        entries = [_entry(found, images[found.rank]) for found in here]
        blocks += [
            heading(place_of(lane).capitalize()),
            time_line(place_of(lane), entries, end, timed=here[0].timed),
        ]
    head = ("rank", "crop", "similarity", *(("same person?",) if any(found.verdict for found in ranking) else ()))
    head = (*head, "when", "camera", "source", "track", "person in the gallery")
    rows = [_row(found, images[found.rank]) for found in ranking]
    blocks.append(table("The tracks, the most similar first", head, {"": rows}))
    return section(title, *blocks)


def _thumbnail(image: UInt8[Tensor, "3 _h _w"]) -> UInt8[Tensor, "3 _height _width"]:
    """An image at the height of small pictures, in its own proportions."""
    height, width = image.shape[1:]
    return pixels.resize(image[None], _THUMBNAIL, max(1, round(_THUMBNAIL * width / height)))[0]


def _tile(found: RankedTrack, image: UInt8[Tensor, "3 _h _w"]) -> Tile:
    frame: Frame = "right" if found.same else ""
    # All of it, for those who do not see the picture.
    parts = (f"rank {found.rank}", f"similarity {found.similarity:.3f}", found.verdict, found.place, found.when)
    return Tile(image, ", ".join(filter(None, (*parts, found.note))), frame=frame)


def _entry(found: RankedTrack, image: UInt8[Tensor, "3 _h _w"]) -> TimeLineEntry:
    mark = " ✓" if found.same else ""
    label = f"{found.rank}: {found.similarity:.2f}{mark}"
    return TimeLineEntry(found.begin, found.end, _tile(found, image), label, found.same)


def _row(found: RankedTrack, image: UInt8[Tensor, "3 _h _w"]) -> list[Html | str]:
    verdict = [found.verdict] if found.verdict else []
    track = found.track
    name = f"{track.track}" + (f" ({found.note})" if found.note else "")
    cells = [f"{found.similarity:.4f}", *verdict, found.when, str(track.camera), track.source, name]
    return [str(found.rank), tile(_tile(found, image)), *cells, str(track.identity)]
