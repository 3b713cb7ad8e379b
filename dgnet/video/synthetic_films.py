"""A set of films of built-in pedestrians, written with the truth.

SET/films.json           the numbers that describe it
    camera1.webm         the film of a camera
    camera1.truth.txt    true boxes with identities and visibility, as the MOT-Challenge's gt.txt of 2016 to 2020
    camera1.boxes.txt    boxes as a detector gives them, without identities, as the MOT-Challenge's det.txt
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from dgnet.core.errors import UserError
from dgnet.core.files import disk_errors_name, read_text
from dgnet.core.json_files import parse_json
from dgnet.data.pedestrians.film.boxes import detected_boxes
from dgnet.data.pedestrians.film.frames import FilmScenes
from dgnet.data.pedestrians.film.spec import FilmSpec
from dgnet.video.box_files import mot_line, truth_line
from dgnet.video.boxes import NO_TRACK
from dgnet.video.film_writer import FilmWriter

ABOUT, FORMAT = "films.json", 1
FILM, TRUTH, BOXES = ".webm", ".truth.txt", ".boxes.txt"
LEAST_COUNTED = 0.1  # people of whom less can be seen do not count: confidence 0 in the file of true boxes


@dataclass(frozen=True)
class TrueFilm:
    """A film with its files of true boxes and of detected boxes."""

    film: Path
    truth: Path
    boxes: Path


def write_films(root: Path, spec: FilmSpec, progress: Callable[[], object] = lambda: None) -> list[TrueFilm]:
    """Write a set of films into the folder `root`, whole or not at all; `progress` is called after every picture.

    A folder that holds the same set already stays as it is. `UserError` for an impossible `spec`, and for a `root` that
    holds anything else.
    """
    spec.check()
    root = Path(root)
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        if _spec_of(root) != spec:
            raise UserError(f"{root}: must be new, empty or hold the same films, it holds others; name another folder")
        return films_of(root)
    partial = root.absolute().parent / f".{root.name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
    except OSError as error:
        raise UserError(f"{root}: cannot be created ({error.strerror})") from error
    try:
        scenes = FilmScenes(spec)
        with disk_errors_name(root):
            for camera in range(1, spec.cameras + 1):
                _write_film(partial, scenes, camera, progress)
            (partial / ABOUT).write_text(json.dumps({"format": FORMAT, "spec": asdict(spec)}, indent=2) + "\n")
        if root.exists():
            root.rmdir()
        partial.rename(root)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return films_of(root)


def films_of(root: Path) -> list[TrueFilm]:
    """The films of a set, by camera. `UserError` where the folder holds none."""
    spec = _spec_of(root)
    names = [f"camera{number}" for number in range(1, spec.cameras + 1)]
    films = [TrueFilm(*(root / f"{name}{ending}" for ending in (FILM, TRUTH, BOXES))) for name in names]
    for path in (path for film in films for path in (film.film, film.truth, film.boxes)):
        if not path.is_file():
            raise UserError(f"{root}: lacks {path.name}; remove the folder and write the films again")
    return films


def _write_film(root: Path, scenes: FilmScenes, camera: int, progress: Callable[[], object]) -> None:
    spec, name = scenes.spec, f"camera{camera}"
    with (
        FilmWriter(root / f"{name}{FILM}", spec.height, spec.width, spec.frame_rate) as film,
        open(root / f"{name}{TRUTH}", "w", encoding="utf-8") as truth,
        open(root / f"{name}{BOXES}", "w", encoding="utf-8") as boxes,
    ):
        for number, frame in enumerate(scenes.frames(camera)):
            film.add(frame.picture)
            for person, place, share in zip(frame.people.tolist(), frame.places, frame.visible.tolist(), strict=True):
                truth.write(truth_line(number, person, place, share >= LEAST_COUNTED, share))
            detected = detected_boxes(frame, number, camera, spec)
            for place, score in zip(detected.places, detected.scores.tolist(), strict=True):
                boxes.write(mot_line(number, NO_TRACK, place.round(2), round(score, 4)))
            progress()


def _spec_of(root: Path) -> FilmSpec:
    path = root / ABOUT
    if not path.is_file():
        raise UserError(
            f"{root}: must be a folder of films that tools/make_synthetic.py --video wrote, it has no {ABOUT}"
        )
    try:
        content = parse_json(read_text(path))
        if content["format"] != FORMAT:
            raise UserError(f"{path}: must have format {FORMAT}, got {content['format']!r}: write the films again")
        return FilmSpec(**content["spec"])
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: must describe films as tools/make_synthetic.py writes it ({error})") from error
