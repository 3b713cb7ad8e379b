"""Center loss (Wen et al. 2016): pulls every feature to a learned center of its identity."""

from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn


class _ScaledGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, factor: float) -> Tensor:
        ctx.factor = factor
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0] * ctx.factor, None


def scale_gradient(x: Tensor, factor: float) -> Tensor:
    """`x` itself, with its gradient multiplied by `factor`."""
    scaled: Tensor = _ScaledGradient.apply(x, factor)
    return scaled


def center_loss(
    features: Float[Tensor, "batch feature"],
    labels: Int64[Tensor, "batch"],
    centers: Float[Tensor, "identity feature"],
) -> Float[Tensor, ""]:
    """Mean over images of the squared Euclidean distance to the center of their identity."""
    return (features.to(centers.dtype) - centers[labels]).square().sum(1).mean()


class Centers(nn.Module):
    """One center per identity for each metric feature; the loss is averaged over the metric features.

    The centers have their own SGD (rate 0.5), as if the loss had weight 1: their gradient is divided by `weight`, with
    which the caller multiplies the loss.
    """

    def __init__(self, identities: int, sizes: tuple[int, ...], weight: float) -> None:
        super().__init__()
        self.centers = nn.ParameterList(torch.randn(identities, size) for size in sizes)
        self.weight = weight

    def forward(self, features: tuple[Tensor, ...], labels: Int64[Tensor, "batch"]) -> Float[Tensor, ""]:
        losses = [
            center_loss(feature, labels, scale_gradient(centers, 1 / self.weight))
            for feature, centers in zip(features, self.centers, strict=True)
        ]
        return torch.stack(losses).mean()
