"""Weights of pytorch-fid's Inception network with the published file's keys and shapes, and random values."""

from unittest import mock

import pytest
import torch
from pytorch_fid import inception


def random_state() -> dict[str, torch.Tensor]:
    """The keys and shapes of the published file."""
    kept: list[torch.nn.Module] = []
    build = inception._inception_v3

    def remember(*arguments: object, **options: object) -> torch.nn.Module:
        kept.append(build(*arguments, **options))
        return kept[0]

    class Enough(Exception):
        pass

    with (
        mock.patch.object(inception, "_inception_v3", remember),
        mock.patch.object(inception, "load_state_dict_from_url", mock.Mock(side_effect=Enough)),
        pytest.raises(Enough),
    ):
        inception.fid_inception_v3()
    # `kept[0]` has its blocks patched by now. Weights of a plain scale: the features must neither die out nor explode.
    generator = torch.Generator().manual_seed(0)
    state = kept[0].state_dict()
    for key, value in state.items():
        if key.endswith("conv.weight"):
            value.normal_(0, (2 / value[0].numel()) ** 0.5, generator=generator)
    return state
