"""The values themselves."""

from typing import final

from torch import Tensor
from torch.nn import functional

from reverie.core.spec import DataSpec
from reverie.data.source import digest
from reverie.measure.extractor import Extractor, Kind, Means

MOST_VALUES = 3_072


@final
class Pixels(Extractor):
    """Flat values; larger images are averaged over squares until at most 3,072 values remain.

    Distances between pixels see shifts and shades and no content, but nothing had to be learnt, they are the same for
    everyone, and a copy of an image is at distance zero.

    Args:
        spec: of the images.

    Example:
        >>> Pixels(DataSpec(channels=3, height=64, width=48)).size
        (32, 24)
    """

    def __init__(self, spec: DataSpec) -> None:
        factor = 1
        while spec.channels * max(1, spec.height // factor) * max(1, spec.width // factor) > MOST_VALUES:
            factor += 1
        self.size = (max(1, spec.height // factor), max(1, spec.width // factor))
        self.name, self.dear, self.about = "pixels", False, {}
        self.dim = spec.channels * self.size[0] * self.size[1]
        self.fingerprint = digest("pixels", 1, spec.shape, self.size)

    def features(self, images: Tensor) -> Tensor:
        """(n, c, h, w) -> (n, dim)."""
        if images.shape[-2:] != self.size:
            images = functional.adaptive_avg_pool2d(images, self.size)
        return images.float().flatten(1)


def _open(argument: str, means: Means) -> Extractor:
    return Pixels(means.spec)


KIND = Kind("pixels", "The values themselves, averaged to at most 3,072.", _open)
