"""The quality filter: which generated images are good enough to learn from, by the scores of their manifest."""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

from pydantic import Field, model_validator

from dgnet.core.errors import UserError
from dgnet.core.section import Section
from dgnet.data.readers.generated import SCORES, GeneratedRecord

ScoreName = Literal["identity_consistency", "diversity", "realism", "sharpness"]


class FilterConfig(Section):
    """Keeps the generated images whose `score` is high: at least `least`, or the `best` share (0..1) of each identity.

    The scores are the manifest's (`dgnet.generation.scores`, `dgnet.generation.diversity`). A share is taken within
    the appearance's identity, rounded up, so that no identity is dropped altogether.
    """

    score: ScoreName
    least: float | None = None
    best: float | None = Field(None, gt=0, le=1)

    @model_validator(mode="after")
    def _one_of_two(self) -> "FilterConfig":
        if (self.least is None) == (self.best is None):
            raise ValueError("a filter has either least (a threshold) or best (a share)")
        return self

    @property
    def meaning(self) -> str:
        """In words."""
        if self.best is not None:
            return f"best {100 * self.best:g} % of each identity by {self.score}"
        return f"{self.score} at least {self.least:g}"


class FilterCount(NamedTuple):
    """A filter in words, and how many of the `images` before it were dropped."""

    filter: str
    dropped: int
    images: int

    def __str__(self) -> str:
        return f"{self.filter}: {self.dropped} of {self.images} generated images dropped"


class Filtered(NamedTuple):
    """The images that are left, in their order, and what each filter dropped."""

    records: tuple[GeneratedRecord, ...]
    counts: tuple[FilterCount, ...]


def apply_filters(records: Sequence[GeneratedRecord], filters: Sequence[FilterConfig]) -> Filtered:
    """Apply the filters one after another.

    Raises:
        UserError: an image lacks the score that is asked for, or none is left.
    """
    counts = []
    for one in filters:
        passing = _passing(records, one)
        counts.append(FilterCount(one.meaning, len(records) - len(passing), len(records)))
        if not passing:
            best = max(record.scores[one.score] for record in records)
            raise UserError(f"generated.filters: {one.meaning} keeps no image; the highest {one.score} is {best:g}")
        records = passing
    return Filtered(tuple(records), tuple(counts))


def _passing(records: Sequence[GeneratedRecord], one: FilterConfig) -> tuple[GeneratedRecord, ...]:
    lacking = [record for record in records if one.score not in record.scores]
    if lacking:
        raise UserError(
            f"{lacking[0].path}: has no {one.score} in its manifest (so {len(lacking)} of {len(records)} images), and "
            f"generated.filters asks for it; scores are {', '.join(SCORES)}, and tools/generate.py writes them"
        )
    if one.least is not None:
        return tuple(record for record in records if record.scores[one.score] >= one.least)
    assert one.best is not None
    groups: dict[int | None, list[GeneratedRecord]] = {}
    for record in records:
        groups.setdefault(record.appearance, []).append(record)
    chosen = set()
    for group in groups.values():
        # Of equal ones the first by path: sorting is stable.
        ranked = sorted(group, key=lambda record: -record.scores[one.score])
        # A hair below, so that a tenth of ten is one and not two.
        chosen |= {record.path for record in ranked[: math.ceil(one.best * len(group) - 1e-9)]}
    return tuple(record for record in records if record.path in chosen)
