"""Reads weights that others published: a state dict in a file."""

from pathlib import Path

import torch
from torch import Tensor

from dgnet.core.errors import UserError

StateDict = dict[str, Tensor]


def read_weights(path: Path, expected: str) -> StateDict:
    """A plain state dict, or one in the envelope `{'a': state_dict}` of the original DG-Net release; on the CPU.

    `expected` tells the reader of an error what the file should have been, as in "a torchvision ResNet state dict".

    Raises:
        UserError: the file is missing, damaged, or holds something else.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file (expected {expected})")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises several unrelated types for a damaged file
        raise UserError(f"{path}: not a readable PyTorch checkpoint ({error.__class__.__name__})") from error
    if isinstance(content, dict) and isinstance(content.get("a"), dict):
        content = content["a"]
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise UserError(f"{path}: expected {expected}, found something else than a state dict of tensors")
    return content
