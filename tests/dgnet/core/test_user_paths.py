"""The public functions take paths as users write them: text, with `~`; an empty one is no folder."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dgnet import load_config, load_generator, read_dataset
from dgnet.core.errors import UserError
from eval import evaluate_images, fid, kid, read_report
from reid_heads import load_model
from tests.messages import mentions

FUNCTIONS: list[Callable[[str], Any]] = [
    load_config,
    load_generator,
    load_model,
    read_dataset,
    read_report,
    lambda path: fid(path, path),
    lambda path: kid(path, path),
    lambda path: evaluate_images(read_dataset(path), path),
]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_an_empty_path_is_not_the_current_folder(function: Callable[[str], Any]) -> None:
    for text in ("", "a\0b"):
        with pytest.raises(UserError, match="must be a path"):
            function(text)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_home_folder(function: Callable[[str], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    # A folder is no file: what is there is told by the sentence, whichever the function wants.
    with pytest.raises((UserError, FileNotFoundError), match=mentions("nowhere")):
        function("~/nowhere")
    (tmp_path / "nowhere").mkdir()
    with pytest.raises((UserError, IsADirectoryError), match=mentions(f"{tmp_path}/nowhere")):
        function("~/nowhere")
