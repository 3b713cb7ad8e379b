"""The command-line parser of all tools, and the options that many of them have."""

import argparse
import difflib
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

from dgnet.core.old_keys import OPTIONS
from dgnet.core.option_types import above, at_least, expanded_path, folder_name, run_name


class CommandParser(argparse.ArgumentParser):
    """`argparse.ArgumentParser` with the conventions of this project's tools.

    - Hyphens and underscores are the same in the names of options (`--max-hours`, `--max_hours`); help texts show
      hyphens. Names of earlier versions (`dgnet.core.old_keys.OPTIONS`) still work.
    - Positional arguments, such as `section.key=value`, may stand before, between and after options.
    - An option that is given twice with two values is a mistake, unless it collects values.
    - A mistake ends the program with status 2 and one sentence.
    - The description, usually the module's docstring, is printed as it is.

    Example:
        >>> parser = CommandParser("Train a model.")
        >>> _ = parser.add_argument("settings", nargs="*")
        >>> _ = parser.add_argument("--max-hours", type=float)
        >>> parser.parse_args(["run.seed=1", "--max_hours", "2", "data.height=64"])
        Namespace(max_hours=2.0, settings=['run.seed=1', 'data.height=64'])
    """

    def __init__(self, description: str | None = None, **options: Any) -> None:
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(description=description, **options)
        self._intermixed = True
        self.given: dict[str, Any] = {}  # the values of options so far
        for name in (None, "store"):
            self.register("action", name, _StoreOnce)

    def add_removed_option(self, name: str, reason: str) -> None:
        """An option that an earlier version had: who gives it is told `reason`, and nothing runs."""
        self.add_argument(name, action=_RemovedOption, nargs=0, help=argparse.SUPPRESS, const=reason)

    def add_subparsers(self, **options: Any) -> Any:
        """As in argparse; the options of each kind are parsed by a `CommandParser` too."""
        self._intermixed = False  # the positional arguments after the kind's name are its own
        return super().add_subparsers(**options)

    def parse_args(self, args: Iterable[str] | None = None, namespace: Any = None) -> Any:
        """The options, from `sys.argv` unless `args` are given."""
        parsed, unknown = self.parse_known_args(args, namespace)
        if unknown:
            self.error(self._unknown_argument(unknown[0]))
        return parsed

    def parse_known_args(self, args: Iterable[str] | None = None, namespace: Any = None) -> Any:
        """The options, and the arguments that the parser does not know."""
        if self._intermixed or self._subparsers is not None:
            self.given = {}
        words = [self._current_name(word) for word in (sys.argv[1:] if args is None else args)]
        if not self._intermixed:
            return super().parse_known_args(words, namespace)
        self._intermixed = False  # parse_known_intermixed_args calls this method again
        try:
            return self.parse_known_intermixed_args(words, namespace)
        finally:
            self._intermixed = True

    def error(self, message: str) -> NoReturn:
        """End the program with one sentence and status 2."""
        self.exit(2, f"error: {message}\n")

    def _option_names(self) -> list[str]:
        return [name for action in self._actions for name in action.option_strings if name.startswith("--")]

    def _current_name(self, word: str) -> str:
        """The word, an option among them by the name that this parser knows."""
        if not word.startswith("--"):
            return word
        given, equals, value = word.partition("=")
        known, name = self._option_names(), given.replace("_", "-")
        if name not in known:
            name = next((today for today in OPTIONS.get(name, ()) if today in known), name)
        # An option may be abbreviated. What no option begins with is reported as it was typed.
        return f"{name}{equals}{value}" if any(option.startswith(name) for option in known) else word

    def _unknown_argument(self, word: str) -> str:
        if not word.startswith("-"):
            return f"unexpected argument {word!r}; see --help"
        name = word.partition("=")[0]
        close = difflib.get_close_matches(name.replace("_", "-"), self._option_names(), 1)
        return f"unknown option {name}; " + (f"did you mean {close[0]}?" if close else "see --help")


def _note_value(parser: argparse.ArgumentParser, action: argparse.Action, name: str | None, value: Any) -> None:
    """Note an option's value; an error where it was given before with another, of which argparse says nothing."""
    if name is not None and isinstance(parser, CommandParser):
        earlier = parser.given.setdefault(action.dest, value)
        if earlier != value:
            parser.error(f"{name} is given twice, as {_words(earlier)} and as {_words(value)}: give one of them")


def _words(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


class _StoreOnce(argparse._StoreAction):
    def __call__(
        self, parser: argparse.ArgumentParser, namespace: Any, values: Any, option_string: str | None = None
    ) -> None:
        _note_value(parser, self, option_string, values)
        super().__call__(parser, namespace, values, option_string)


class _SwitchOnce(argparse.BooleanOptionalAction):
    def __call__(
        self, parser: argparse.ArgumentParser, namespace: Any, values: Any, option_string: str | None = None
    ) -> None:
        _note_value(parser, self, option_string, option_string)
        super().__call__(parser, namespace, values, option_string)


class _RemovedOption(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        parser.error(f"{self.option_strings[0]} is not an option any more: {self.const}")


def add_settings(parser: argparse._ActionsContainer) -> None:
    """`settings`, a list of `section.key=value`."""
    parser.add_argument(
        "settings", nargs="*", metavar="section.key=value", help="change single settings of the configuration"
    )


def add_output_path(parser: argparse._ActionsContainer) -> None:
    """`--output-path`."""
    parser.add_argument(
        "--output-path",
        type=expanded_path,
        default=Path(),
        metavar="OUTPUT",
        help="folder that holds outputs/ and logs/ (default: the current one)",
    )


def add_run(parser: argparse._ActionsContainer, *, required: bool = False) -> None:
    """`--name`, `--output-path` and `--iteration`: a checkpoint of a run that was trained before."""
    default = "" if required else " (default: the run that was saved last)"
    parser.add_argument(
        "--name",
        type=run_name,
        required=required,
        help="a run below OUTPUT/outputs, or the path of its folder, of a checkpoint or of an outputs/NAME of the "
        f"official release{default}",
    )
    add_output_path(parser)
    parser.add_argument("--iteration", type=at_least(0), help="iteration of the checkpoint (default: the last)")


def add_training_run(
    parser: argparse._ActionsContainer, default_name: str = "the configuration's name", *other_names: str
) -> None:
    """`--name` (or another system's name of it), `--output-path`, `--resume` and `--max-hours`: a run to train."""
    parser.add_argument("--name", *other_names, type=folder_name, help=f"folder of the run (default: {default_name})")
    add_output_path(parser)
    parser.add_argument("--resume", action="store_true", help="continue from the last checkpoint, or start")
    parser.add_argument("--max-hours", type=above(0), metavar="HOURS", help="save and stop after so many hours")


def add_mirrored(parser: argparse.ArgumentParser) -> None:
    """--mirrored and --no-mirrored: True, False, or None for what is usual for the network."""
    parser.add_argument(
        "--mirrored",
        action=_SwitchOnce,
        help="add the features of the mirror image, or take the image alone (default: as the network's publication "
        "does: added for DG-Net, teachers and MGN, not for other models)",
    )


def add_device(parser: argparse._ActionsContainer) -> None:
    """`--device`."""
    parser.add_argument(
        "--device", default="auto", help="auto, cpu, cuda or cuda:NUMBER (default: auto, a GPU if there is one)"
    )
