"""A full disk is named by what could not be written to it, whoever writes; what is there stays, and nothing half is."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from dgnet.core.files import replace_text
from dgnet.data.pedestrians import SyntheticSpec, write_dataset
from dgnet.data.prepare_market import prepare_market
from dgnet.runs.scalars import ScalarTable, TensorBoardCurves
from dgnet.video.boxes import Boxes
from dgnet.video.frames import Frame
from dgnet.video.source_writer import SourceWriter
from tests.dgnet.data.photographs import write_market

resource = pytest.importorskip("resource")


@contextlib.contextmanager
def no_file_beyond(size: int) -> Iterator[None]:
    """Systems answer a file that is too large as they do a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def pedestrians(place: Path) -> None:
    write_dataset(place / "wanted", SyntheticSpec(train_identities=2, test_identities=2), processes=1)


def official_layout(place: Path) -> None:
    prepare_market(place / "market", place / "wanted", copy=True)


def text(place: Path) -> None:
    (place / "wanted").write_text("earlier")
    try:
        replace_text(place / "wanted", "x" * 100)
    finally:
        assert (place / "wanted").read_text() == "earlier"


def curves(place: Path) -> None:
    TensorBoardCurves(place / "wanted", 0)


def scalars(place: Path) -> None:
    table = ScalarTable(place / "wanted", 0)
    for iteration in range(100):
        table.add(iteration, {"loss": 1.0})


@pytest.mark.parametrize("write", [pedestrians, official_layout, text, curves, scalars])
def test_it_is_named(write: Callable[[Path], None], tmp_path: Path) -> None:
    if write is official_layout:
        write_market(tmp_path / "market")
    with no_file_beyond(20), pytest.raises(OSError) as caught:
        write(tmp_path)
    assert str(tmp_path / "wanted") in str(caught.value.filename), caught.value


def test_no_crop_of_a_gallery_breaks_off_unsaid(tmp_path: Path) -> None:
    """Pillow writes a JPEG file itself, and takes a part that the disk has room for as the whole."""
    boxes = Boxes(np.array([[0.0, 0, 40, 80]]), np.array([1.0]), np.array([1]), np.array([1]))
    writer = SourceWriter(tmp_path / "people", "walk", {}, resume=False)
    with no_file_beyond(200), pytest.raises(OSError) as caught:
        writer.add(Frame(0, 0.0, lambda: np.zeros((90, 90, 3), np.uint8)), boxes, boxes)
    assert Path(caught.value.filename).name == "00000000.jpg"
