"""What `reid_heads` gives a program: names that load nothing before they are used, any trained network by its path."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import reid_heads
from dgnet.core import pixels
from dgnet.core.errors import UserError
from dgnet.core.image_arrays import listed_files
from dgnet.models.embedding import appearance_embedding, model_embedding
from dgnet.models.model_file import save_model
from dgnet.models.reid_model import ReIDModel
from reid_heads import build_model, load_model
from tests.dgnet.small_generator import small_generator, store
from tests.messages import mentions

pytestmark = pytest.mark.usefixtures("narrow")

IDENTITIES = (3, 8, 21)


@pytest.fixture(scope="module")
def place(narrow: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the runs of a BNNeck, a teacher and a DG-Net."""
    place = tmp_path_factory.mktemp("public")
    for run, file in (("bnneck", "mAP_85.0.pth"), ("market_teacher", "teacher.pth")):
        (place / "outputs" / run).mkdir(parents=True)
        save_model(place / "outputs" / run / file, model(run), IDENTITIES, 64, 48)
    store(place / "outputs/market", small_generator(), 10)
    return place


def model(run: str) -> ReIDModel:
    torch.manual_seed(0)
    return build_model("resnet18", 3) if run == "bnneck" else build_model("ide", 3, backbone="resnet18", dropout=0.0)


def images(count: int = 3, height: int = 90, width: int = 31) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, height, width, 3), np.uint8)


def test_import_loads_no_torch() -> None:
    code = "import sys, reid_heads; dir(reid_heads); assert 'torch' not in sys.modules; print('imported')"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert set(reid_heads.__all__) <= set(dir(reid_heads))
    assert all(callable(getattr(reid_heads, name)) for name in reid_heads.__all__)
    with pytest.raises(AttributeError, match="load_everything"):
        reid_heads.load_everything  # noqa: B018


@pytest.mark.slow
@pytest.mark.parametrize("run", ["bnneck", "market_teacher", "market"])
def test_whatever_embeds_people_is_loaded(place: Path, run: str) -> None:
    loaded = load_model(place / "outputs" / run)
    assert (loaded.height, loaded.width, loaded.identities) == (64, 48, (3, 5, 8) if run == "market" else IDENTITIES)
    assert not any(module.training for module in loaded.network.modules())
    assert loaded.name == load_model(run, output=place).name
    seen = pixels.normalize(pixels.resize(torch.from_numpy(images()).permute(0, 3, 1, 2), 64, 48))
    with torch.no_grad():
        if run == "market":
            expected = appearance_embedding(small_generator().appearance)(seen)
        else:
            expected = model_embedding(model(run).eval(), mirrored=run != "bnneck")(seen)
    assert loaded.mirrored == (run != "bnneck")
    features = loaded.embed(images())
    assert features.dtype == np.float32
    np.testing.assert_allclose(features, expected.numpy(), atol=1e-5)


@pytest.mark.slow
def test_arrays_tensors_and_files_have_the_same_features(place: Path, tmp_path: Path) -> None:
    loaded = load_model(place / "outputs/bnneck/mAP_85.0.pth", mirrored=True)
    features = loaded.embed(images(), batch=2)
    tensors = torch.from_numpy(images()).permute(0, 3, 1, 2)
    np.testing.assert_allclose(loaded.embed(tensors).numpy(), features, atol=1e-5)
    np.testing.assert_allclose(loaded(tensors).numpy(), features, atol=1e-5)
    files = [tmp_path / f"{number}.png" for number in range(3)]
    for file, image in zip(files, images(), strict=True):
        Image.fromarray(image).save(file)
    np.testing.assert_allclose(loaded.embed(files), features, atol=1e-5)
    np.testing.assert_allclose(loaded.embed(list(map(str, files)), batch=1), features, atol=1e-5)


def test_what_is_no_image_and_no_model_is_one_sentence(place: Path, tmp_path: Path) -> None:
    loaded = load_model("bnneck", output=place)
    with pytest.raises(UserError, match="uint8"):
        loaded.embed(images().astype(np.float32))
    with pytest.raises(UserError, match="empty"):
        loaded.embed([])
    for wrong, kind in (([images()], "ndarray"), ([1], "int"), (1, "int"), ("one.png", "str")):
        with pytest.raises(UserError, match=mentions("images", "files", kind)):
            listed_files("images", wrong)
    with pytest.raises(UserError, match=r"nobody.*bnneck, market, market_teacher"):
        load_model("nobody", output=place)
    torch.save({"weight": torch.zeros(2)}, tmp_path / "theirs.pth")
    with pytest.raises(UserError, match="name it: "):
        load_model(tmp_path / "theirs.pth")
