"""The explorer's page as it opens, without a browser."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dgnet.data.datasets import read_dataset
from dgnet.generation.load import find_generator
from tests.visual.small_run import write_run
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

        # Without images to choose from it opens empty.
        empty = build_page(Explorer(run, []), [])
        assert next(part for part in empty.blocks.values() if part.elem_id == "result").value is None
