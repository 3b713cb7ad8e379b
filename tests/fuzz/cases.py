"""What each case of the fuzz ends in: a reading, or `UserError` with one sentence. Anything else is a fault."""

import contextlib
import os
import shutil
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from dgnet.core.errors import UserError

Reading = TypeVar("Reading")
tried: Counter[str] = Counter()


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A new empty folder, in memory where the system has such a place."""
    memory = Path("/dev/shm")
    place = Path(tempfile.mkdtemp(dir=memory if os.access(memory, os.W_OK) else None))
    try:
        yield place
    finally:
        shutil.rmtree(place)


def reading(call: Callable[[], Reading]) -> Reading:
    """What `call` reads; an error fails the test."""
    with warnings.catch_warnings(action="ignore"):
        result = call()
    tried["read"] += 1
    return result


def refusal(call: Callable[[], object]) -> str:
    """The sentence with which `call` refuses; the test fails where it does not."""
    outcome = attempt(call)
    assert isinstance(outcome, Refusal), f"was read: {outcome!r}"
    return outcome


class Refusal(str):
    """The sentence of a `UserError`."""


def attempt(call: Callable[[], Reading]) -> Reading | Refusal:
    """What `call` reads, or the sentence with which it refuses."""
    try:
        return reading(call)
    except UserError as error:
        sentence = Refusal(error)
    tried["refused"] += 1
    assert sentence.strip() and "\n" not in sentence and "\r" not in sentence, repr(sentence)
    return sentence
