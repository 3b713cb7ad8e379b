"""The naive step away from the stored numbers: every option, small and in float32, as the benchmark runs it."""

import copy
import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from tests.oracles.naive_config import NaiveConfig
from tests.oracles.naive_step import NaiveDGNet

pytestmark = pytest.mark.usefixtures("narrow")

SMALL = NaiveConfig(
    identities=5,
    trunk="resnet18",
    teacher_trunk="resnet18",
    structure_dim=4,
    structure_residuals=1,
    mlp_dim=16,
    discriminator_dim=4,
    discriminator_residuals=1,
    warm_iter=10,
    warm_teacher_iter=20,
)
BEFORE, DURING, AFTER = 0, 15, 60000
LABELS = torch.tensor([0, 1]), torch.tensor([2, 3])


def batches(erased: bool = False) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    names = ["x_a", "x_b", "xp_a", "xp_b"]
    names += ["erased_" + name for name in names] if erased else []
    return {name: torch.randn(2, 3, 80, 40, generator=generator) for name in names}


def model(**options: object) -> NaiveDGNet:
    torch.manual_seed(0)
    return NaiveDGNet(replace(SMALL, **options), watch=True)


def passes(network: NaiveDGNet) -> int:
    """How many batches the appearance encoder's statistics have seen."""
    return int(network.id.model.bn1.num_batches_tracked)


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {"gan_type": "nsgan"},
        {"pool": "avg", "appearance_stride": 2, "teachers": 2},
        {"structure_input": "edge", "edges": lambda x: (x[:, :1] > 0).to(x.dtype)},
        {"train_bn": False, "teacher_style": 4},
    ],
)
def test_every_option_trains(options: dict) -> None:
    network = model(**options)
    networks = {"gen": network.gen, "id": network.id, "dis": network.dis}
    before = {name: copy.deepcopy(dict(part.named_parameters())) for name, part in networks.items()}
    losses = network.step(batches(), *LABELS, AFTER, encode_again=False)
    assert all(math.isfinite(value) for value in losses.values()), losses
    for name, part in networks.items():
        moved = {key for key, value in part.named_parameters() if not torch.equal(value, before[name][key])}
        # Only torchvision's own classifier has no part in anything.
        assert set(before[name]) - moved == ({"model.fc.weight", "model.fc.bias"} if name == "id" else set())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("iteration", "erased", "expected", "on"),
    [(BEFORE, False, 4, []), (DURING, True, 8, ["images"]), (AFTER, False, 6, ["images", "teacher"])],
)
def test_phases(iteration: int, erased: bool, expected: int, on: list[str]) -> None:
    """Terms are 0 until their ramp; each training pass of the appearance encoder moves its statistics once."""
    network = model()
    losses = network.step(batches(erased), *LABELS, iteration, encode_again=True)
    assert passes(network) == expected
    ramped = [losses[f"loss_gen_{name}_{half}"] for name in ("recon_f", "recon_s", "cycrecon_x") for half in "ab"]
    assert [value > 0 for value in ramped] == ["images" in on] * 6
    assert (losses["loss_teacher"] > 0) == ("teacher" in on)


def test_ramps_and_learning_rates_are_functions_of_the_iteration() -> None:
    network = NaiveDGNet(replace(SMALL, warm_iter=30000, warm_teacher_iter=30000, gamma2=0.5))
    assert network.ramped_weights(30000) == {"recon_f": 0, "recon_s": 0, "cycle": 0, "teacher": 0}
    assert network.ramped_weights(30001) == {"recon_f": 5e-4, "recon_s": 5e-4, "cycle": 5e-4, "teacher": 5e-4}
    assert network.ramped_weights(50000) == {"recon_f": 1, "recon_s": 1, "cycle": 2, "teacher": 2}
    rates = []
    for iteration in (59998, 59999, 89999):
        network.set_learning_rates(iteration)
        rates.append([o.param_groups[-1]["lr"] for o in (network.gen_opt, network.dis_opt, network.id_opt)])
    assert rates == [pytest.approx(row) for row in ([1e-4, 1e-4, 2e-2], [1e-5, 1e-5, 1e-2], [1e-6, 1e-6, 5e-3])]


@pytest.mark.parametrize("style", range(5))
def test_the_teachers_label_is_a_distribution(style: int) -> None:
    network = model(teacher_style=style)
    label = network.soft_label(batches()["x_a"], *LABELS)
    torch.testing.assert_close(label.sum(dim=1), torch.ones(2))
    support = (label > 0).sum(dim=1).tolist()
    assert support == {0: [5, 5], 1: [1, 1], 2: [1, 1], 3: [5, 5], 4: [2, 2]}[style]
    if style == 2:
        assert label.argmax(dim=1).tolist() == [0, 1]
    if style == 4:
        assert label[0, 0] > 0 and label[0, 2] > 0


@pytest.mark.slow
@pytest.mark.parametrize("encode_again", [True, False])
def test_encoding_again_teaches_the_encoder_or_the_images(encode_again: bool) -> None:
    """The structure term alone: on detached images only the encoder learns, through the copy also the decoder."""
    alone = {f"{name}_w": 0.0 for name in ("gan", "recon_x", "recon_xp", "id", "pid", "recon_id", "teaching", "fine")}
    network = model(**alone, max_cyc_w=0.0, max_teacher_w=0.0)
    network.step(batches(), *LABELS, AFTER, encode_again)
    norms = network.grad_norms()
    reached = {name.split(".")[0] for name, norm in norms["gen"].items() if norm > 0}
    mlps = {f"mlp_{kind}{part}" for kind in "wb" for part in range(1, 5)}
    assert reached == ({"enc_content"} if encode_again else {"enc_content", "dec"} | mlps)
    assert max(norms["id"].values()) == 0
