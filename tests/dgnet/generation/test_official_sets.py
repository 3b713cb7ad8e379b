"""Sets from a folder of the official release: read as it is, labels by the people that its classes stand for."""

import csv

import pytest
import torch

from dgnet.core import pixels
from dgnet.core.checkpoint import file_hash
from dgnet.core.images import read_image
from dgnet.generation.create_set import create_set
from dgnet.generation.load import find_generator
from dgnet.generation.request import SetRequest
from tests.dgnet.official.official_folder import (
    NAMES,
    narrow_trunk,
    official_networks,
    write_images,
    write_official,
    write_teacher,
)


@pytest.fixture
def released(tmp_path, monkeypatch):
    narrow_trunk(monkeypatch)
    naive = official_networks()
    write_images(tmp_path / "people")
    write_teacher(tmp_path / "models" / "best", naive, {"stride": 2})
    return write_official(tmp_path / "official", naive)


@pytest.mark.slow
@pytest.mark.parametrize("teacher", [False, True])
def test_labels_name_the_people_of_the_official_classes(released, tmp_path, teacher):
    options = {"teacher": tmp_path / "models" / "best"} if teacher else {}
    before = {path: path.read_bytes() for path in released.rglob("*.*")}
    request = SetRequest(
        name=str(released), device="cpu", data=tmp_path / "people", output=tmp_path / "set", count=6, **options
    )
    labels_by = "teacher net_last.pth" if teacher else "the generator's own primary classifier"
    assert create_set(request).labels_by == labels_by
    with (tmp_path / "set/manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6 and {row["checkpoint"] for row in rows} == {
        file_hash(released / "checkpoints" / "gen_00000006.pt")
    }
    if not teacher:
        encoder = find_generator(str(released)).network.appearance
        image = pixels.normalize(read_image(tmp_path / "set" / rows[2]["path"])[None])
        with torch.no_grad():
            views = [encoder(view).primary.logits.softmax(1)[0] for view in (image, image.flip(3))]
        # NAMES in the order of the official classes: "0150" before "15" before "7".
        expected = dict(zip(sorted(NAMES), ((views[0] + views[1]) / 2).tolist(), strict=True))
        label = {part.split(":")[0]: float(part.split(":")[1]) for part in rows[2]["soft_label"].split()}
        assert label == pytest.approx({str(int(name)): value for name, value in expected.items()}, abs=2e-3)
        assert max(label.values()) - min(label.values()) > 0.01
    assert {path: path.read_bytes() for path in released.rglob("*.*")} == before
