"""The parser of all tools: hyphens and underscores, settings between options, one sentence for a mistake."""

import pytest

from dgnet.core.cli import CommandParser, add_mirrored, add_settings
from dgnet.core.option_types import at_least, expanded_path


def parser() -> CommandParser:
    made = CommandParser("What it does.\n\n    as it is written")
    add_settings(made)
    made.add_argument("--max-hours", type=at_least(1))
    made.add_argument("--IMS-PER-BATCH", dest="images", type=int)
    made.add_argument("--license")
    made.add_argument("--file", type=expanded_path)
    made.add_removed_option("--resume", "it resumes in any case")
    return made


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        (["--max-hours", "2"], "max_hours", 2),
        (["--max_hours", "2"], "max_hours", 2),
        (["--max_hours=2"], "max_hours", 2),
        (["--max_h=2"], "max_hours", 2),
        (["--IMS_PER_BATCH", "8"], "images", 8),
        (["--license=a_b"], "license", "a_b"),
        (["--licence", "a_b"], "license", "a_b"),
        (["run.seed=1", "--max_hours", "2", "data.max_side=3"], "settings", ["run.seed=1", "data.max_side=3"]),
        ([], "settings", []),
    ],
)
def test_spellings(words: list[str], name: str, value: object) -> None:
    assert getattr(parser().parse_args(words), name) == value


def test_an_old_name_that_an_option_still_has_is_that_option() -> None:
    made = CommandParser()
    made.add_argument("--batch")
    made.add_argument("--batch-size")
    assert made.parse_args(["--batch", "1", "--batch_size", "2"]).batch == "1"


def test_a_kind_of_its_own_reads_its_options_likewise() -> None:
    made = CommandParser()
    kind = made.add_subparsers(dest="kind").add_parser("step")
    kind.add_argument("--batch-size", type=int)
    add_settings(kind)
    args = made.parse_args(["step", "a=1", "--batch", "4", "b=2"])
    assert (args.kind, args.batch_size, args.settings) == ("step", 4, ["a=1", "b=2"])


def test_help_keeps_the_lines_of_the_description() -> None:
    assert "\n    as it is written\n" in parser().format_help() and "--resume" not in parser().format_help()


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--max_hours", "0"], ["--max-hours", "at least 1", "'0'"]),
        (["--max_hour5", "1"], ["--max_hour5", "did you mean --max-hours?"]),
        (["--zzz"], ["--zzz", "see --help"]),
        (["--file="], ["--file", "''"]),
        (["--file", "~nobody-of-this-name/x"], ["--file", "~nobody-of-this-name/x"]),
        (["--resume"], ["--resume", "it resumes in any case"]),
    ],
)
def test_a_mistake_is_one_sentence(words: list[str], named: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        parser().parse_args(words)
    printed, said = capsys.readouterr()
    assert (left.value.code, printed, said.count("\n")) == (2, "", 1)
    assert said.startswith("error: ") and all(word in said for word in named)


def test_a_word_that_is_no_option(capsys: pytest.CaptureFixture[str]) -> None:
    made = CommandParser()
    with pytest.raises(SystemExit):
        made.parse_args(["stray"])
    assert capsys.readouterr().err == "error: unexpected argument 'stray'; see --help\n"


def test_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    assert str(parser().parse_args(["--file", "~/x"]).file) == "/home/somebody/x"


@pytest.mark.parametrize(
    "words",
    [
        ["--max-hours", "1", "--max_hours=2"],
        ["--max_h=1", "run.seed=1", "--max-hours", "2"],
        ["--files", "1", "--files", "2", "3"],
    ],
)
def test_an_option_with_two_values_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """argparse takes the last one without a word."""
    made = parser()
    made.add_argument("--files", nargs="+")
    with pytest.raises(SystemExit) as ended:
        made.parse_args(words)
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert words[0].partition("=")[0][:5] in said and "1" in said and "2" in said
    again = ["--max-hours", "2", "--max_hours=2"]
    assert made.parse_args(again).max_hours == made.parse_args(["--max-hours", "2"]).max_hours == 2
    assert made.parse_args(["--max-hours", "3"]).max_hours == 3


def test_a_switch_that_is_on_and_off_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    made = CommandParser()
    add_mirrored(made)
    assert made.parse_args(["--mirrored", "--mirrored"]).mirrored is True
    with pytest.raises(SystemExit):
        made.parse_args(["--mirrored", "--no-mirrored"])
    assert "--mirrored" in (said := capsys.readouterr().err) and "--no-mirrored" in said
