"""The command lines of all tools follow the same conventions."""

import argparse
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dgnet.core.cli import CommandParser
from dgnet.core.old_keys import OPTIONS
from dgnet.core.option_types import expanded_path, path_ending, run_name
from visual.options import film_output, picture_output

ROOT = Path(__file__).resolve().parents[2]
TOOLS = [
    *(f"tools.{path.stem}" for path in sorted((ROOT / "tools").glob("[a-z]*.py"))),
    *(f"visual.{path.stem}" for path in sorted((ROOT / "visual").glob("show*.py"))),
]
# What an option of this project is called; others' words may stand behind it.
NAMES = {
    "--gpu": "--device",
    "--batch": "--batch-size",
    "--out": "--output",
    "--to": "--output",
    "--which-epoch": "--iteration",
    "--datadir": "--data",
    "--most": "--count",
    "--pairs": "--pairs-file, --pairs-per-identity or --count",
    "--save": "--features-folder",
}
PATHS = ("DIR", "FILE", "FOLDER", "IMAGE", "SET", "OUTPUT")


class Read(Exception):
    """The tool reads its options."""


def parser_of(tool: str, patch: pytest.MonkeyPatch) -> CommandParser:
    """The parser that a tool reads its options with."""

    def stop(parser: CommandParser, *_: Any) -> None:
        raise Read(parser)

    patch.setattr(CommandParser, "parse_args", stop)
    patch.setattr(sys, "argv", [tool])
    with pytest.raises(Read) as read:
        importlib.import_module(tool).main()
    patch.undo()
    return read.value.args[0]


def with_kinds(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """The parser and those of its subcommands."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.values()


def ends_so(kind: Any) -> bool:
    """Whether `path_ending` made the type of an option."""
    return getattr(kind, "__qualname__", "").startswith(path_ending.__qualname__)


@pytest.mark.parametrize("tool", TOOLS)
def test_conventions(tool: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    parsers = list(with_kinds(parser_of(tool, monkeypatch)))
    assert all(isinstance(parser, CommandParser) for parser in parsers)
    options = 0
    for parser in parsers:
        for action in parser._actions:
            for name in action.option_strings:
                assert "_" not in name, f"{name}: is written with hyphens"
            takes_path = action.type in (expanded_path, run_name, picture_output, film_output) or ends_so(action.type)
            assert action.type not in (int, float), f"{action.dest}: a range of dgnet.core.option_types"
            assert takes_path or not isinstance(action.default, Path), f"{action.dest}: type=expanded_path"
            if str(action.metavar).startswith(PATHS) and action.help is not argparse.SUPPRESS:
                assert takes_path, f"{action.dest}: type=expanded_path or run_name"
            if not action.option_strings:
                continue
            options += 1
            first = action.option_strings[0]
            assert first not in NAMES, f"{first} is called {NAMES[first]} here"
            if takes_path:
                with pytest.raises(SystemExit) as left:
                    parser.parse_args([f"{action.option_strings[-1].replace('-', '_').replace('__', '--', 1)}="])
                assert left.value.code == 2
                assert first in (said := capsys.readouterr().err) and "''" in said
    assert options


def test_the_tools_are_found() -> None:
    assert len(TOOLS) > 30


def test_old_names_stand_for_options_of_today(monkeypatch: pytest.MonkeyPatch) -> None:
    parsers = [parser for tool in TOOLS for parser in with_kinds(parser_of(tool, monkeypatch))]
    names = {name for parser in parsers for action in parser._actions for name in action.option_strings}
    assert {name for today in OPTIONS.values() for name in today} <= names
