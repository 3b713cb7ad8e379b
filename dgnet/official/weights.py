"""Translates the weights of the official release: its generator, discriminator, appearance encoder and teacher files.

Keys are rewritten by name, one rule a line. The official `model.fc.*` (torchvision's unused classifier) and the
running statistics of its adaptive norms (never read) have no counterpart here.

Parity with the official code is tested through these rules in float64. Batch norm over the two images of the reference
batch divides by tiny variances: in float32 two correct implementations differ by per cents there, in float64 by 1e-10.
"""

import re
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from dgnet.core.weights import StateDict

Rules = Sequence[tuple[str, str]]

STRUCTURE_RULES: Rules = (
    (r"^enc_content\.model\.([0-3])\.", r"stem.\1."),
    (r"^enc_content\.model\.4\.model\.(\d+)\.model\.0\.", r"residual.\1.first."),
    (r"^enc_content\.model\.4\.model\.(\d+)\.model\.1\.", r"residual.\1.second."),
    (r"^enc_content\.model\.5\.conv1\.", "dilation.point."),
    (r"^enc_content\.model\.5\.conv6\.", "dilation.dilated.0."),
    (r"^enc_content\.model\.5\.conv12\.", "dilation.dilated.1."),
    (r"^enc_content\.model\.5\.conv18\.", "dilation.dilated.2."),
    (r"^enc_content\.model\.5\.fuse\.", "dilation.fuse."),
    (r"\.conv\.", ".convolution."),
)
DECODER_RULES: Rules = (
    (r"^dec\.model\.1\.model\.(\d+)\.model\.0\.", r"residual.\1.first."),
    (r"^dec\.model\.1\.model\.(\d+)\.model\.1\.", r"residual.\1.second."),
    (r"^dec\.model\.3\.", "upsample.0."),
    (r"^dec\.model\.5\.", "upsample.1."),
    (r"^dec\.model\.6\.", "finish.0."),
    (r"^dec\.model\.7\.", "finish.1."),
    (r"^dec\.model\.8\.", "finish.2."),
    (r"\.conv\.", ".convolution."),
    (r"\.norm\.gamma$", ".gain"),
    (r"\.norm\.beta$", ".bias"),
)
APPEARANCE_RULES: Rules = (
    (r"^model\.", "backbone."),
    (r"^classifier1\.", "primary."),
    (r"^classifier2\.", "fine."),
    (r"^classifier\.(?=add_block|classifier)", "classifier."),
    (r"\.add_block\.0\.", ".bottleneck."),
    (r"\.add_block\.1\.", ".norm."),
    (r"\.classifier\.0\.", ".logits."),
)
DISCRIMINATOR_RULES: Rules = (
    (r"^cnns\.(\d+)\.(\d+)\.model\.0\.conv\.", r"scales.\1.layers.\2.first.convolution."),
    (r"^cnns\.(\d+)\.(\d+)\.model\.1\.conv\.", r"scales.\1.layers.\2.second.convolution."),
    (r"^cnns\.(\d+)\.(\d+)\.conv\.", r"scales.\1.layers.\2.convolution."),
    (r"^cnns\.(\d+)\.(\d+)\.", r"scales.\1.layers.\2."),
)
_UNUSED = re.compile(r"^model\.fc\.|\.norm\.running_(mean|var)$")
_STYLE = re.compile(r"^mlp_([wb])(\d+)\.model\.(\d+)\.fc\.(weight|bias)$")


def rewrite(state: Mapping[str, Tensor], rules: Rules) -> StateDict:
    """Every key through all rules in order."""
    rewritten = {}
    for key, tensor in state.items():
        for pattern, replacement in rules:
            key = re.sub(pattern, replacement, key)
        rewritten[key] = tensor
    return rewritten


def generator_state(gen: Mapping[str, Tensor], id_: Mapping[str, Tensor]) -> StateDict:
    """The official `gen` and `id` state dicts -> the state dict of `dgnet.models.generator.Generator`."""
    structure = {key: tensor for key, tensor in gen.items() if key.startswith("enc_content.")}
    # Adaptive norms keep running statistics that nothing reads; those of batch norm (in `id_`) stay.
    decoder = {key: tensor for key, tensor in gen.items() if key.startswith("dec.") and not _UNUSED.search(key)}
    parts = {
        "structure": rewrite(structure, STRUCTURE_RULES),
        "decoder": rewrite(decoder, DECODER_RULES) | _style_state(gen),
        "appearance": appearance_state(id_),
    }
    return {f"{part}.{key}": tensor for part, state in parts.items() for key, tensor in state.items()}


def appearance_state(state: Mapping[str, Tensor]) -> StateDict:
    """The official `id` (or teacher) state dict -> that of `AppearanceEncoder` (or `Teacher`)."""
    return rewrite({key: tensor for key, tensor in state.items() if not key.startswith("model.fc.")}, APPEARANCE_RULES)


def discriminator_state(state: Mapping[str, Tensor]) -> StateDict:
    """The official `dis` state dict -> that of `MultiScaleDiscriminator`."""
    return rewrite(state, DISCRIMINATOR_RULES)


def _style_state(gen: Mapping[str, Tensor]) -> StateDict:
    """The eight networks `mlp_w1..4`, `mlp_b1..4`, stacked in this order."""
    layers: dict[tuple[str, str], dict[tuple[int, int], Tensor]] = {}
    for key, tensor in gen.items():
        if match := _STYLE.match(key):
            kind, block, layer, entry = match.groups()
            layers.setdefault((layer, entry), {})[("wb".index(kind), int(block))] = tensor
    return {
        f"style.layers.{layer}.{entry}": torch.stack([tensors[index] for index in sorted(tensors)])
        for (layer, entry), tensors in layers.items()
    }
