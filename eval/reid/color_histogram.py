"""The color histogram as a descriptor: what re-identification is worth without any learning.

A baseline should be the strong version of itself: by default joint HSV histograms of six horizontal stripes (head,
chest, ..., shoes), square-rooted, so that the Euclidean distance is the Hellinger distance of the histograms. The
variants (`lab`, one stripe for the whole image) are named options.
"""

import numpy as np
from skimage.color import rgb2hsv, rgb2lab

from dgnet.core.errors import UserError
from eval.arrays import Array, as_numpy, checked_images

# Bins per channel and the range of each: hue is told apart finest; in Lab the two color axes are.
_BINS = {"hsv": (8, 4, 4), "lab": (4, 6, 6)}
_RANGES = {"hsv": ((0.0, 1.0), (0.0, 1.0), (0.0, 1.0)), "lab": ((0.0, 100.0), (-100.0, 100.0), (-100.0, 100.0))}
# Images converted at once: color conversion makes several float64 copies.
_CHUNK = 256


def color_histogram(images: Array, *, space: str = "hsv", stripes: int = 6) -> np.ndarray:
    """Descriptors `[image, stripes * bins]`, float32, each of L2 norm 1, of uint8 images `[image, 3, height, width]`.

    Each horizontal stripe has a joint histogram over the three channels (128 bins in HSV, 144 in Lab) that sums to 1
    before the square root. Stripes differ by at most one row of pixels in height.
    """
    pixels = as_numpy(checked_images("images", images))
    count, _, height, width = pixels.shape
    if space not in _BINS:
        raise UserError(f"space must be one of {', '.join(_BINS)}, got {space!r}")
    if not 1 <= stripes <= height:
        raise UserError(f"stripes must be from 1 to the image height {height}, got {stripes}")
    bins = int(np.prod(_BINS[space]))
    stripe_of_row = np.arange(height) * stripes // height
    histograms = np.empty((count, stripes * bins))
    for start in range(0, count, _CHUNK):
        codes = _bin_codes(pixels[start : start + _CHUNK], space) + stripe_of_row[:, None] * bins
        images_here = len(codes)
        codes = codes + np.arange(images_here)[:, None, None] * (stripes * bins)
        counts = np.bincount(codes.ravel(), minlength=images_here * stripes * bins)
        histograms[start : start + images_here] = counts.reshape(images_here, -1)
    pixels_of_stripe = np.bincount(stripe_of_row, minlength=stripes) * width
    shares = histograms.reshape(count, stripes, bins) / pixels_of_stripe[:, None]
    return np.sqrt(shares / stripes).reshape(count, -1).astype(np.float32)


def _bin_codes(images: np.ndarray, space: str) -> np.ndarray:
    """The number of each pixel's bin, `[image, height, width]`."""
    convert = {"hsv": rgb2hsv, "lab": rgb2lab}[space]
    channels = np.moveaxis(convert(np.moveaxis(images, 1, -1)), -1, 0)
    code = np.zeros(channels.shape[1:], dtype=np.int64)
    for channel, bins, (low, high) in zip(channels, _BINS[space], _RANGES[space], strict=True):
        place = np.floor((channel - low) / (high - low) * bins).astype(np.int64)
        code = code * bins + place.clip(0, bins - 1)
    return code
