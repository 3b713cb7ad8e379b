"""Images as a program holds them: NumPy `[image, height, width, 3]` or torch `[image, 3, height, width]`, uint8."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from dgnet.core.errors import UserError
from dgnet.core.files import user_path

Array = np.ndarray | Tensor


def check_unmasked(name: str, values: object) -> None:
    """`UserError` names `name` where numbers of a NumPy array are masked: what lies below a mask is no value.

    Example:
        >>> check_unmasked("images", np.ma.masked_equal(np.arange(3), 1))
        Traceback (most recent call last):
        dgnet.core.errors.UserError: images must hold a number everywhere, 1 are masked
    """
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise UserError(f"{name} must hold a number everywhere, {np.ma.count_masked(values)} are masked")


def as_image_tensor(images: Array, argument: str) -> UInt8[Tensor, "image 3 _h _w"]:
    """The images as a tensor, on the device where they are.

    Args:
        images: at least one image, 0 to 255.
        argument: the name of the argument, for the error.

    Raises:
        UserError: another type, dtype or shape, or masked pixels.
    """
    shapes = {np.ndarray: "[image, height, width, 3]", Tensor: "[image, 3, height, width]"}
    shape = next((shape for kind, shape in shapes.items() if isinstance(images, kind)), None)
    if shape is None:
        allowed = "a NumPy array [image, height, width, 3] or a torch tensor [image, 3, height, width]"
        raise UserError(f"{argument} must be {allowed}, got {type(images).__name__}")
    dtype = str(images.dtype).removeprefix("torch.")
    if dtype != "uint8":
        raise UserError(f"{argument} must be uint8 (0 to 255), got {dtype}")
    channels = 3 if isinstance(images, np.ndarray) else 1
    if images.ndim != 4 or images.shape[channels] != 3 or 0 in images.shape:
        raise UserError(f"{argument} must have the shape {shape} with at least one image, got {list(images.shape)}")
    check_unmasked(argument, images)
    # A copy: a NumPy array may be read-only or run backwards.
    return (
        torch.from_numpy(np.array(images, order="C")).permute(0, 3, 1, 2) if isinstance(images, np.ndarray) else images
    )


def listed_files(argument: str, files: object) -> list[Path]:
    """A list of files, with paths as users write them. `UserError` names `argument` for anything else."""
    if not isinstance(files, Sequence) or isinstance(files, str):
        raise UserError(f"{argument} must be an array or a list of files, got {type(files).__name__}")
    wrong = next((file for file in files if not isinstance(file, (str, Path))), None)
    if wrong is not None:
        raise UserError(
            f"{argument} must be one array [image, height, width, 3] or a list of files, got one of "
            f"{type(wrong).__name__}"
        )
    return [user_path(file) for file in files]


def warn_of_lying_images(images: Tensor, height: int, width: int) -> None:
    """A `UserWarning` where images `[image, 3, _h, _w]` that are to be resized lie on their side for this size."""
    given = tuple(images.shape[2:])
    if given[1] > given[0] and height > width:
        warnings.warn(
            f"images of {given[0]}x{given[1]} (height x width) are resized to {height}x{width}: people lie on their "
            "side; height and width may be exchanged",
            stacklevel=3,
        )


def image_array_like(images: UInt8[Tensor, "*image 3 height width"], example: Array) -> Array:
    """The images as `example` has them: NumPy channels last, or a tensor on its device."""
    if isinstance(example, Tensor):
        return images.to(example.device)
    return np.ascontiguousarray(images.movedim(-3, -1).cpu().numpy())


def array_like(values: Tensor, example: Array) -> Array:
    """Numbers of the same axes as a NumPy array, or as a tensor on the device of `example`."""
    return values.to(example.device) if isinstance(example, Tensor) else values.cpu().numpy()
