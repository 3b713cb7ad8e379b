"""What holds for every joint step, whatever the numbers are."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from dgnet.config import Config
from dgnet.models.appearance import AppearanceOutput
from dgnet.models.frozen import evaluating, frozen
from dgnet.models.generator import Generator
from dgnet.training.batch import JointBatch
from dgnet.training.muon import Muon
from tests.dgnet.small_training import (
    MADE_TERMS,
    SmallTraining,
    apart,
    narrow_trunks,
    quick_config,
    random_batch,
    small_training,
)

pytestmark = pytest.mark.slow

NO_IDENTITY = {"loss.identity": 0, "loss.positive_identity": 0, "loss.generated_identity": 0, "loss.teacher_factor": 0}
NOTHING = NO_IDENTITY | {f"loss.{name}": 0 for name in MADE_TERMS}


@pytest.fixture(autouse=True)
def _narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow_trunks(monkeypatch)


def without_batch_statistics(**changes: Any) -> SmallTraining:
    """A training in which no number depends on who else is in the batch."""
    config = {"loss.batch_statistics_when_frozen": False, "run.batch_size": 4} | changes
    training = small_training(quick_config(config))
    training.generator.appearance.eval()
    return training


# ---------------------------------------------------------------------- frozen networks


def test_a_frozen_pass_leaves_no_trace_and_reaches_the_image() -> None:
    encoder = small_training(quick_config()).generator.appearance
    before = copy.deepcopy(encoder.state_dict())
    modes = [module.training for module in encoder.modules()]
    image = random_batch().real[0].requires_grad_()
    with evaluating(encoder, batch_statistics=True):
        named = frozen(encoder)(image)
        expected = copy.deepcopy(encoder)(image.detach()).primary.logits
    named.primary.logits.sum().backward()
    torch.testing.assert_close(named.primary.logits, expected)
    assert image.grad is not None and image.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in encoder.parameters())
    assert all(torch.equal(value, before[key]) for key, value in encoder.state_dict().items())
    assert [module.training for module in encoder.modules()] == modes


@pytest.mark.parametrize(
    ("changes", "passes"),
    [
        ({}, 6),
        ({"loss.teacher_factor": 0}, 4),
        ({"data.erasing": 0.5}, 10),
        ({"short_training.merge_batch_statistics": True}, 3),
        ({"run.accumulate": 2, "run.batch_size": 4}, 12),
    ],
)
def test_only_live_passes_move_the_statistics(changes: dict[str, Any], passes: int) -> None:
    """Four real roles and two taught images, the halves apart; what frozen networks see does not count."""
    config = quick_config(changes)
    training = small_training(config)
    teacher = training.teachers[0]
    before = copy.deepcopy(teacher.state_dict())
    training(random_batch(batch=config.run.batch_size, erasing=config.data.erasing > 0))
    counts = {int(v) for k, v in training.generator.state_dict().items() if k.endswith("num_batches_tracked")}
    assert counts == {passes}
    assert all(torch.equal(value, before[key]) for key, value in teacher.state_dict().items())
    assert all(parameter.grad is None for parameter in teacher.parameters())
    assert not any(module.training for module in teacher.modules())


def test_each_phase_steps_on_its_own_gradients_alone() -> None:
    training = small_training(quick_config())
    optimizers = training.step.optimizers

    def touched(network: nn.Module) -> bool:
        return any(parameter.grad is not None and parameter.grad.any() for parameter in network.parameters())

    seen = []
    look = lambda *_: seen.append((touched(training.discriminator), touched(training.generator)))  # noqa: E731
    for optimizer in (optimizers.discriminator, optimizers.generator, optimizers.appearance):
        optimizer.register_step_pre_hook(look)
    training(random_batch())
    assert seen == [(True, False), (False, True), (False, True)]
    assert not touched(training.discriminator) and not touched(training.generator)


@pytest.mark.parametrize("muon_rate", [0, 0.01])
def test_every_parameter_that_has_a_gradient_moves_once(muon_rate: float) -> None:
    training = small_training(quick_config({"short_training.muon_rate": muon_rate}))
    optimizers = training.step.optimizers
    moved = [p for one in optimizers.of_generator for group in one.param_groups for p in group["params"]]
    assert len(moved) == len({id(p) for p in moved}) == len(list(training.generator.parameters()))
    rates = [one.param_groups[0]["lr"] for one in optimizers.of_generator if isinstance(one, Muon)]
    assert rates == ([muon_rate] if muon_rate else [])
    before = copy.deepcopy(training.generator.state_dict())
    training(random_batch())
    still = [k for k, p in training.generator.named_parameters() if torch.equal(p, before[k])]
    assert not [key for key in still if training.gradients["generator"].get(key, torch.zeros(1)).any()]


# ---------------------------------------------------------------------- the appearance code


@pytest.mark.parametrize("term", ["adversarial", "self_reconstruction", "same_identity_reconstruction"])
def test_reconstructions_teach_the_appearance_encoder_only_where_told(term: str) -> None:
    reached = []
    for detach in (True, False):
        config = quick_config(
            NOTHING | {f"loss.{term}": 1, "short_training.detach_codes": "always" if detach else "never"}
        )
        training = small_training(config)
        training(random_batch())
        trunk = {k: v for k, v in training.gradients["generator"].items() if k.startswith("appearance.backbone.")}
        reached.append(max((gradient.abs().max().item() for gradient in trunk.values()), default=0.0))
    assert reached[0] == 0 and reached[1] > 0


def plain_total(generator: Generator, batch: JointBatch, config: Config, train_structure_encoder: bool) -> Tensor:
    """One sum, one graph: without a frozen teacher and discriminator, with the code attached where it should be."""
    encoder, structure, decoder = generator.appearance, generator.structure, generator.decoder
    attached, weights = config.short_training.detach_codes, config.loss
    distance = torch.square if config.short_training.image_norm == "l2" else torch.abs

    def image_distance(difference: Tensor) -> Tensor:
        edges = (difference[:, :, 1:] - difference[:, :, :-1], difference[..., 1:] - difference[..., :-1])
        weight = config.short_training.edge_weight
        return distance(difference).mean() + weight * sum(distance(edge).mean() for edge in edges)

    a, b, positive_a, positive_b = (encoder(images) for images in batch.real)
    s_a, s_b = (structure(images.mean(1, keepdim=True)) for images in batch.real[:2])
    f_a, f_b, p_a, p_b = (
        role.code if attached == "never" else role.code.detach() for role in (a, b, positive_a, positive_b)
    )
    x_ba, x_ab = decoder(s_b, f_a), decoder(s_a, f_b)
    encode = structure if train_structure_encoder else frozen(structure)
    total: Any = 0
    for half, own, positive, f, p, s, made, with_same_structure in (
        (0, a, positive_a, f_a, p_a, s_a, x_ba, x_ab),
        (1, b, positive_b, f_b, p_b, s_b, x_ab, x_ba),
    ):
        image, label = batch.real[half], batch.labels[half]
        named: AppearanceOutput = frozen(encoder)(made)
        code = named.code.detach() if attached == "always" else named.code
        seen = with_same_structure.detach() if train_structure_encoder else with_same_structure
        again = encode(seen.mean(1, keepdim=True))
        terms = {
            "self_reconstruction": image_distance(decoder(s, f) - image),
            "same_identity_reconstruction": image_distance(decoder(s, p) - image),
            "identity": nn.functional.cross_entropy(own.primary.logits, label),
            "positive_identity": nn.functional.cross_entropy(positive.primary.logits, label),
            "generated_identity": nn.functional.cross_entropy(named.primary.logits, label),
            "appearance_code": (code - f.detach()).abs().mean(),
            "structure_code": (again - s.detach()).abs().mean(),
            "cycle": image_distance(decoder(again, code) - image),
        }
        total = total + sum(getattr(weights, name) * value for name, value in terms.items())
    return total


@pytest.mark.parametrize(
    ("detach", "train_structure_encoder", "changes"),
    [
        ("always", False, {}),
        ("of_real_images", True, {}),
        ("of_real_images", False, {}),
        ("never", True, {}),
        ("never", False, {}),
        ("never", False, {"short_training.image_norm": "l2"}),
        ("never", True, {"short_training.edge_weight": 3}),
        ("never", True, {"loss.same_identity_reconstruction": 0}),
    ],
)
def test_the_gradient_is_that_of_one_plain_graph(
    detach: str, train_structure_encoder: bool, changes: dict[str, Any]
) -> None:
    """Cut at the codes or not, and in as many backward passes as there are terms."""
    fixed = {"short_training.detach_codes": detach, "loss.adversarial": 0, "loss.teacher_factor": 0}
    config = quick_config(fixed | changes)
    training, batch = small_training(config), random_batch()
    plain = copy.deepcopy(training.generator)
    total = plain_total(plain, batch, config, train_structure_encoder)
    total.backward()
    expected = {key: parameter.grad for key, parameter in plain.named_parameters() if parameter.grad is not None}
    record = training(batch, train_structure_encoder=train_structure_encoder)
    assert record.total.item() == pytest.approx(total.item(), rel=1e-9)
    # The fine head's gradients are zeros, for its weight decay.
    ours = {key: value for key, value in training.gradients["generator"].items() if key in expected or value.any()}
    assert apart(ours, expected) < 1e-9


def test_positives_that_no_term_decodes_are_not_styled(monkeypatch: pytest.MonkeyPatch) -> None:
    config = quick_config(NOTHING | {"loss.self_reconstruction": 1, "short_training.detach_codes": "never"})
    training = small_training(config)
    styled: list[int] = []
    decoder = training.generator.decoder
    styles = decoder.styles
    monkeypatch.setattr(decoder, "styles", lambda *codes: styled.append(len(codes)) or styles(*codes))
    training(random_batch())
    assert styled == [1]


# ---------------------------------------------------------------------- options that change the order of the arithmetic


@pytest.mark.parametrize("train_structure_encoder", [True, False])
def test_accumulated_parts_are_the_whole_where_no_batch_statistic_is(train_structure_encoder: bool) -> None:
    whole, parts = (without_batch_statistics(**{"run.accumulate": n}) for n in (1, 2))
    batch = random_batch(batch=4, erasing=True)
    first, second = whole(batch, 5, train_structure_encoder), parts(batch, 5, train_structure_encoder)
    for ours, theirs in ((second.generator, first.generator), (second.discriminator, first.discriminator)):
        assert apart(ours, theirs) < 1e-10
    for name in ("generator", "discriminator"):
        assert apart(parts.gradients[name], whole.gradients[name]) < 1e-9
    for name, state in parts.states().items():
        assert apart(state, whole.states()[name]) < 1e-9


def test_merged_batch_statistics_are_the_same_where_both_halves_are() -> None:
    """Mean and variance of a batch beside itself are those of the batch; of two different ones they are not."""
    batch = random_batch()
    twice = JointBatch(batch.real[[0, 0, 2, 2]], None, batch.labels[[0, 0]])

    def terms(of: JointBatch, merge: bool) -> dict[str, Tensor]:
        return small_training(quick_config({"short_training.merge_batch_statistics": merge}))(of).generator

    assert apart(terms(twice, True), terms(twice, False)) < 1e-9
    separate, merged = terms(batch, False), terms(batch, True)
    for name in ("identity", "positive_identity"):
        relative = (merged[name].sum() / separate[name].sum() - 1).abs().item()
        assert 1e-6 < relative < 0.2, name
