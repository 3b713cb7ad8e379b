"""People found in films whose truth is known: linked by motion alone or by a re-ID model, too, and joined by it."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np

from dgnet.core.content import content_hashes
from dgnet.core.errors import UserError
from dgnet.data.pedestrians.film.boxes import MIN_VISIBLE
from dgnet.video.box_cells import number_in, read_cells
from dgnet.video.box_files import BoxTable, read_boxes
from dgnet.video.boxes import NO_TRACK
from dgnet.video.detectors import BoxFile
from dgnet.video.find import find_people
from dgnet.video.gallery import BOXES, Crop, read_gallery
from dgnet.video.joining import join_tracks
from dgnet.video.linking import TrackerLinker, scores_are_probabilities
from dgnet.video.source_writer import SourceWriter
from dgnet.video.sources import open_source
from dgnet.video.synthetic_films import TrueFilm
from dgnet.video.tracks import TrackKey, pooled_tracks
from eval.tracks.scores import TrackedBoxes, track_scores, track_scores_over_films
from eval.tracks.true_identities import NOBODY, LabeledTrack, Query, people_of_tracks, rank_one
from reid_heads.loaded_model import LoadedModel

_MOTION, _JOINED, _LINKED = "motion alone", "joined from {:g}", "linked and joined from {:g}"
_WELL_SEEN = 0.9
_SECONDS = 0.3  # between two crops of a track: neighboring frames look alike
_TELLS_VISIBLE = 9  # cells of a line of MOT-16 to MOT-20, the last of which is the visible share
_FILMS_APART = 10**6  # between the identities of two films that no model has joined
_Tracks: TypeAlias = dict[str, TrackedBoxes]  # by the films' names


@dataclass(frozen=True)
class Linking:
    """From which boxes people are found in films, and how these are linked.

    Attributes:
        true_boxes: the true boxes without their identities, of whom a quarter or more can be seen where the truth tells
            that; otherwise `TrueFilm.boxes`.
        tracker, gap, track_score: as in `TrackerLinker`.
    """

    true_boxes: bool
    tracker: str
    gap: float
    track_score: float | None


@dataclass(frozen=True)
class Outcome:
    """What was measured on one set of films.

    Attributes:
        rows: "motion alone", "joined from T" (tracks of motion alone, joined) and "linked and joined from T" -> name of
            a score -> percent, or a count of switches. Of several models "joined" and "linked"
            begin with the model's name: "A, joined from T".
        found: the same, without "joined from T", whose tracks are those of motion alone -> queries whose person is
            found at rank 1, and all queries that count; empty without a model. Of several models all begin with the
            model's name.
    """

    rows: Mapping[str, Mapping[str, float]]
    found: Mapping[str, tuple[int, int]]


class CachedEmbed:
    """A model on files of images, each embedded once: galleries of the same films hold the same crops."""

    def __init__(self, model: LoadedModel) -> None:
        self._model, self._known = model, dict[str, np.ndarray]()

    def __call__(self, files: Sequence[Path]) -> np.ndarray:
        """Features [image, feature]."""
        contents = content_hashes(files)
        new = {content: file for content, file in zip(contents, files, strict=True) if content not in self._known}
        if new:
            self._known |= dict(zip(new, np.asarray(self._model.embed(list(new.values()))), strict=True))
        return np.stack([self._known[content] for content in contents])


def tracked_boxes(table: BoxTable) -> TrackedBoxes:
    """The boxes of a file with their identities. `UserError` for a file without."""
    if not table.tracked:
        raise UserError(f"{table.path}: must hold tracks, its boxes have no identities")
    return TrackedBoxes(table.frames, table.boxes.tracks, table.boxes.places)


def evaluate_films(
    films: Sequence[TrueFilm],
    gallery: Path,
    linking: Linking,
    models: Mapping[str, LoadedModel],
    thresholds: Sequence[float],
) -> Outcome:
    """Find the people of films in a new `gallery`, as tools/find_people.py does, and compare with the truth.

    Args:
        models: by the names that rows have where there are several.
        thresholds: cosines from which each model links boxes and joins tracks.
    """
    truths = {film.film.stem: tracked_boxes(read_boxes(film.truth)) for film in films}

    def tracks_in(people: Path, model: LoadedModel | None = None, similarity: float | None = None) -> _Tracks:
        """The tracks of the films' people, linked by motion alone or by `model`, too."""
        for film in films:
            _find(film, people, linking, model, similarity)
        return {name: tracked_boxes(read_boxes(people / name / BOXES)) for name in truths}

    motion = gallery / "motion"
    moved = tracks_in(motion)
    # Tracks of two films are two people until a model joins them.
    apart = [
        replace(boxes, identities=boxes.identities + _FILMS_APART * number)
        for number, boxes in enumerate(moved.values())
    ]
    rows, found = {_MOTION: _scores(list(truths.values()), apart)}, {}
    for name, model in models.items():
        prefix, embed = f"{name}, " if len(models) > 1 else "", CachedEmbed(model)
        found[prefix + _MOTION] = _found(motion, embed, truths, moved)
        for threshold in thresholds:
            people = gallery / f"{name}_{threshold:g}"
            linked = tracks_in(people, model, threshold)
            for row, tracks_of, tracks in ((_JOINED, motion, moved), (_LINKED, people, linked)):
                joined = _joined(tracks_of, embed, threshold, tracks)
                rows[prefix + row.format(threshold)] = _scores(list(truths.values()), joined)
            found[prefix + _LINKED.format(threshold)] = _found(people, embed, truths, linked)
    return Outcome(rows, found)


def _joined(
    gallery: Path, embed: CachedEmbed, threshold: float, tracks: Mapping[str, TrackedBoxes]
) -> list[TrackedBoxes]:
    """The tracks of each film by the person that they are joined to."""
    join_tracks(gallery, embed, threshold)
    people = {(row.source, row.track): row.identity for row in read_gallery(gallery)}
    return [_renamed(name, boxes, people) for name, boxes in tracks.items()]


def _find(film: TrueFilm, gallery: Path, linking: Linking, model: LoadedModel | None, similarity: float | None) -> None:
    source = open_source(str(film.film))
    table = _without_identities(film.truth) if linking.true_boxes else read_boxes(film.boxes)
    linker = TrackerLinker(
        linking.tracker,
        linking.gap,
        rate=source.rate(),
        ignore_scores=not scores_are_probabilities(table.boxes.scores),
        begin_score=linking.track_score,
        similarity=similarity,
    )
    writer = SourceWriter(gallery, film.film.stem, {}, resume=False, every=_SECONDS)
    embed = model.embed_crops if model is not None else None
    for remark in find_people(source, BoxFile(table), linker, writer, embed=embed).remarks:
        print(remark, file=sys.stderr)


def _without_identities(path: Path) -> BoxTable:
    table = read_boxes(path)
    cells = dict(read_cells(path))
    visible = [
        number_in(cells[row][-1], f"{path}, line {row}", "visible share") if len(cells[row]) == _TELLS_VISIBLE else 1.0
        for row in table.boxes.rows.tolist()
    ]
    seen = np.array(visible) >= MIN_VISIBLE
    boxes = table.boxes.chosen(seen)
    boxes = replace(boxes, tracks=np.full(len(boxes), NO_TRACK, np.int64))
    return replace(table, frames=table.frames[seen], boxes=boxes, tracked=False)


def _renamed(source: str, boxes: TrackedBoxes, people: Mapping[TrackKey, int]) -> TrackedBoxes:
    """Tracks by their person. A track without any crop in the picture stays one of its own."""
    names = [people.get((source, track), -track) for track in boxes.identities.tolist()]
    return replace(boxes, identities=np.array(names, np.int64))


def _scores(truths: Sequence[TrackedBoxes], results: Sequence[TrackedBoxes]) -> dict[str, float]:
    scores = track_scores(truths, results)
    together = track_scores_over_films(truths, results)
    return {
        "IDF1": 100 * scores.idf1,
        "HOTA": 100 * scores.hota,
        "MOTA": 100 * scores.mota,
        "switches": float(scores.switches),
        "IDF1 over cameras": 100 * together.idf1,
    }


def _found(
    gallery: Path, embed: CachedEmbed, truths: Mapping[str, TrackedBoxes], tracks: Mapping[str, TrackedBoxes]
) -> tuple[int, int]:
    """Queries whose person is found at rank 1, and queries that count."""
    people = {
        (name, track): person
        for name, boxes in tracks.items()
        for track, person in people_of_tracks(truths[name], boxes).items()
    }
    cameras = {row.source: row.camera for row in read_gallery(gallery)}
    pooled = pooled_tracks(gallery, embed)
    labeled = [LabeledTrack(cameras[track.source], people[track.key], track.feature) for track in pooled]
    crops: dict[tuple[int, int], list[Crop]] = {}
    for row in read_gallery(gallery):
        if people[row.source, row.track] != NOBODY:
            crops.setdefault((row.camera, people[row.source, row.track]), []).append(row)
    places = {track.key: place for place, track in enumerate(pooled)}
    queries = []
    for (camera, person), rows in crops.items():
        well_seen = [row for row in rows if row.quality >= _WELL_SEEN] or [max(rows, key=lambda row: row.quality)]
        row = well_seen[len(well_seen) // 2]
        queries.append(Query(camera, person, places[row.source, row.track], embed([row.path])[0]))
    return rank_one(queries, labeled)
