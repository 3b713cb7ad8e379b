"""Heads and losses against numbers of the reference code, in float64: embeddings, losses and gradient norms.

With DGNET_ALL_CASES=1 in the environment (`make parity`) every model trains a step, otherwise three of them do.
"""

import json
import os
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from dgnet.models.read_model import read_model
from dgnet.models.reid_model import ReIDModel
from reid_heads.losses.center import center_loss
from reid_heads.losses.hard_mining import hardest_distances
from reid_heads.losses.label_smoothing import smoothed_labels, soft_cross_entropy
from reid_heads.losses.msml import margin_sample_mining_loss
from reid_heads.losses.objective import Objective
from reid_heads.losses.triplet import soft_margin_triplet_loss, triplet_loss
from reid_heads.training.schedules import warmup_multistep
from tests.reference_fill import filled_state_dict, images

REFERENCE = Path(__file__).parents[1] / "reference"
TOLERANCE = 1e-6
# Gradients this far below the largest are rounding noise.
NOISE = 1e-6
# While evaluating, images do not see each other: of the reference's eight, so many are embedded.
EMBEDDED = 2
ALL_CASES = bool(os.environ.get("DGNET_ALL_CASES"))
BASELINES = ("resnet18", "resnet50", "resnet34", "resnet50_ibn_a")
# One of basic blocks, one of bottlenecks: the two others differ from them in what their embeddings show.
TRAINED = BASELINES if ALL_CASES else BASELINES[:2]


@lru_cache
def reference() -> dict:
    return json.loads((REFERENCE / "heads_dev.json").read_text())


@lru_cache
def arrays() -> dict[str, np.ndarray]:
    return dict(np.load(REFERENCE / "heads_dev.npz"))


def filled_head(shapes: dict, prefix: str, name: str, folder: Path, **options: str) -> ReIDModel:
    """A model with the reference's weights, read from a file as the reference writes it."""
    torch.save(filled_state_dict(shapes, prefix), folder / "reference.pth")
    return read_model(folder / "reference.pth", name, **options).network.train().double()


def close(ours: Tensor, stored: np.ndarray) -> bool:
    return bool(np.linalg.norm(ours.detach().numpy() - stored) <= TOLERANCE * np.linalg.norm(stored))


@pytest.mark.slow
@pytest.mark.large
@pytest.mark.parametrize("name", BASELINES)
def test_baseline_embeds_like_the_reference(name: str, tmp_path: Path) -> None:
    case = reference()[f"baseline_{name}"]
    head = filled_head(case["state_dict_shapes"], f"{name}.", name, tmp_path).eval()
    batch = images(reference()["seed"] + 1, 8, 256, 128)[:EMBEDDED].double()
    with torch.no_grad():
        assert close(head.embed(batch), arrays()[f"baseline_{name}/embedding_after_bnneck"][:EMBEDDED])


@pytest.mark.slow
@pytest.mark.large
@pytest.mark.parametrize("name", TRAINED)
def test_baseline_trains_like_the_reference(name: str, tmp_path: Path) -> None:
    case = reference()[f"baseline_{name}"]
    head = filled_head(case["state_dict_shapes"], f"{name}.", name, tmp_path)
    batch = images(reference()["seed"] + 1, 8, 256, 128).double()
    labels = torch.tensor(case["labels"])
    objective = Objective(head, "1*CrossEntropy+1*Triplet", margin=0.3, label_smoothing=0.1)
    output = head(batch)
    record = objective(output, labels)
    assert record.terms["CrossEntropy"].item() == pytest.approx(case["label_smooth_0.1"], rel=TOLERANCE)
    assert record.terms["Triplet"].item() == pytest.approx(case["triplet_0.3"], rel=TOLERANCE)
    soft = soft_margin_triplet_loss(output.metric_features[0], labels)
    assert soft.item() == pytest.approx(case["soft_margin_triplet"], rel=TOLERANCE)
    record.total().backward()
    gradients = [parameter.grad.norm() for parameter in head.parameters() if parameter.grad is not None]
    assert torch.stack(gradients).norm().item() == pytest.approx(case["grad_norm_total"], rel=TOLERANCE)


@pytest.mark.slow
@pytest.mark.large
@pytest.mark.parametrize("pooling", ["avg", "max"])
def test_mgn_equals_the_reference(pooling: str, tmp_path: Path) -> None:
    case, shapes = reference()[f"mgn_{pooling}"], reference()["mgn_state_dict_shapes"]
    head = filled_head(shapes, "mgn.", "mgn", tmp_path, pooling=pooling)
    batch = images(reference()["seed"], 8, 384, 128).double()
    head.eval()
    with torch.no_grad():
        output = head(batch[:EMBEDDED])
    assert close(output.embedding, arrays()[f"mgn_{pooling}/embedding"][:EMBEDDED])
    assert close(output.logits[0], arrays()[f"mgn_{pooling}/logits_0"][:EMBEDDED])
    assert close(output.logits[7], arrays()[f"mgn_{pooling}/logits_7"][:EMBEDDED])

    if pooling == "max" and not ALL_CASES:
        return  # what it has otherwise, its embedding shows
    head.train()
    record = Objective(head, "1*CrossEntropy+2*Triplet", margin=1.2)(head(batch), torch.tensor(case["labels"]))
    assert record.terms["CrossEntropy"].item() == pytest.approx(case["cross_entropy"], rel=TOLERANCE)
    assert record.terms["Triplet"].item() == pytest.approx(case["triplet_margin_1.2"], rel=TOLERANCE)
    assert record.total().item() == pytest.approx(case["total_1ce_2tri"], rel=TOLERANCE)
    record.total().backward()
    ours = dict(head.named_parameters())
    largest = max(case["grad_norms"].values())
    for key, stored in case["grad_norms"].items():
        (place,) = head.third_party_keys(key)
        norm = ours[place].grad.norm().item()
        if stored < NOISE * largest:
            assert norm < 10 * NOISE * largest, key
        else:
            assert norm == pytest.approx(stored, rel=TOLERANCE), key


def losses_case() -> tuple[dict, Tensor, Tensor]:
    case = reference()["losses_on_features"]
    return case, torch.from_numpy(arrays()["losses/features"]), torch.tensor(case["labels"])


def test_losses_on_features_equal_the_references() -> None:
    case, features, labels = losses_case()
    for margin, stored in case["triplet_batch_hard"].items():
        assert triplet_loss(features, labels, float(margin)).item() == pytest.approx(stored, rel=TOLERANCE)
    centers = torch.from_numpy(arrays()["losses/centers"])
    assert center_loss(features, labels, centers).item() == pytest.approx(case["center"], rel=TOLERANCE)
    logits = torch.from_numpy(arrays()["losses/logits"])
    smoothed = soft_cross_entropy(logits, smoothed_labels(labels, 10, 0.1).double())
    assert smoothed.item() == pytest.approx(case["label_smooth_0.1"], rel=TOLERANCE)
    hardest = hardest_distances(features, labels)
    positive, negative = case["msml_hardest_positive_pair_distance"], case["msml_hardest_negative_pair_distance"]
    assert hardest.positive.max().item() == pytest.approx(positive, rel=TOLERANCE)
    assert hardest.negative.min().item() == pytest.approx(negative, rel=TOLERANCE)
    mined = margin_sample_mining_loss(features, labels, 1.2).item()
    assert mined == pytest.approx(positive - negative + 1.2, rel=TOLERANCE)


def test_learning_rates_equal_the_listed_ones() -> None:
    case = reference()["warmup_multistep_lr"]
    rates = [
        case["base_lr"]
        * warmup_multistep(epoch, case["milestones"], case["gamma"], case["warmup_iters"], case["warmup_factor"])
        for epoch in range(len(case["lr_by_epoch"]))
    ]
    assert rates == pytest.approx(case["lr_by_epoch"], rel=1e-12)
