"""Checks of input: features, labels and images as NumPy arrays or tensors, on any device."""

from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from dgnet.core.errors import UserError
from dgnet.core.image_arrays import check_unmasked

Array: TypeAlias = np.ndarray | Tensor

# Kind of number -> bytes of the widest that torch has: NumPy's longdouble is wider.
_WIDEST = {"b": 1, "i": 8, "u": 8, "f": 8, "c": 16}


def as_tensor(name: str, values: Array) -> Tensor:
    """An array as a tensor (sharing memory where it can); a tensor stays where it is.

    `UserError` names `name` for what is no array of numbers.
    """
    if isinstance(values, Tensor):
        return values.detach()
    check_unmasked(name, values)
    array = np.asarray(values)
    if array.dtype.kind not in "biufc":
        raise UserError(f"{name} must be an array of numbers, got {array.dtype}")
    if array.dtype.itemsize > _WIDEST[array.dtype.kind]:
        raise UserError(f"{name} must be numbers that torch has, got {array.dtype}")
    # torch has neither numbers of another byte order nor steps backward, and warns of what cannot be written to.
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    copied = any(step < 0 for step in array.strides) or not array.flags.writeable
    return torch.as_tensor(array.copy() if copied else array)


def as_numpy(values: Array) -> np.ndarray:
    """A tensor as an array on the CPU (sharing memory where it can), bfloat16 as float32; an array stays as it is."""
    if not isinstance(values, Tensor):
        return np.asarray(values)
    tensor = values.detach().cpu()
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()


def checked_features(name: str, features: Array) -> Tensor:
    """`[image, feature]` finite numbers; `UserError` names `name` otherwise."""
    tensor = as_tensor(name, features)
    if tensor.ndim != 2 or not len(tensor):
        raise UserError(f"{name} must be a matrix with a row for each image, got shape {tuple(tensor.shape)}")
    if tensor.is_complex():
        raise UserError(f"{name} must be real numbers, got {tensor.dtype}")
    # In parts: the test makes a copy of what it looks at.
    finite = torch.cat([torch.isfinite(part).all(dim=1) for part in tensor.split(4096)])
    if not bool(finite.all()):
        raise UserError(f"{name} must be finite, row {int((~finite).nonzero()[0])} holds NaN or infinity")
    return tensor


def checked_labels(name: str, labels: Array, count: int) -> Tensor:
    """`count` whole numbers as int64 on the CPU; `UserError` names `name` otherwise."""
    tensor = as_tensor(name, labels).cpu()
    if tensor.shape != (count,):
        raise UserError(f"{name} must hold one number for each of {count} images, got shape {tuple(tensor.shape)}")
    if tensor.dtype.is_floating_point or tensor.dtype.is_complex or tensor.dtype == torch.bool:
        raise UserError(f"{name} must be whole numbers, got {tensor.dtype}")
    numbers = tensor.to(torch.int64)
    if tensor.dtype == torch.uint64 and bool((numbers < 0).any()):
        raise UserError(f"{name} must be below 2^63, got larger numbers")
    return numbers


def checked_images(name: str, images: Array) -> Tensor:
    """uint8 images as `[image, 3, height, width]`; NumPy arrays may be `[image, height, width, 3]`.

    `UserError` names `name` for anything else.
    """
    if isinstance(images, np.ndarray) and images.ndim == 4 and images.shape[1] != 3 and images.shape[3] == 3:
        images = images.transpose(0, 3, 1, 2)
    tensor = as_tensor(name, images)
    if tensor.ndim != 4 or tensor.shape[1] != 3 or 0 in tensor.shape or tensor.dtype != torch.uint8:
        raise UserError(
            f"{name} must be uint8 images [image, 3, height, width] (NumPy also [image, height, width, 3]), "
            f"got {tensor.dtype} of shape {tuple(tensor.shape)}"
        )
    return tensor


def checked_outlines(name: str, outlines: Array, images: Tensor) -> Tensor:
    """`[image, height, width]` weights 0..1 of `images`, as float64; `UserError` names `name` otherwise."""
    tensor = as_tensor(name, outlines)
    if tensor.is_complex():
        raise UserError(f"{name} must be real numbers, got {tensor.dtype}")
    tensor = tensor.to(device=images.device, dtype=torch.float64)
    expected = (images.shape[0], *images.shape[2:])
    if tensor.shape != expected:
        raise UserError(f"{name} must have the shape {expected} of the images, got {tuple(tensor.shape)}")
    if not bool(((tensor >= 0) & (tensor <= 1)).all()):
        raise UserError(f"{name} must be weights from 0 to 1, got values outside that range")
    empty = tensor.flatten(1).sum(dim=1) == 0
    if bool(empty.any()):
        raise UserError(f"{name} must leave something of each image, number {int(empty.nonzero()[0])} is empty")
    return tensor


def check_same_shape(names: str, first: Tensor, second: Tensor) -> None:
    """`UserError` that names both unless they have one shape."""
    if first.shape != second.shape:
        raise UserError(f"{names} must have one shape, got {tuple(first.shape)} and {tuple(second.shape)}")
