"""The color histogram as a descriptor: what re-identification is worth without any learning.

A baseline should be the strong version of itself: by default joint HSV histograms of six horizontal stripes (head,
chest, ..., shoes), square-rooted, so that the Euclidean distance is the Hellinger distance of the histograms.
"""

from dataclasses import dataclass

import numpy as np
import torch
from skimage.color import rgb2hsv
from torch import Tensor

from dgnet.core.errors import UserError
from eval.arrays import Array, as_numpy, checked_images

# Bins of hue, saturation and value, each of which is 0..1: hue has the most.
_BINS = (8, 4, 4)
# Images converted at once: color conversion makes several float64 copies.
_CHUNK = 256


@dataclass(frozen=True)
class ColorHistogram:
    """The descriptor as a model for `eval.evaluate_reid`: what has to be surpassed by learning."""

    height: int = 128
    width: int = 64
    name: str = "color histogram"

    def __call__(self, images: Tensor) -> Tensor:
        """`color_histogram` of uint8 images `[image, 3, height, width]`."""
        return torch.from_numpy(color_histogram(images))


def color_histogram(images: Array, *, stripes: int = 6) -> np.ndarray:
    """Descriptors `[image, stripes * bins]`, float32, each of L2 norm 1, of uint8 images `[image, 3, height, width]`.

    Each horizontal stripe has a joint histogram over the three channels (128 bins) that sums to 1
    before the square root. Stripes differ by at most one row of pixels in height.
    """
    pixels = as_numpy(checked_images("images", images))
    count, _, height, width = pixels.shape
    if not 1 <= stripes <= height:
        raise UserError(f"stripes must be from 1 to the image height {height}, got {stripes}")
    bins = int(np.prod(_BINS))
    stripe_of_row = np.arange(height) * stripes // height
    histograms = np.empty((count, stripes * bins))
    for start in range(0, count, _CHUNK):
        codes = _bin_codes(pixels[start : start + _CHUNK]) + stripe_of_row[:, None] * bins
        images_here = len(codes)
        codes = codes + np.arange(images_here)[:, None, None] * (stripes * bins)
        counts = np.bincount(codes.ravel(), minlength=images_here * stripes * bins)
        histograms[start : start + images_here] = counts.reshape(images_here, -1)
    pixels_of_stripe = np.bincount(stripe_of_row, minlength=stripes) * width
    shares = histograms.reshape(count, stripes, bins) / pixels_of_stripe[:, None]
    return np.sqrt(shares / stripes).reshape(count, -1).astype(np.float32)


def _bin_codes(images: np.ndarray) -> np.ndarray:
    """The number of each pixel's bin, `[image, height, width]`."""
    channels = np.moveaxis(rgb2hsv(np.moveaxis(images, 1, -1)), -1, 0)
    code = np.zeros(channels.shape[1:], dtype=np.int64)
    for channel, bins in zip(channels, _BINS, strict=True):
        place = np.floor(channel * bins).astype(np.int64)
        code = code * bins + place.clip(0, bins - 1)
    return code
