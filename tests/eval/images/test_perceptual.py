"""LPIPS from local files. The trunk's weights here are random, the loading and the linear layers are real."""

import urllib.error
from pathlib import Path
from unittest import mock

import lpips
import numpy as np
import pytest
import torch

from dgnet.core.errors import UserError
from eval.images.perceptual import PerceptualDistance
from tests.eval.images.random_trunk import BUILD, features, trunk
from tests.messages import mentions


class Trunk(torch.nn.Module):
    """What the package gets from torchvision."""

    def __init__(self, network: str, path: Path) -> None:
        super().__init__()
        self.features = features(network).to_empty(device="cpu")
        state = torch.load(path)
        self.load_state_dict({key: value for key, value in state.items() if key.startswith("features.")})


def images(seed: int, count: int = 3) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 256, (count, 3, 8, 4), dtype=np.uint8)
    return coarse.repeat(8, 2).repeat(8, 3)


@pytest.mark.slow
@pytest.mark.parametrize("network", ["alex", "vgg", "squeeze"])
def test_equals_the_packages_own_loading(network: str, tmp_path: Path) -> None:
    path, digest = trunk(network, tmp_path)
    distance = PerceptualDistance(network, trunk=path, trunk_sha256=digest)
    first, second = images(0), images(1)
    with mock.patch.object(lpips.pn.tv, BUILD[network].__name__, lambda pretrained: Trunk(network, path)):
        package = lpips.LPIPS(net=network, verbose=False)
    with torch.no_grad():
        expected = package(*(torch.from_numpy(x).float() / 127.5 - 1 for x in (first, second))).flatten().numpy()
    ours = distance(first, second).numpy()
    assert ours.min() > 1e-3
    assert ours == pytest.approx(expected, rel=1e-5)
    assert (distance(first, first) == 0).all()
    assert distance(first, second, batch=1).numpy() == pytest.approx(ours, rel=1e-5)
    assert distance(second, first).numpy() == pytest.approx(ours, rel=1e-5)


def test_the_value_range_is_asserted(tmp_path: Path) -> None:
    path, digest = trunk("alex", tmp_path)
    distance = PerceptualDistance("alex", trunk=path, trunk_sha256=digest)
    first, second = images(0), images(1)
    signed = [torch.from_numpy(x).float() / 127.5 - 1 for x in (first, second)]
    assert distance(*signed).numpy() == pytest.approx(distance(first, second).numpy(), rel=1e-6)
    with pytest.raises(ValueError, match=mentions("first", "uint8", "-1", 1, "torch.float32", 0, 255)):
        distance(first.astype(np.float32), second)
    with pytest.raises(ValueError, match=mentions("second", "uint8", "-1", 1, "torch.float32")):
        distance(first, np.where(second > 200, np.nan, 0).astype(np.float32))
    with pytest.raises(ValueError, match="got torch.int64"):
        distance(first.astype(np.int64), second)
    with pytest.raises(ValueError, match=mentions("pixels", "shape", 32)):
        distance(first[..., :31], second[..., :31])
    with pytest.raises(ValueError, match="both images must have one shape"):
        distance(first, second[:2])
    for batch in (0, -1):
        with pytest.raises(UserError, match=mentions("batch", "at least 1", batch)):
            distance(first, second, batch=batch)


def test_images_from_0_to_1_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """They were taken for gray ones, and their distances were too small."""
    path, digest = trunk("alex", tmp_path)
    distance = PerceptualDistance("alex", trunk=path, trunk_sha256=digest)
    first, second = images(0), images(1)
    last = [x.transpose(0, 2, 3, 1) for x in (first, second)]
    assert torch.equal(distance(*last), distance(first, second)) and not caplog.text
    distance(*(x / np.float32(127.5) - 1 for x in (first, second)))
    assert not caplog.text
    distance(*(x / np.float32(255) for x in (first, second)))
    assert "2 * image - 1" in caplog.text


@pytest.mark.slow
def test_bad_weights_are_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, digest = trunk("alex", tmp_path)
    with pytest.raises(ValueError, match=mentions("alex", "vgg", "squeeze", "'resnet'")):
        PerceptualDistance("resnet", trunk=path)
    with pytest.raises(ValueError, match=mentions("alex.pth", "SHA-256", "7be5be79")):
        PerceptualDistance("alex", trunk=path)
    with pytest.raises(ValueError, match=mentions("trunk", "weights", "LPIPS")):
        PerceptualDistance("squeeze", trunk=path, trunk_sha256=digest)
    with pytest.raises(ValueError, match=mentions("linear", "weights", "LPIPS")):
        PerceptualDistance("alex", trunk=path, trunk_sha256=digest, linear=path)
    with pytest.raises(ValueError, match=mentions("weights", "nowhere.pth")):
        PerceptualDistance("alex", trunk=path, trunk_sha256=digest, linear=tmp_path / "nowhere.pth")
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    refuse = mock.Mock(side_effect=urllib.error.URLError("no network"))
    monkeypatch.setattr(torch.hub, "download_url_to_file", refuse)
    with pytest.raises(ValueError, match=mentions("alexnet-owt-7be5be79.pth", "no")):
        PerceptualDistance("alex")
