"""The optimizers of the joint training and their learning rates."""

from typing import Any

import torch
from torch import nn

from dgnet.config import Config
from dgnet.core.device import choose_precision
from dgnet.models.discriminator import MultiScaleDiscriminator
from dgnet.models.generator import Generator
from dgnet.training.muon import Muon
from dgnet.training.schedule import learning_rate_factor


class Optimizers:
    """Adam for structure encoder and decoder, Adam for the discriminator, SGD (Nesterov) for the appearance encoder.

    With `short_training.muon_rate` above 0, Muon trains the convolutions of structure encoder and decoder and the
    linear layers of the style networks.
    The learning rate of the appearance encoder's classifiers is `classifier_factor` times that of its trunk.
    """

    def __init__(self, generator: Generator, discriminator: MultiScaleDiscriminator, config: Config) -> None:
        rates, short, self._config = config.optimizer, config.short_training, config
        adam: dict[str, Any] = {"betas": (rates.adam_beta1, rates.adam_beta2), "weight_decay": rates.weight_decay}
        parameters: list[nn.Parameter] = [*generator.structure.parameters(), *generator.decoder.parameters()]
        # Convolutions have four dimensions, the stacked linear layers of the style networks three, their biases two.
        muon_dimensions = 5 if short.muon_rate == 0 else 3
        matrices = [parameter for parameter in parameters if parameter.ndim >= muon_dimensions]
        parameters = [parameter for parameter in parameters if parameter.ndim < muon_dimensions]
        trunk = generator.appearance.trunk_parameters()
        classifiers = generator.appearance.fresh_parameters()
        # On a GPU one kernel steps many parameters; on a CPU it was no faster (docs/speed.md).
        fused = next(discriminator.parameters()).device.type == "cuda"
        adam["fused"] = fused or None
        self.generator = torch.optim.Adam(parameters, lr=rates.generator_rate, **adam)
        self.discriminator = torch.optim.Adam(discriminator.parameters(), lr=rates.discriminator_rate, **adam)
        self.appearance = torch.optim.SGD(
            [
                {"params": trunk, "lr": rates.appearance_rate},
                {"params": classifiers, "lr": rates.appearance_rate * rates.classifier_factor},
            ],
            momentum=0.9,
            nesterov=True,
            weight_decay=rates.weight_decay,
            fused=fused or None,
        )
        self._named: dict[str, torch.optim.Optimizer] = {
            "generator": self.generator,
            "discriminator": self.discriminator,
            "appearance": self.appearance,
        }
        if matrices:
            precision = choose_precision(config.run.precision, matrices[0].device)
            dtype = torch.bfloat16 if precision == "bf16" else None
            self._named["muon"] = Muon(matrices, config.short_training.muon_rate, dtype=dtype)
        self._base = {
            name: [group["lr"] for group in optimizer.param_groups] for name, optimizer in self._named.items()
        }

    @property
    def of_generator(self) -> tuple[torch.optim.Optimizer, ...]:
        """All but the discriminator's."""
        return tuple(optimizer for name, optimizer in self._named.items() if name != "discriminator")

    def set_rates(self, iteration: int) -> None:
        """Give every parameter group its rate at `iteration`."""
        for name, optimizer in self._named.items():
            schedule = self._config.schedule
            gamma = schedule.appearance_gamma if name == "appearance" else schedule.generator_gamma
            factor = learning_rate_factor(self._config, gamma, iteration)
            for group, base in zip(optimizer.param_groups, self._base[name], strict=True):
                group["lr"] = base * factor

    def rates(self) -> dict[str, float]:
        """The current rate of each optimizer (for the appearance encoder, that of its trunk)."""
        return {name: optimizer.param_groups[0]["lr"] for name, optimizer in self._named.items()}

    def state_dict(self) -> dict[str, Any]:
        return {name: optimizer.state_dict() for name, optimizer in self._named.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for name, optimizer in self._named.items():
            groups = zip(optimizer.param_groups, state[name]["param_groups"], strict=True)
            # How a step is computed is this device's, not the checkpoint's.
            here = [theirs | {"fused": ours["fused"]} if "fused" in ours else theirs for ours, theirs in groups]
            optimizer.load_state_dict(state[name] | {"param_groups": here})
