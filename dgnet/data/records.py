"""One image of a data set, and the data set as the readers return it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Split = Literal["train", "query", "gallery", "multi_query"]
Origin = Literal["real", "generated"]

JUNK = -1  # Market-1501: a bad detection; ranking never counts it, neither right nor wrong
DISTRACTOR = 0  # Market-1501: a person or background that nobody asks for; ranking counts it as wrong
UNKNOWN_CAMERA = -1


@dataclass(frozen=True, slots=True)
class Record:
    """One image: where it is, who is on it, which camera took it.

    `identity` is the data set's own number (JUNK and DISTRACTOR apart), `camera` the data set's own number, or -1 where
    unknown.
    """

    path: Path
    identity: int
    camera: int
    split: Split
    origin: Origin = "real"


@dataclass(frozen=True)
class Dataset:
    """The splits of one data set, each sorted by path; a split that the data set lacks is empty.

    `skipped` lists `(path, reason)` of files that a reader passed over (names that do not parse), `names`
    `(identity, name)` of the people whose name in the data set is not just that number. `tracks` is the number of
    tracks in films that its identities are; 0 for identities of people.
    """

    name: str
    root: Path
    train: tuple[Record, ...] = ()
    query: tuple[Record, ...] = ()
    gallery: tuple[Record, ...] = ()
    multi_query: tuple[Record, ...] = ()
    skipped: tuple[tuple[Path, str], ...] = field(default=(), repr=False)
    names: tuple[tuple[int, str], ...] = field(default=(), repr=False)
    tracks: int = 0

    @property
    def identities(self) -> tuple[int, ...]:
        """The training identities in ascending order: the label of an image is its identity's position here."""
        return tuple(sorted({record.identity for record in self.train}))

    @property
    def people(self) -> tuple[str, ...]:
        """The names of the training identities, in the order of `identities`; of those without one the number."""
        names = dict(self.names)
        return tuple(names.get(identity, str(identity)) for identity in self.identities)
