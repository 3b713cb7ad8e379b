"""Data sets as evaluations see them: values with `query` and `gallery`, and records with path, identity and camera.

Whatever has these attributes will do: `dgnet.data.records.Dataset`, or a `SimpleNamespace` of your own.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable


@runtime_checkable
class ImageRecord(Protocol):
    """An image of a person; `dgnet.data.records.Record` is one."""

    @property
    def path(self) -> Path:
        """The image file."""

    @property
    def identity(self) -> int:
        """The person's number; in a gallery -1 is junk (never ranked) and 0 a distractor."""

    @property
    def camera(self) -> int:
        """The camera's number, -1 where it is unknown."""


@runtime_checkable
class TestSplits(Protocol):
    """The test splits of a data set."""

    @property
    def root(self) -> Path:
        """Its folder, whose name stands in reports."""

    @property
    def query(self) -> Sequence[ImageRecord]:
        """The queries."""

    @property
    def gallery(self) -> Sequence[ImageRecord]:
        """The gallery, junk and distractors included."""


@runtime_checkable
class Splits(TestSplits, Protocol):
    """The test splits and the training images."""

    @property
    def train(self) -> Sequence[ImageRecord]:
        """The training images."""
