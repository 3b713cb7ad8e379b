"""An option out of its range ends its tool while it reads options: status 2, the option, the range, what was given."""

import pytest

from tests.tools.evaluation_tool import answer
from tools import evaluate_gan, fid, perceptual, train_gan, train_teacher


@pytest.mark.parametrize(
    ("tool", "option", "text", "allowed"),
    [
        (train_gan, "--max-hours", "-1", "a number greater than 0"),
        (train_teacher, "--max-hours", "-1", "a number greater than 0"),
        (fid, "--weights-sha256", "", "1 to 64 hexadecimal digits"),
        (perceptual, "--weights-sha256", "", "1 to 64 hexadecimal digits"),
        (evaluate_gan, "--weights-sha256", "", "1 to 64 hexadecimal digits"),
        (evaluate_gan, "--lpips-sha256", "", "1 to 64 hexadecimal digits"),
    ],
)
def test_it_is_named_as_it_was_typed(tool, option: str, text: str, allowed: str, monkeypatch, capsys) -> None:
    status, printed, said = answer(tool, monkeypatch, capsys, f"{option}={text}")
    assert (status, printed) == (2, "") and f"argument {option}: must be {allowed}, got '{text}'" in said
