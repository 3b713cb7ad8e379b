"""Initial weights of the networks that do not start from ImageNet."""

from torch import nn


def initialize_kaiming(network: nn.Module) -> None:
    """Every convolution: normal with variance 2 / fan-in, bias 0 (He et al. 2015); other layers keep what they have."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, a=0, mode="fan_in")
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def initialize_normal(network: nn.Module, deviation: float) -> None:
    """Every convolution: normal with this deviation, bias 0 (the usual start of a discriminator)."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.normal_(module.weight, std=deviation)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
