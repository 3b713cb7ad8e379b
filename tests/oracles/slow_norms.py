"""The layers with arithmetic of their own, one number at a time: for small tensors of any floating-point type.

Each takes `x` (batch channel height width) and is written from the formula alone. Differentiable, so that a test can
compare gradients too.
"""

import torch
from torch import Tensor

EPSILON = 1e-5


def slow_instance_norm(x: Tensor, epsilon: float = EPSILON) -> Tensor:
    """(x - mean) / sqrt(variance + epsilon) for each channel of each sample; the variance divides by the count."""
    samples = []
    for sample in x:
        channels = []
        for values in sample:
            mean = values.sum() / values.numel()
            variance = ((values - mean) ** 2).sum() / values.numel()
            channels.append((values - mean) / (variance + epsilon) ** 0.5)
        samples.append(torch.stack(channels))
    return torch.stack(samples)


def slow_adaptive_norm(x: Tensor, gain: Tensor, bias: Tensor, epsilon: float = EPSILON) -> Tensor:
    """Instance norm, then gain and bias (batch channel) of each sample and channel; the gain as it is, no "1 +"."""
    normed = slow_instance_norm(x, epsilon)
    samples = []
    for n in range(x.shape[0]):
        samples.append(torch.stack([normed[n, c] * gain[n, c] + bias[n, c] for c in range(x.shape[1])]))
    return torch.stack(samples)


def slow_layer_norm(x: Tensor, gain: Tensor, bias: Tensor, epsilon: float = EPSILON) -> Tensor:
    """The decoder's: (x - mean) / (deviation + epsilon) over a whole sample, gain and bias (channel) after it.

    The deviation divides by the count less one, and epsilon is added to it, not to the variance.
    """
    samples = []
    for sample in x:
        mean = sample.sum() / sample.numel()
        deviation = (((sample - mean) ** 2).sum() / (sample.numel() - 1)) ** 0.5
        normed = (sample - mean) / (deviation + epsilon)
        samples.append(torch.stack([normed[c] * gain[c] + bias[c] for c in range(x.shape[1])]))
    return torch.stack(samples)


def mirrored(index: int, length: int) -> int:
    """Where reflection padding reads: -1 is 1, `length` is `length - 2`; the edge itself is not repeated."""
    index = abs(index)
    return index if index < length else 2 * (length - 1) - index


def slow_reflect_conv(
    x: Tensor, weight: Tensor, bias: Tensor | None, padding: int, stride: int = 1, dilation: int = 1
) -> Tensor:
    """Reflection padding and convolution; `weight` is (output, input, size, size), `padding` less than each side."""
    height, width = x.shape[2:]
    size = weight.shape[2]
    reach = dilation * (size - 1)
    rows = []
    for top in range(0, height + 2 * padding - reach, stride):
        row = []
        for left in range(0, width + 2 * padding - reach, stride):
            total = x.new_zeros(x.shape[0], weight.shape[0])
            for i in range(size):
                for j in range(size):
                    y = mirrored(top + i * dilation - padding, height)
                    z = mirrored(left + j * dilation - padding, width)
                    total = total + x[:, :, y, z] @ weight[:, :, i, j].T
            row.append(total if bias is None else total + bias)
        rows.append(torch.stack(row, dim=-1))
    return torch.stack(rows, dim=-2)


def slow_upsample(x: Tensor) -> Tensor:
    """Nearest neighbor, twice as large: each pixel becomes four."""
    rows = []
    for y in range(2 * x.shape[2]):
        rows.append(torch.stack([x[:, :, y // 2, z // 2] for z in range(2 * x.shape[3])], dim=-1))
    return torch.stack(rows, dim=-2)


def slow_upsample_conv(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """The decoder's way up: twice as large, then a 5x5 convolution with reflection padding by 2."""
    return slow_reflect_conv(slow_upsample(x), weight, bias, padding=2)
