"""Colors of people, and people in the order of the color circle."""

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor


def mean_image(images: UInt8[Tensor, "several image 3 height width"]) -> UInt8[Tensor, "image 3 height width"]:
    """The mean over the first axis: of one appearance on several structures, its colors without their places."""
    return images.double().mean(dim=0).round().to(torch.uint8)


def hues(images: UInt8[Tensor, "image 3 height width"]) -> Float[np.ndarray, "image"]:
    """The hue of each person's clothes in turns (0 red, 1/3 green, 2/3 blue), from the middle of the image.

    The mean direction on the color circle (the plane across the gray axis), in which a pixel counts as much as it is
    colorful; the middle is the half of the width and the three fifths of the height where clothes are expected.
    """
    height, width = images.shape[2:]
    middle = images[:, :, height // 5 : height * 4 // 5, width // 4 : width - width // 4].double()
    red, green, blue = middle.unbind(1)
    across = torch.stack([red - (green + blue) / 2, (green - blue) * 3**0.5 / 2])
    # The square favors what is colorful over much that is nearly gray.
    mean = (across * across.norm(dim=0)).mean(dim=(2, 3))
    return (torch.atan2(mean[1], mean[0]) / (2 * torch.pi) % 1).numpy()
