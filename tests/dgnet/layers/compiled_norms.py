"""A process without the tests' checks of types, which no compiler can follow: compiled norms against plain ones."""

import torch
from torch import Tensor

from dgnet.layers.compiled import compile_small_functions, compiled
from dgnet.layers.norm import adaptive_instance_norm, instance_norm, sample_norm

CPU = torch.device("cpu")


def passes(dtype: torch.dtype, slope: float) -> list[Tensor]:
    """Outputs and all gradients of the three norms."""
    torch.manual_seed(0)
    x = (3 + torch.randn(2, 4, 6, 5)).to(dtype).to(memory_format=torch.channels_last).requires_grad_()
    gain, bias = torch.rand(2, 4, requires_grad=True), torch.randn(2, 4, requires_grad=True)
    channel_gain, channel_bias = torch.rand(4, requires_grad=True), torch.randn(4, requires_grad=True)
    found = []
    for y, inputs in (
        (instance_norm(x, slope), [x]),
        (adaptive_instance_norm(x, gain, bias, slope), [x, gain, bias]),
        (sample_norm(x, channel_gain, channel_bias, slope), [x, channel_gain, channel_bias]),
    ):
        found += [y.detach(), *torch.autograd.grad(y, inputs, torch.cos(torch.arange(y.numel())).view_as(y).to(dtype))]
    return found


def main() -> None:
    assert compile_small_functions(True, CPU)
    found_compiled = [passes(torch.float32, slope) for slope in (0.2, 1.0)]

    product = compiled(lambda x: (x @ x.mT).sum())
    x = torch.full((8, 8), 1 + 2**-12)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert product(x).dtype == torch.float32 and product(x) > 512, "autocast reaches inside"

    compile_small_functions(False, CPU)
    for slope, found in zip((0.2, 1.0), found_compiled, strict=True):
        for one, other in zip(found, passes(torch.float32, slope), strict=True):
            torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)
            assert one.stride() == other.stride()
    print("equal")


if __name__ == "__main__":
    main()
