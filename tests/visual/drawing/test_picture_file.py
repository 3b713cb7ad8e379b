"""The ending of a picture's name is its format."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dgnet.core.errors import UserError
from visual.drawing.picture_file import ENDINGS, encoded, picture_file, require_ending

PICTURE = np.random.default_rng(0).integers(0, 256, (40, 30, 3), np.uint8)


@pytest.mark.parametrize(
    ("ending", "kind"), [(".png", "PNG"), (".PNG", "PNG"), (".jpg", "JPEG"), (".jpeg", "JPEG"), (".webp", "WEBP")]
)
def test_it_is_what_it_says(ending: str, kind: str) -> None:
    content = encoded(PICTURE, ending)
    image = Image.open(io.BytesIO(content))
    assert (image.format, image.size) == (kind, (30, 40))
    if kind != "JPEG":
        assert np.array_equal(np.asarray(image.convert("RGB")), PICTURE)
    assert encoded(PICTURE, ending) == content


def test_a_pdf_has_no_date() -> None:
    content = encoded(PICTURE, ".pdf")
    assert content.startswith(b"%PDF") and b"D:1970" in content and encoded(PICTURE, ".pdf") == content


@pytest.mark.parametrize("name", ["x.svg", "x.gif", "x.v2", "x.tif"])
def test_other_endings_are_refused(name: str) -> None:
    with pytest.raises(UserError, match=rf"{', '.join(ENDINGS)}.*got '{name}'"):
        picture_file(Path(name))


def test_no_ending_is_png_and_a_film_may_have_its_own() -> None:
    assert picture_file(Path("folder.d/x")) == Path("folder.d/x.png")
    require_ending(Path("x.gif"), (".gif",))


def test_a_size_that_the_format_does_not_have_is_named() -> None:
    with pytest.raises(UserError, match=r"70000x1 pixels.*\.jpg"):
        encoded(np.zeros((1, 70000, 3), np.uint8), ".jpg")
