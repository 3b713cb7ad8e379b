"""What `eval` gives a program: names that load nothing before they are used, and examples that run."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import eval as evaluation
from dgnet.core.errors import UserError
from dgnet.core.images import DECODING
from dgnet.data.readers.market import read_market
from eval.extractor import features_of
from eval.images.inception import inception_extractor
from eval.images.kid import kernel_distance
from eval.reid.color_histogram import ColorHistogram, color_histogram
from tests.dgnet.data.photographs import write_market
from tests.eval.images.random_inception import random_state
from tests.eval.images.small_files import write_set
from tests.eval.mean_color import MeanColor
from tests.messages import mentions


@pytest.mark.slow
def test_import_loads_no_torch():
    code = "import sys, eval as e; dir(e); assert 'torch' not in sys.modules; e.rank_metrics; print('loaded')"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "loaded\n"
    assert set(evaluation.__all__) <= set(dir(evaluation))
    assert all(callable(getattr(evaluation, name)) for name in evaluation.__all__)
    with pytest.raises(AttributeError, match="measure_everything"):
        evaluation.measure_everything  # noqa: B018


def test_anything_with_a_name_a_size_and_a_call_is_a_model(tmp_path):
    market = read_market(write_market(tmp_path / "Market-1501"))
    dataset = SimpleNamespace(root=market.root, query=market.query, gallery=market.gallery)
    accuracy = evaluation.evaluate_reid(MeanColor(), dataset, protocol="dgnet")
    sides = [accuracy.features.splits[name] for name in ("query", "gallery")]
    expected = evaluation.rank_metrics(*sides, protocol="dgnet")
    assert (accuracy.plain.mAP, accuracy.plain.protocol) == (expected.mAP, "dgnet")
    shape = {"decoding": DECODING, "height": 8, "width": 4, "resize": "antialiased bicubic"}
    assert accuracy.features.preprocessing == shape
    assert "mean color, 8x4" in accuracy.metrics[0].note
    with pytest.raises(UserError, match="no image of the split query"):
        evaluation.evaluate_reid(MeanColor(), SimpleNamespace(root=market.root, query=(), gallery=market.gallery))


@pytest.mark.parametrize("answer", [lambda mean: mean.numpy(), lambda mean: (mean, mean)])
def test_a_model_that_gives_no_tensor_is_one_sentence(tmp_path, answer):
    class Other(MeanColor):
        def __call__(self, images: torch.Tensor) -> object:
            return answer(super().__call__(images))

    market = read_market(write_market(tmp_path / "Market-1501"))
    with pytest.raises(UserError, match=mentions("mean color", "tensor", type(answer(torch.ones(1))).__name__)):
        evaluation.evaluate_reid(Other(), market)


def test_the_color_histogram_is_a_model():
    images = torch.randint(0, 256, (3, 3, 24, 8), dtype=torch.uint8)
    assert np.array_equal(ColorHistogram()(images).numpy(), color_histogram(images))


@pytest.mark.slow
def test_fid_and_kid_of_two_folders(tmp_path, monkeypatch):
    weights = tmp_path / "random.pth"
    torch.save(random_state(), weights)
    real, generated = (write_set(tmp_path / name, 3, seed, 32, 16) for seed, name in enumerate(("real", "generated")))
    monkeypatch.setattr("dgnet.core.published_weights.check_sha256", lambda *_: None)
    extractor = inception_extractor("clean", weights=weights, sha256="")
    features = [features_of(sorted(Path(folder).iterdir()), extractor) for folder in (real, generated)]
    distance = evaluation.fid(real, str(generated), protocol="clean", weights=weights)
    # The distance of fewer images than features without their large covariances: see test_frechet.py.
    centered = [(x - x.mean(axis=0)) / np.sqrt(len(x) - 1) for x in np.asarray(features, np.float64)]
    moved = np.subtract(*features).mean(axis=0, dtype=np.float64)
    root = np.linalg.svd(centered[0] @ centered[1].T, compute_uv=False).sum()
    assert distance.value == pytest.approx(moved @ moved + np.square(centered).sum() - 2 * root, rel=1e-6)
    assert (distance.name, distance.better) == ("FID", "lower") and "clean" in distance.protocol
    assert evaluation.kid(real, generated, weights=weights).value == pytest.approx(kernel_distance(*features), rel=1e-6)
