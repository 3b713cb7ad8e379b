"""`heads`: images per second of a re-ID model, in training and extraction, in turn with torchvision's plain ResNet.

The plain network has the model's last stride and, in training, a linear classifier with cross-entropy; the model has
its whole objective (label smoothing, batch-hard triplet). Both step with Adam on the same random images in memory, so
loading and augmentation are not in the figures. Extraction is the embedding alone, of unit length, without gradients.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dgnet.core.cli import add_device
from dgnet.core.device import Precision, PrecisionName, choose_device
from dgnet.core.errors import UserError
from dgnet.core.machine import machine, versions
from dgnet.core.numerics import set_numerics
from dgnet.core.option_types import at_least
from dgnet.models.registry import build_model
from reid_heads.losses.objective import Objective
from reid_heads.models.trunks import TRUNK_NAMES, TrunkName, build_trunk, pool_globally

Work = Callable[[], None]


class Plain(nn.Module):
    """torchvision's network: trunk, global pooling, linear classifier."""

    def __init__(self, name: TrunkName, identities: int) -> None:
        super().__init__()
        self.trunk = build_trunk(name)
        self.classifier = nn.Linear(self.trunk.channels, identities)

    def embed(self, images: Tensor) -> Tensor:
        return pool_globally(self.trunk(images))

    def forward(self, images: Tensor) -> Tensor:
        return self.classifier(self.embed(images))


def add_parser(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The kind `heads` with its options."""
    kind = kinds.add_parser(
        "heads",
        help="images per second of a re-ID model beside a plain ResNet",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kind.add_argument("--head", choices=TRUNK_NAMES, default="resnet50", help="(default: resnet50)")
    kind.add_argument("--height", type=at_least(32), default=256, help="pixels (default: 256)")
    kind.add_argument("--width", type=at_least(32), default=128, help="pixels (default: 128)")
    kind.add_argument(
        "--batch-size", type=at_least(8), default=64, help="images of an iteration, four of an identity (default: 64)"
    )
    kind.add_argument("--iterations", type=at_least(1), default=3, help="timed in a round (default: 3)")
    kind.add_argument("--rounds", type=at_least(1), default=3, help="rounds of everything in turn (default: 3)")
    add_device(kind)
    kind.add_argument("--precision", choices=("fp32", "tf32", "bf16", "fp16"), default="fp32", help="(default: fp32)")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Rates, and their ratios by round."""
    if args.batch_size % 4:
        raise UserError(f"--batch-size must be a multiple of 4, got {args.batch_size}")
    device = choose_device(args.device)
    set_numerics(device, args.precision, fixed_shapes=True, channels_last=True)
    works = prepared(args, device)
    for work in works.values():
        work()  # allocates, fills the optimizers' state
    rates: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(args.rounds):
        for name, work in works.items():
            began = time.perf_counter()
            for _ in range(args.iterations):
                work()
            if device.type == "cuda":
                torch.cuda.synchronize()
            rates[name].append(args.batch_size * args.iterations / (time.perf_counter() - began))
    options = {key: getattr(args, key) for key in ("head", "height", "width", "batch_size", "precision")}
    result: dict[str, Any] = {"machine": machine() | versions(), **options}
    for phase in ("training", "extraction"):
        ours, plain = rates[f"{phase}, head"], rates[f"{phase}, plain"]
        ratios = [mine / theirs for mine, theirs in zip(ours, plain, strict=True)]
        result[phase] = {
            "head_images_per_second": round(statistics.median(ours), 3),
            "plain_images_per_second": round(statistics.median(plain), 3),
            "head_over_plain": {
                "median": round(statistics.median(ratios), 3),
                "rounds": [round(ratio, 3) for ratio in ratios],
            },
        }
    return result


def prepared(args: argparse.Namespace, device: torch.device) -> dict[str, Work]:
    """One iteration of each phase, of the model and of the plain network."""
    torch.manual_seed(0)
    identities = args.batch_size // 4
    images = torch.randn(args.batch_size, 3, args.height, args.width).to(device, memory_format=torch.channels_last)
    labels = torch.arange(identities).repeat_interleave(4).to(device)
    model = build_model(args.head, identities).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    plain = Plain(args.head, identities).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    objective = Objective(model, "1*CrossEntropy+1*Triplet", margin=0.3, label_smoothing=0.1).to(device)
    every = torch.ones(args.batch_size, dtype=torch.bool)

    def loss() -> Tensor:
        return objective(model(images), labels, in_metric=every).total()

    return {
        "training, head": training(model, loss, args.precision, device),
        "training, plain": training(plain, lambda: F.cross_entropy(plain(images), labels), args.precision, device),
        "extraction, head": extraction(model.deployed(), images, args.precision, device),
        "extraction, plain": extraction(plain, images, args.precision, device),
    }


def training(network: nn.Module, loss: Callable[[], Tensor], name: PrecisionName, device: torch.device) -> Work:
    """An iteration of Adam."""
    optimizer = torch.optim.Adam(network.parameters(), lr=3.5e-4, weight_decay=5e-4)
    precision = Precision(name, device)

    def work() -> None:
        network.train()
        with precision.autocast():
            value = loss()
        optimizer.zero_grad()
        precision.backward(value)
        precision.step(optimizer)

    return work


def extraction(network: Any, images: Tensor, name: PrecisionName, device: torch.device) -> Work:
    """Embeddings of unit length."""
    precision = Precision(name, device)

    def work() -> None:
        network.eval()
        with torch.inference_mode(), precision.autocast():
            F.normalize(network.embed(images))

    return work
