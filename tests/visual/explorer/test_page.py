"""The explorer's page as it opens, without a browser."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dgnet.core.calibration import Calibration, Threshold, write_calibration
from dgnet.core.checkpoint import file_hash
from dgnet.data.datasets import read_dataset
from dgnet.generation.load import find_generator
from eval.reid.embedding_model import preprocessing_of
from reid_heads.load import appearance_model
from tests.visual.small_run import write_run
from tools.explore import same_person_threshold
from visual.explorer.answers import Explorer, private_gradio
from visual.image_input import read_images

pytestmark = pytest.mark.slow


def test_it_opens_with_an_example_already_swapped(tmp_path: Path) -> None:
    pytest.importorskip("gradio", reason="the extra 'explorer' is not installed")
    write_run(tmp_path)
    run, records = find_generator("small", tmp_path), read_dataset(tmp_path / "people").query
    with private_gradio():
        from visual.explorer.page import build_page

        examples = [record.path for record in records]
        page = build_page(Explorer(run, records), examples)
        parts = {part.elem_id: part for part in page.blocks.values() if getattr(part, "elem_id", None)}
        shown = np.asarray(Image.open(parts["result"].value["path"]).convert("RGB"))
        appearance, structure = read_images(examples[:2], *run.size).split(1)
        direct = run.swap(appearance, structure)[0].permute(1, 2, 0).numpy()
        # Equal but for the rounding of batches of other sizes.
        assert np.abs(shown.astype(int) - direct).max() <= 1
        filled = [name for name in ("appearance", "second-appearance", "structure", "second-structure")
                  if parts[name].value is not None]  # fmt: skip
        assert filled == ["appearance", "structure"]
        assert parts["scores"].value["label"].startswith("identity ") and len(parts["neighbors"].value) == 6
        assert "same-person" not in parts
        judging = build_page(Explorer(run, records, Threshold(0.1, -1.0, -1.0, -1.0, 1.0), "a note"), examples)
        parts = {part.elem_id: part for part in judging.blocks.values() if getattr(part, "elem_id", None)}
        assert parts["same-person"].value == "a note"
        assert all(", same person, " in entry["caption"] for entry in parts["neighbors"].value)

        # Without images to choose from it opens empty.
        empty = build_page(Explorer(run, []), [])
        assert next(part for part in empty.blocks.values() if part.elem_id == "result").value is None


def test_what_the_page_says_of_the_threshold(tmp_path: Path) -> None:
    write_run(tmp_path)
    run, records = find_generator("small", tmp_path), read_dataset(tmp_path / "people").query
    threshold, note = same_person_threshold(run, records)
    assert threshold is None and "no calibration" in note
    assert same_person_threshold(run, []) == (None, "")
    (weights,) = run.files
    wanted = Threshold(0.01, 0.7, 0.6, 0.8, 0.9)
    prepared = preprocessing_of(appearance_model(run))
    for data, known in (("people", True), ("elsewhere", False)):
        write_calibration(weights, Calibration(file_hash(weights), prepared, data, "pairs", (wanted,), {}))
        threshold, note = same_person_threshold(run, records)
        assert threshold == wanted and "0.7000" in note and data in note
        assert ("not known to be of" in note) is not known
