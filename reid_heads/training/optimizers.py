"""The optimizers of a re-ID model's training, by the names that MGN-pytorch gives them."""

from collections.abc import Iterable
from typing import Literal

import torch
from torch import nn
from torch.optim import Optimizer

OptimizerName = Literal["ADAM", "SGD", "NADAM", "RMSprop"]


def build_optimizer(
    name: OptimizerName,
    parameters: Iterable[nn.Parameter],
    *,
    learning_rate: float,
    weight_decay: float,
    momentum: float = 0.9,
    amsgrad: bool = False,
) -> Optimizer:
    """ADAM and NADAM with torch's betas, SGD (Nesterov) and RMSprop with `momentum`; `amsgrad` is ADAM's alone."""
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    if name == "ADAM":
        return torch.optim.Adam(
            trained,
            lr=learning_rate,
            weight_decay=weight_decay,
            amsgrad=amsgrad,
            fused=trained[0].device.type == "cuda",
        )
    if name == "NADAM":
        return torch.optim.NAdam(trained, lr=learning_rate, weight_decay=weight_decay)
    if name == "RMSprop":
        return torch.optim.RMSprop(trained, lr=learning_rate, weight_decay=weight_decay, momentum=momentum)
    return torch.optim.SGD(
        trained, lr=learning_rate, weight_decay=weight_decay, momentum=momentum, nesterov=momentum > 0
    )
