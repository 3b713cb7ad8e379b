"""Outcomes of sets of films that are kept in a file, so that a stopped evaluation goes on."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dgnet.core.content import content_hashes
from dgnet.core.errors import UserError
from dgnet.core.files import check_place, read_text, replace_text
from dgnet.core.json_files import parse_json
from dgnet.video.synthetic_films import TrueFilm
from tools.benchmarks.track_experiment import Outcome

_FORMAT = 1


def set_digest(films: Sequence[TrueFilm]) -> str:
    """What tells a set of films from others: the SHA-256 of each of its files."""
    return " ".join(content_hashes([path for film in films for path in (film.film, film.truth, film.boxes)]))


class KeptOutcomes:
    """The outcomes of a file by a key each; without a file none is kept.

    Args:
        path: the file; it may be new.
        settings: what all outcomes of the file have in common.

    Raises:
        UserError: the file holds something else, or outcomes by other settings.
    """

    def __init__(self, path: Path | None, settings: Mapping[str, Any]) -> None:
        self._path, self._settings = path, dict(settings)
        self._outcomes: dict[str, Outcome] = {}
        if path is None:
            return
        check_place(path)
        if not path.exists():
            return
        try:
            content = parse_json(read_text(path))
            if content["format"] != _FORMAT:
                raise ValueError(f"format {content['format']!r}, not {_FORMAT}")
            kept = content["settings"]
            self._outcomes = {
                key: Outcome(one["rows"], {name: (right, asked) for name, (right, asked) in one["found"].items()})
                for key, one in content["outcomes"].items()
            }
            for outcome in self._outcomes.values():
                _check(outcome)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(f"--output {path}: must be new or a file of this command, it is not ({error})") from error
        changed = [name for name in {**kept, **self._settings} if kept.get(name) != self._settings.get(name)]
        if changed:
            raise UserError(
                f"--output {path}: holds figures by other settings ({', '.join(changed)}: "
                f"{', '.join(str(kept.get(name)) for name in changed)} there, "
                f"{', '.join(str(self._settings.get(name)) for name in changed)} now); name another file"
            )

    def get(self, key: str) -> Outcome | None:
        """The outcome of a key; None where it has not been measured."""
        return self._outcomes.get(key)

    def add(self, key: str, outcome: Outcome) -> None:
        """Keep an outcome."""
        self._outcomes[key] = outcome
        if self._path is not None:
            outcomes = {name: asdict(one) for name, one in self._outcomes.items()}
            content = {"format": _FORMAT, "settings": self._settings, "outcomes": outcomes}
            replace_text(self._path, json.dumps(content, indent=1) + "\n")


def _check(outcome: Outcome) -> None:
    """`ValueError` for figures that are none."""
    for row, scores in outcome.rows.items():
        for name, score in scores.items():
            if type(score) not in (int, float) or not -math.inf < score < math.inf:
                raise ValueError(f"{name} of {row} must be a finite number, got {score!r}")
    for row, (right, asked) in outcome.found.items():
        if type(right) is not int or type(asked) is not int or not 0 <= right <= asked:
            raise ValueError(f"{row} must be found for a part of the queries, got {right!r} of {asked!r}")
