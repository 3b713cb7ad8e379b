"""How a tool leaves: its status, and one sentence instead of a traceback where the user is to act."""

import subprocess
import sys

import pytest

from dgnet.core.errors import UserError, command


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (UserError("a.jpg: no image"), 2, "error: a.jpg: no image\n"),
        (OSError(28, "No space left on device", "a.png"), 2, "error: a.png: No space left on device\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
    ],
)
def test_what_the_user_can_mend_is_one_sentence(
    error: BaseException, status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def main() -> None:
        raise error

    with pytest.raises(SystemExit) as left:
        command(main)
    assert (left.value.code, capsys.readouterr().err) == (status, said)


def test_a_mistake_of_the_program_is_seen_whole() -> None:
    def main() -> None:
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        command(main)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no pipes of this kind")
@pytest.mark.parametrize("lines", [1, 100_000])
def test_a_reader_that_has_seen_enough_is_no_mistake(lines: int) -> None:
    """As `tool | head` or a pager."""
    program = f"from dgnet.core.errors import command; command(lambda: print('line\\n' * {lines}))"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
    assert (process.returncode, said) == (141, b"")
