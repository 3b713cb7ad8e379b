"""What `dgnet` gives a program: names that load nothing before they are used, and a generator that swaps any images."""

import subprocess
import sys

import numpy as np
import pytest
import torch

import dgnet
import visual
from dgnet.core import pixels
from dgnet.core.errors import UserError
from tests.dgnet.data.photographs import write_market
from tests.dgnet.official.official_folder import narrow_trunk, official_networks, write_official
from tests.dgnet.small_generator import small_generator, store
from tests.dgnet.small_training import narrow_trunks
from tests.messages import mentions
from tests.tools.gan_tool import write_config


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    """A folder with outputs/market and data/Market-1501."""
    place = tmp_path_factory.mktemp("public")
    store(place / "outputs/market", small_generator(), 10)
    write_market(place / "data/Market-1501")
    return place


def images(count, height=90, width=31, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, 3), np.uint8)


def resize(arrays):
    tensors = pixels.resize(torch.from_numpy(arrays.copy()).permute(0, 3, 1, 2), 64, 48)
    return tensors.permute(0, 2, 3, 1).numpy()


@pytest.mark.slow
def test_import_loads_no_torch():
    # The processes that render pedestrians start without it, too.
    code = "import sys, dgnet, visual, dgnet.data.pedestrians; dir(dgnet), dir(visual); "
    code += "assert 'torch' not in sys.modules; dgnet.load_config; print('read')"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "read\n"
    assert set(dgnet.__all__) <= set(dir(dgnet)) and all(callable(getattr(dgnet, name)) for name in dgnet.__all__)
    with pytest.raises(AttributeError, match="load_everything"):
        dgnet.load_everything  # noqa: B018


@pytest.mark.slow
def test_a_swap_of_any_size_and_kind(market):
    generator = dgnet.load_generator(market / "outputs/market")
    appearances, structures = images(3, seed=1), images(3, seed=2)[:, ::-1]  # a view that runs backwards
    swapped = generator.swap(appearances, structures)
    assert (swapped.dtype, swapped.shape) == (np.uint8, (3, 64, 48, 3))
    tensors = [torch.tensor(array.copy()).permute(0, 3, 1, 2) for array in (appearances, structures)]
    assert np.array_equal(generator.swap(*tensors).permute(0, 2, 3, 1).numpy(), swapped)
    with torch.no_grad():
        resized = [pixels.normalize(pixels.resize(tensor, 64, 48)) for tensor in tensors]
        expected = pixels.to_uint8(generator.network(*resized)).permute(0, 2, 3, 1).numpy()
    assert np.array_equal(swapped, expected)
    assert not np.array_equal(generator.swap(structures, appearances), swapped)
    grid = generator.swap_all(appearances[:2], structures)
    assert grid.shape == (2, 3, 64, 48, 3) and np.abs(grid[0, 0].astype(int) - swapped[0]).max() <= 1
    picture = visual.swap_grid(resize(appearances[:2]), resize(structures), grid, scale=1)
    assert picture.dtype == np.uint8 and picture.ndim == 3 and set(visual.__all__) <= set(dir(visual))


@pytest.mark.slow
def test_codes_and_embeddings(market):
    generator = dgnet.load_generator(str(market / "outputs/market"))
    people = images(35)
    appearance, structure = generator.appearance_codes(people), generator.structure_codes(people)
    assert appearance.shape == (35, 4 * 512) and structure.shape == (35, 16, 16, 12)
    features = generator.embed(people)
    assert features.dtype == np.float32 and features.shape == (35, 1024)
    np.testing.assert_allclose(np.linalg.norm(features[:, :512], axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(
        generator.embed(people[34:], alpha=0), features[34:] * ([1] * 512 + [0] * 512), atol=1e-4
    )
    assert isinstance(generator.embed(torch.from_numpy(people).permute(0, 3, 1, 2)), torch.Tensor)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("appearances", "named"),
    [
        (images(2) / 255, mentions("appearances", "uint8", "float64")),
        (torch.rand(2, 3, 64, 48), mentions("appearances", "uint8", "float32")),
        (images(2)[0], r"\[image, height, width, 3\].*\[90, 31, 3\]"),
        (images(2).transpose(0, 3, 1, 2), r"\[image, height, width, 3\].*\[2, 3, 90, 31\]"),
        (torch.zeros(2, 64, 48, 3, dtype=torch.uint8), r"\[image, 3, height, width\].*\[2, 64, 48, 3\]"),
        (images(0), "at least one image"),
        (images(3), mentions("images", 3, 2)),
        (torch.zeros(2, 3, 64, 48, dtype=torch.uint8), mentions("images", 2)),
    ],
)
def test_what_is_no_batch_of_images_is_refused(market, appearances, named):
    generator = dgnet.load_generator(market / "outputs/market/checkpoints/checkpoint_00000010.pt")
    with pytest.raises(UserError, match=named):
        generator.swap(appearances, images(2))


def test_a_folder_of_the_official_release(tmp_path, monkeypatch):
    narrow_trunk(monkeypatch)
    generator = dgnet.load_generator(write_official(tmp_path / "E0.5new", official_networks()))
    assert (generator.name, generator.iteration, generator.identities) == ("E0.5new", 6, ())
    assert generator.swap(images(1), images(1)).shape == (1, *generator.size, 3)


@pytest.mark.slow
def test_train_from_a_configuration_then_load(tmp_path, monkeypatch):
    narrow_trunks(monkeypatch)
    write_config(tmp_path)
    with pytest.raises(UserError, match=r"nowhere.yaml: no such configuration file"):
        dgnet.train(str(tmp_path / "nowhere.yaml"), tmp_path)
    config = dgnet.load_config(str(tmp_path / "tiny.yaml"), ["schedule.iterations=2", "loss.teacher=0"])
    folder = dgnet.train(config, tmp_path)
    assert folder == tmp_path / "outputs/whole"
    assert dgnet.load_generator(folder).iteration == 2
    # The configuration, or the path of its file.
    for given in (config, tmp_path / "tiny.yaml"):
        with pytest.raises(UserError, match="already holds a run"):
            dgnet.train(given, tmp_path)
