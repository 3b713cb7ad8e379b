"""Random images, and where in a picture an image stands."""

import numpy as np

HEIGHT, WIDTH = 12, 7


def images(*count: int) -> np.ndarray:
    """uint8 `[*count, HEIGHT, WIDTH, 3]`, the same in every call."""
    return np.random.default_rng(0).integers(0, 200, (*count, HEIGHT, WIDTH, 3), dtype=np.uint8)


def places_of(picture: np.ndarray, image: np.ndarray) -> list[tuple[int, int]]:
    """(top, left) of every occurrence of `image` in `picture`."""
    windows = np.lib.stride_tricks.sliding_window_view(picture, image.shape)[:, :, 0]
    return [tuple(place) for place in np.argwhere((windows == image).all(axis=(2, 3, 4)))]
