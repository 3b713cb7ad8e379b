"""The joint step with part colors: its gradients are those of one weighted sum, differentiated in one graph."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from dgnet.core.distributed import Distributed
from dgnet.losses.adversarial import generator_loss
from dgnet.losses.identity import identity_loss
from dgnet.losses.reconstruction import reconstruction_loss
from dgnet.models.appearance import AppearanceOutput
from dgnet.models.frozen import evaluating, frozen
from dgnet.training.batch import JointBatch
from dgnet.training.codes import exchange_halves
from dgnet.training.joint import JointTraining
from dgnet.training.schedule import LossWeights, loss_weights
from tests.dgnet.small_training import (
    IDENTITIES,
    SmallTraining,
    apart,
    narrow_trunks,
    quick_config,
    random_batch,
    small_training,
)

SETTINGS = {
    "decoder.kind": "parts",
    "decoder.parts": 3,
    "structure.input": "contour",
    "short_training.merge_batch_statistics": True,
    "short_training.detach_codes": "of_real_images",
    "short_training.edge_weight": 2,
    # So that both phases see the same discriminator.
    "optimizer.discriminator_rate": 1e-30,
    "loss.soft_label": 0,
    "loss.fine_grained": 0,
}


def image_distance(images: Tensor, real: Tensor) -> Tensor:
    """Mean absolute differences of pixels, and of edges with a weight of 2; the sum over both halves."""
    difference = images - real
    rows, columns = difference[:, :, 1:] - difference[:, :, :-1], difference[..., 1:] - difference[..., :-1]
    return 2 * (difference.abs().mean() + 2 * rows.abs().mean() + 2 * columns.abs().mean())


def total_in_one_graph(
    training: SmallTraining, batch: JointBatch, weights: LossWeights, train_structure_encoder: bool
) -> Tensor:
    """The generator's weighted sum, term by term as the paper and the settings define it."""
    network = training.generator
    anchors, positives = (pair.flatten(0, 1) for pair in batch.real.split(2))
    labels = batch.labels.flatten()
    output: AppearanceOutput = network.appearance(anchors)
    structures = network.encode_structure(torch.cat([anchors, positives])).chunk(2)
    code = network.with_colors(output.code.detach(), anchors, structures[0])
    codes = [code, network.with_colors(None, positives, structures[1])]

    def reconstructed(own: bool) -> Tensor:
        losses = []
        for position, images in enumerate((anchors, positives)):
            styles = network.decoder.styles(codes[position if own else 1 - position])
            decoded = network.decoder.reconstruct(structures[position], styles)
            losses.append(image_distance(decoded, F.avg_pool2d(images, 2)))
        return torch.stack(losses).mean()

    swapped = network.decoder(exchange_halves(structures[0]), code)
    with evaluating(network.appearance, batch_statistics=True):
        seen: AppearanceOutput = frozen(network.appearance)(swapped)
    encode = network.structure if train_structure_encoder else frozen(network.structure)
    images = swapped.detach() if train_structure_encoder else swapped
    own_structure = encode(*network.structure_inputs(images))
    structure = exchange_halves(own_structure)
    learned = network.structure.learned_channels
    # The images that give the cycle its appearance always carry the gradient.
    cycle = network.decoder(structure, network.with_colors(seen.code, swapped, own_structure))
    terms = {
        "adversarial": generator_loss(frozen(training.discriminator)(swapped), "lsgan").sum(),
        "self_reconstruction": reconstructed(own=True),
        "same_identity_reconstruction": reconstructed(own=False),
        "identity": identity_loss(output.primary.logits, labels).sum(),
        "identity_fine_grained": identity_loss(output.fine.logits, labels).sum(),
        "positive_identity": identity_loss(network.appearance(positives).primary.logits, labels).sum(),
        "generated_identity": identity_loss(seen.primary.logits, labels).sum(),
        "appearance_code": reconstruction_loss(seen.code, output.code).sum(),
        "structure_code": reconstruction_loss(structure[:, :learned], structures[0][:, :learned]).sum(),
        "cycle": image_distance(cycle, anchors),
    }
    return torch.stack([getattr(weights, name) * value for name, value in terms.items()]).sum()


@pytest.mark.slow
@pytest.mark.parametrize("train_structure_encoder", [True, False])
def test_gradients_are_those_of_the_weighted_sum(
    monkeypatch: pytest.MonkeyPatch, train_structure_encoder: bool
) -> None:
    narrow_trunks(monkeypatch)
    config, batch = quick_config(SETTINGS), random_batch()
    training, one_graph = small_training(config), small_training(config)
    training(batch, 5, train_structure_encoder)
    total_in_one_graph(one_graph, batch, loss_weights(config, 5), train_structure_encoder).backward()
    expected = {name: value.grad for name, value in one_graph.generator.named_parameters() if value.grad is not None}
    assert expected.keys() == training.gradients["generator"].keys()
    assert any(name.startswith("structure.masks") for name in expected)
    assert apart(training.gradients["generator"], expected) < 1e-6


def test_reconstruction_alone_leaves_the_appearance_encoder_out(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow_trunks(monkeypatch)
    later = {"short_training.swap_begin": 9, "short_training.identity_begin": 9}
    training = small_training(quick_config(SETTINGS | later))
    calls: list[object] = []
    training.generator.appearance.register_forward_pre_hook(lambda *_: calls.append(1))
    record = training(random_batch(), 5)
    assert not calls
    assert set(record.generator) == {"self_reconstruction", "same_identity_reconstruction"}
    training(random_batch(), 9)
    assert calls


def test_hidden_contours_are_those_of_real_images_in_training(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow_trunks(monkeypatch)
    training = small_training(quick_config(SETTINGS | {"short_training.hide_structure": 0.9}))
    shown: list[Tensor] = []
    training.generator.structure.register_forward_pre_hook(lambda _, inputs: shown.append(inputs[0]))
    torch.manual_seed(0)
    training(random_batch())
    training.generator.eval()(*random_batch().real[:2])
    # Real images; swapped images of the cycle, the two of a swap.
    empty = [float((one == 0).all(dim=1).float().mean()) for one in shown]
    assert len(empty) == 4 and empty[0] > 0.1 and max(empty[1:]) == 0


@pytest.mark.slow
@pytest.mark.parametrize("train_structure_encoder", [True, False])
def test_running_statistics_are_those_of_real_images(
    monkeypatch: pytest.MonkeyPatch, train_structure_encoder: bool
) -> None:
    narrow_trunks(monkeypatch)
    with_cycle, without = (
        small_training(quick_config(SETTINGS | {"loss.cycle": weight, "loss.structure_code": weight}))
        for weight in (1, 0)
    )
    for training in (with_cycle, without):
        training(random_batch(), 5, train_structure_encoder)
    ours, theirs = (dict(training.generator.structure.named_buffers()) for training in (with_cycle, without))
    assert ours and all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_no_gradient_of_zeros_moves_the_appearance_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow_trunks(monkeypatch)
    later = {"short_training.identity_begin": 9, "short_training.detach_codes": "never", "loss.generated_identity": 0}
    training = small_training(quick_config(SETTINGS | later | {"loss.appearance_code": 0}))
    before = {name: value.clone() for name, value in training.generator.appearance.named_parameters()}
    training(random_batch(), 5)
    assert all(torch.equal(value, before[name]) for name, value in training.generator.appearance.named_parameters())


def test_muon_leaves_the_positional_embedding_to_adam(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow_trunks(monkeypatch)
    training = small_training(quick_config(SETTINGS | {"short_training.muon_rate": 0.02}))
    position = training.generator.structure.position
    adam = training.step.optimizers.generator
    assert any(parameter is position for group in adam.param_groups for parameter in group["params"])


def test_synchronized_batch_norm_reaches_the_structure_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a GPU, where torch has it, and with several processes; here only what is replaced."""
    narrow_trunks(monkeypatch)
    convert = nn.SyncBatchNorm.convert_sync_batchnorm
    monkeypatch.setattr(Distributed, "synchronize_batch_norm", lambda _, module: convert(module))
    config = quick_config(SETTINGS | {"run.sync_batch_norm": True})
    training = JointTraining.fresh(config, IDENTITIES, Distributed.start("cpu"))
    structure = training.generator.structure
    norms = [module for module in structure.modules() if isinstance(module, _BatchNorm)]
    assert len(norms) == 9 and all(isinstance(norm, nn.SyncBatchNorm) for norm in norms)
    # What replaced them is trained.
    trained = {id(parameter) for group in training.optimizers.generator.param_groups for parameter in group["params"]}
    assert all(id(parameter) in trained for norm in norms for parameter in norm.parameters())
