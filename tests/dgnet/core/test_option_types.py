"""Options out of their range end a command while it reads them, with the option, the range and what was given."""

import argparse
from collections.abc import Callable

import pytest

from dgnet.core.option_types import above, at_least, between, expanded_path, folder_name, from_to, sha256_digits


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser()
    made.add_argument("--count", type=at_least(2))
    made.add_argument("--share", type=between(0.0, 1.0))
    made.add_argument("--alpha", type=between(0.5))
    made.add_argument("--hours", type=above(0))
    made.add_argument("--digits", type=sha256_digits)
    made.add_argument("--run", type=folder_name)
    return made


@pytest.mark.parametrize(
    ("option", "text", "value"),
    [
        ("--count", "2", 2),
        ("--count", "70", 70),
        ("--share", "0", 0.0),
        ("--share", "1", 1.0),
        ("--alpha", "9e9", 9e9),
        ("--hours", "0.01", 0.01),
        ("--digits", "6", "6"),
        ("--digits", "6726825D", "6726825D"),
        ("--run", "some run", "some run"),
    ],
)
def test_what_is_inside_is_read(option: str, text: str, value: float | str) -> None:
    found = getattr(parser().parse_args([option, text]), option[2:])
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    ("option", "text", "allowed"),
    [
        ("--count", "1", "a whole number of at least 2"),
        ("--count", "2.5", "a whole number of at least 2"),
        ("--count", "many", "a whole number of at least 2"),
        ("--share", "-0.1", "a number from 0 to 1"),
        ("--share", "1.01", "a number from 0 to 1"),
        ("--share", "nan", "a number from 0 to 1"),
        ("--hours", "0", "a number greater than 0"),
        ("--hours", "inf", "a number greater than 0"),
        ("--alpha", "inf", "a number of at least 0.5"),
        ("--alpha", "x", "a number of at least 0.5"),
        ("--digits", "", "1 to 64 hexadecimal digits"),
        ("--digits", "6726825g", "1 to 64 hexadecimal digits"),
        ("--digits", "6" * 65, "1 to 64 hexadecimal digits"),
        ("--run", "", "a plain folder name"),
        ("--run", "..", "a plain folder name"),
        ("--run", " ", "a plain folder name"),
        ("--run", "a/b", "a plain folder name"),
    ],
)
def test_what_is_outside_is_refused(option: str, text: str, allowed: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        parser().parse_args([f"{option}={text}"])
    assert left.value.code == 2
    assert f"argument {option}: must be {allowed}, got '{text}'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        (from_to(1, 100), "101", "a whole number from 1 to 100, got '101'"),
        (from_to(1, 100), "ten", "a whole number from 1 to 100, got 'ten'"),
        (above(0, 50), "51", "a number greater than 0 and at most 50, got '51'"),
        (at_least(1), "9" * 30, "a whole number of at least 1 and at most 9223372036854775807, got '9999"),
        (at_least(1), "9" * 5000, "a whole number of at least 1, got '9999"),
    ],
)
def test_limits_are_named(kind: Callable[[str], float], text: str, said: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError) as refused:
        kind(text)
    assert str(refused.value).startswith(f"must be {said}") and len(str(refused.value)) < 200


@pytest.mark.parametrize("text", ["", "a\0b", "~nobody-of-this-name/x"])
def test_what_is_no_path(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="must be a path"):
        expanded_path(text)
