"""Where and when was the person of a photograph? The tracks of a gallery of tools/find_people.py, ranked and shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from torch import Tensor

from dgnet.core import pixels
from dgnet.core.content import content_hashes
from dgnet.core.errors import UserError
from dgnet.core.images import read_image
from dgnet.models.calibration import SAME
from dgnet.video.gallery import is_gallery, read_gallery
from dgnet.video.tracks import Embed, Track, pooled_tracks
from eval.reid.gallery_search import nearest_in_gallery
from eval.report.found_tracks import FoundTrack, Lane, found_section
from eval.report.page import Html, Tile, document, paragraph, section
from tools.people.verdicts import Verdicts

_THUMBNAIL = 128  # pixels of height
_OWN = "the query is one of its crops"
_POOLED = (
    "A track is compared by the mean feature of its crops, weighted by how much of the person is seen. Times are those "
    "of each source, since it began."
)


@dataclass(frozen=True)
class TrackSearch:
    """A gallery ready to be asked.

    Attributes:
        features: of the tracks, `[track, feature]`, of unit length.
        ends: of every camera and source the last time in seconds; without a clock the last frame.
        sentences: what the verdicts are worth.
    """

    gallery: Path
    tracks: Sequence[Track]
    features: Float[np.ndarray, "track feature"]
    ends: Mapping[Lane, float | int]
    verdicts: Verdicts
    sentences: Sequence[str]

    @classmethod
    def open(cls, gallery: Path, embed: Embed, verdicts: Verdicts, workers: int | None = None) -> "TrackSearch":
        """Pool the features of a gallery's crops. `UserError` as `dgnet.video.tracks.pooled_tracks`."""
        tracks = list(pooled_tracks(gallery, embed).values())
        ends: dict[Lane, float] = {}
        for track in tracks:
            end = track.end if track.end is not None else track.last
            ends[track.camera, track.source] = max(end, ends.get((track.camera, track.source), 0))
        content = content_hashes([row.path for row in read_gallery(gallery)], workers) if verdicts.calibration else ()
        sentences = verdicts.words(gallery, content, tracks=True)
        return cls(gallery, tracks, np.stack([track.feature for track in tracks]), ends, verdicts, sentences)

    def nearest(
        self, query: Float[np.ndarray, "query feature"], count: int, files: Sequence[Path] = ()
    ) -> list[list[FoundTrack]]:
        """For each query the `count` most similar tracks; `files` are those of the queries, where they have some."""
        found = nearest_in_gallery(query, self.features, min(count, len(self.tracks)))
        lists = []
        for number, (places, values) in enumerate(zip(found.places.tolist(), found.similarities.tolist(), strict=True)):
            folder = files[number].resolve().parent if files else None
            lists.append(
                [
                    self._found(rank, self.tracks[place], value, folder)
                    for rank, (place, value) in enumerate(zip(places, values, strict=True), 1)
                ]
            )
        return lists

    def more(self, query: Float[np.ndarray, "query feature"], count: int) -> list[int]:
        """For each query how many tracks beyond the `count` most similar are called the same person."""
        if self.verdicts.threshold is None:
            return [0] * len(query)
        unit = query / np.maximum(np.linalg.norm(query, axis=1, keepdims=True), np.finfo(np.float32).tiny)
        same = (unit @ self.features.T >= self.verdicts.threshold.similarity).sum(1)
        return [max(0, int(number) - count) for number in same]

    def page(
        self,
        queries: Sequence[tuple[str, UInt8[Tensor, "3 _h _w"]]],
        lists: Sequence[Sequence[FoundTrack]],
        more: Sequence[int],
        closing: Sequence[Html] = (),
    ) -> str:
        """The page of one file: for each query, with its name, time lines and a table; `closing` stands below."""
        notes = [paragraph(_sentence(words)) for words in self.sentences]
        sections = [
            found_section(
                name, Tile(thumbnail(image), f"the query {name}", "query"), tracks, len(self.tracks), self.ends, rest
            )
            for (name, image), tracks, rest in zip(queries, lists, more, strict=True)
        ]
        below = section("How it was searched", paragraph(_POOLED), *closing)
        return document(f"Where and when: {', '.join(name for name, _ in queries)}", [*sections, below], notes)

    def _found(self, rank: int, track: Track, similarity: float, folder: Path | None) -> FoundTrack:
        verdict = self.verdicts.of_similarity(similarity)
        timed = track.begin is not None and track.end is not None
        begin, end = float(track.begin or 0), float(track.end or 0)
        if not timed:
            begin, end = float(track.first), float(track.last)
        return FoundTrack(
            rank=rank,
            similarity=similarity,
            verdict=verdict,
            same=verdict == SAME,
            source=track.source,
            camera=track.camera,
            track=track.track,
            person=track.identity,
            begin=begin,
            end=end,
            timed=timed,
            image=thumbnail(read_image(track.best)),
            file=str(track.best),
            note=_OWN if folder is not None and track.best.resolve().parent == folder else "",
        )


def people_gallery(path: Path, files: Sequence[str] = ()) -> Path | None:
    """The gallery of tools/find_people.py that a folder is, or that all `files` are crops of; else None."""
    if is_gallery(path):
        return path
    roots = {Path(file).parents[2] if len(Path(file).parents) > 2 else None for file in files}
    (root,) = roots if len(roots) == 1 else (None,)
    return root if root is not None and is_gallery(root) else None


def stored_features(file: Path, paths: Sequence[str], features: np.ndarray) -> Embed:
    """The features of crops that a file of tools/extract.py holds. `UserError` for a crop that is not in it."""
    places = {Path(path): place for place, path in enumerate(paths)}

    def embed(files: Sequence[Path]) -> np.ndarray:
        missing = next((path for path in files if path not in places), None)
        if missing is not None:
            raise UserError(
                f"{file}: must hold the features of every crop, that of {missing} is missing: extract again"
            )
        return features[[places[path] for path in files]]

    return embed


def thumbnail(image: UInt8[Tensor, "3 _h _w"]) -> UInt8[Tensor, "3 _height _width"]:
    """An image at the height of small pictures, in its own proportions."""
    height, width = image.shape[1:]
    return pixels.resize(image[None], _THUMBNAIL, max(1, round(_THUMBNAIL * width / height)))[0]


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."
