"""1,797 real handwritten digits, 8 x 8 grey (Alpaydin and Kaynak 1998), from the copy inside scikit-learn."""

import numpy as np

from reverie.data.drawn import Drawing, Drawn, from_array
from reverie.data.source import Source, digest


def digits() -> Source:
    """The digits, their 17 levels of ink spread over 0..255."""
    return Drawn("digits", digest("digits", 1), _begin)


def _begin(_: tuple[int, int] | None) -> Drawing:
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    pixels = np.round(np.asarray(images) * (255 / 16)).astype(np.uint8)
    return from_array(pixels.reshape(-1, 1, 8, 8), np.asarray(labels))
