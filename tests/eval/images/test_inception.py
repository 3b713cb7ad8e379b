"""pytorch-fid's network from a local file, by its own arithmetic. The weights here are random, the loading is real."""

import hashlib
import urllib.error
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch
from PIL import Image
from pytorch_fid import inception
from pytorch_fid.fid_score import get_activations

from eval.extractor import features_of
from eval.images.inception import PREPARATIONS, WEIGHTS_NAME, WEIGHTS_SHA256, inception_extractor
from tests.eval.images.random_inception import random_state
from tests.eval.images.small_files import picture, write, write_set
from tests.messages import mentions


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    path = tmp_path_factory.mktemp("weights") / "random.pth"
    torch.save(random_state(), path)
    return path, hashlib.sha256(path.read_bytes()).hexdigest()


def theirs(files: list[Path], path: Path) -> np.ndarray:
    with mock.patch.object(inception, "load_state_dict_from_url", lambda *_, **__: torch.load(path)):
        network = inception.InceptionV3()
    return get_activations(files, network, batch_size=len(files), num_workers=0)


@pytest.mark.slow
def test_features_are_pytorch_fids(weights: tuple[Path, str], tmp_path: Path) -> None:
    path, digest = weights
    files = sorted(write_set(tmp_path, 3, height=64, width=32).iterdir())
    expected = theirs(files, path)
    assert expected.std(axis=0).max() > 1e-3
    ours = features_of(files, inception_extractor(weights=path, sha256=digest))
    assert ours == pytest.approx(expected, rel=1e-4, abs=1e-5)
    singly = features_of(files[::-1], inception_extractor(weights=path, sha256=digest), batch=1)
    assert singly[::-1] == pytest.approx(ours, rel=1e-4, abs=1e-5)
    clean = features_of(files, inception_extractor("clean", weights=path, sha256=digest))
    assert np.abs(clean - ours).max() > 1e-3, "another protocol is another figure"


@pytest.mark.slow
def test_batches_and_workers_change_no_feature(weights: tuple[Path, str], tmp_path: Path) -> None:
    path, digest = weights
    files = sorted(write_set(tmp_path, 5, 0, 32, 16).iterdir())
    extractor = inception_extractor(weights=path, sha256=digest)
    whole, parts = (features_of(files, extractor, batch=batch, workers=workers) for batch, workers in ((5, 2), (2, 1)))
    assert whole.std(axis=0).max() > 1e-3
    assert parts == pytest.approx(whole, rel=1e-5, abs=1e-6)


@pytest.mark.slow
def test_mixed_sizes(weights: tuple[Path, str], tmp_path: Path) -> None:
    """pytorch-fid cannot put them in one batch; one by one it can."""
    path, digest = weights
    files = [write(tmp_path / "a.png", picture(0, 40, 20)), write(tmp_path / "b.png", picture(1, 90, 31))]
    expected = np.concatenate([theirs([file], path) for file in files])
    assert features_of(files, inception_extractor(weights=path, sha256=digest)) == pytest.approx(
        expected, rel=1e-4, abs=1e-5
    )


@pytest.mark.slow
def test_what_each_protocol_shows_the_network() -> None:
    image = picture(5, 300, 150)
    tensor = torch.from_numpy(image).permute(2, 0, 1)
    prepared = {name: prepare(tensor) for name, prepare in PREPARATIONS.items()}
    assert all(shown.shape == (3, 299, 299) and 0 <= shown.min() < shown.max() <= 1 for shown in prepared.values())
    # Clean: Pillow's bicubic on floating-point channels. dgnet: rounded to 256x128 on the way.
    red = Image.fromarray(image[..., 0].astype(np.float32)).resize((299, 299), Image.Resampling.BICUBIC)
    assert prepared["clean"][0].numpy() * 255 == pytest.approx(np.asarray(red).clip(0, 255), abs=1e-2)
    small = torch.from_numpy(np.asarray(Image.fromarray(image).resize((128, 256), Image.Resampling.BICUBIC)).copy())
    by_hand = PREPARATIONS["pytorch-fid"](small.permute(2, 0, 1))
    assert prepared["dgnet"].numpy() == pytest.approx(by_hand.numpy(), abs=1.5 / 255)
    names = list(prepared)
    for one, other in zip(names, names[1:] + names[:1], strict=True):
        assert (prepared[one] - prepared[other]).abs().max() > 0.02, (one, other)


def test_bad_weights_are_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "random.pth"
    path.write_bytes(b"no weights")
    assert WEIGHTS_SHA256 == "6726825d"
    with pytest.raises(ValueError, match=mentions("random.pth", "SHA-256", "6726825d")):
        inception_extractor(weights=path)
    with pytest.raises(ValueError, match=mentions("weights", "missing.pth")):
        inception_extractor(weights=tmp_path / "missing.pth")
    with pytest.raises(ValueError, match=mentions("protocol", "pytorch-fid", "dgnet", "clean", "'other'")):
        inception_extractor("other", weights=path, sha256="")
    with pytest.raises(ValueError, match="random.pth: not a PyTorch file"):
        inception_extractor(weights=path, sha256="")
    torch.save({"fc.weight": torch.zeros(2)}, tmp_path / "other.pth")
    with pytest.raises(ValueError, match=mentions("weights", "Inception")):
        inception_extractor(weights=tmp_path / "other.pth", sha256="")


@pytest.mark.slow
def test_without_a_file_the_packages_own_download(
    weights: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, digest = weights
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    refuse = mock.Mock(side_effect=urllib.error.URLError("no network"))
    monkeypatch.setattr(torch.hub, "download_url_to_file", refuse)
    sentence = rf"{WEIGHTS_NAME} is needed and could not be downloaded \(no network\): .* name the file by --weights"
    with pytest.raises(ValueError, match=sentence):
        inception_extractor()
    fetched: list[str] = []

    def fetch(url: str, place: str, beginning: str, progress: bool) -> None:
        fetched.append(f"{url} {beginning}")
        Path(place).write_bytes(path.read_bytes())

    monkeypatch.setattr(torch.hub, "download_url_to_file", fetch)
    for _ in range(2):
        inception_extractor(sha256=digest)
    assert fetched == [f"{inception.FID_WEIGHTS_URL} 6726825d"], "fetched once, then kept"
