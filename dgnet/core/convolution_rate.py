"""How fast this machine computes convolutions, in one number that tells machines apart."""

import time

import torch
import torch.nn.functional as F

from dgnet.core.device import Precision, PrecisionName

_IMAGES, _CHANNELS, _HEIGHT, _WIDTH = 16, 64, 48, 24
OPERATION = f"3x3 convolution, {_CHANNELS} to {_CHANNELS} channels, {_IMAGES} images of {_HEIGHT}x{_WIDTH}"


def convolution_rate(precision: PrecisionName, device: torch.device, seconds: float = 0.3) -> float:
    """GFLOP/s of `OPERATION`, forward, in the precision that training would take; a multiplication and an addition
    count as two.

    Args:
        seconds: at least so long it is repeated; the fastest pass counts, as other work on the machine only slows it.
    """
    dtype = Precision(precision, device).dtype
    images = torch.randn(_IMAGES, _CHANNELS, _HEIGHT, _WIDTH, device=device, dtype=dtype)
    images = images.to(memory_format=torch.channels_last)
    weights = torch.randn(_CHANNELS, _CHANNELS, 3, 3, device=device, dtype=dtype)
    operations = 2 * 9 * _CHANNELS**2 * _IMAGES * _HEIGHT * _WIDTH
    fastest, end = float("inf"), None
    with torch.inference_mode():
        while end is None or time.perf_counter() < end:
            began = time.perf_counter()
            F.conv2d(images, weights, padding=1)
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            fastest = min(fastest, time.perf_counter() - began)
            end = end or time.perf_counter() + seconds
    return operations / fastest / 1e9
