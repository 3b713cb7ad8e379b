"""Arrays of images: what is resized without a word, and what with a warning."""

import warnings

import pytest
import torch

from dgnet.core.image_arrays import warn_of_lying_images


def test_exchanged_height_and_width_are_said() -> None:
    with pytest.warns(UserWarning, match=r"64x128 \(height x width\) are resized to 256x128.*exchanged"):
        warn_of_lying_images(torch.zeros(1, 3, 64, 128, dtype=torch.uint8), 256, 128)


@pytest.mark.parametrize(("given", "size"), [((128, 64), (256, 128)), ((90, 90), (256, 128)), ((64, 128), (64, 128))])
def test_other_sizes_are_not(given: tuple[int, int], size: tuple[int, int]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_lying_images(torch.zeros(1, 3, *given, dtype=torch.uint8), *size)
