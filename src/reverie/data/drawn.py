"""Sources that are no files: arrays in memory, and images drawn on demand. Both come as blocks of uint8 pixels."""

import functools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from reverie.data.image import conform
from reverie.data.source import PARTS, Block, Source
from reverie.data.view import View

_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


@dataclass(frozen=True)
class Drawing:
    """Images that can be had by number.

    Args:
        num: how many.
        shape: (channels, height, width) as they come.
        draw: (first, count) -> images (count, *shape) uint8 and their factors; called from several threads.
        labels: (num,) integers below len(classes), or None.
        classes: names of the classes.
        parts: how many belong to each of `source.PARTS`, in order; left out: all to train.
    """

    num: int
    shape: tuple[int, int, int]
    draw: Callable[[int, int], tuple[np.ndarray, dict[str, np.ndarray]]]
    labels: np.ndarray | None = None
    classes: tuple[str, ...] = ()
    parts: tuple[int, int, int] | None = None


@dataclass
class Drawn(Source):
    """A source whose candidates are drawn, or sliced from an array.

    Args:
        name: what the user called it.
        key: a digest of everything that decides the images, known before any is drawn.
        begin: (size or None) -> Drawing; called once, when there is no cache, with the size that is wanted.
        binary: every value is black or white by construction.
    """

    name: str
    key: str
    begin: Callable[[tuple[int, int] | None], Drawing]
    binary: bool = False
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    _size: tuple[int, int] | None = None

    def identity(self) -> str:
        """The key."""
        return self.key

    @functools.cached_property
    def drawing(self) -> Drawing:
        """The images, read or set up on first use."""
        return self.begin(self._size)

    @property
    def num(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Images there are."""
        return self.drawing.num

    def shape(self, view: View) -> tuple[int, int, int]:
        """The native shape unless the view says otherwise."""
        self._size = view.size
        channels, height, width = self.drawing.shape
        return view.shape((height, width), grey=channels <= 2, transparent=channels in (2, 4))

    def block(self, first: int, count: int, shape: tuple[int, int, int], view: View) -> Block:
        """Draws, and resizes where the drawing has another shape."""
        count = min(count, self.num - first)
        images, factors = self.drawing.draw(first, count)
        channels, height, width = self.drawing.shape
        if self.drawing.shape != shape or channels == 4:
            images = np.stack([conform(_picture(pixels), shape, view) for pixels in images])
        sizes = np.tile(np.array([[height, width]], np.int32), (count, 1))
        kept = np.arange(first, first + count)
        return Block(np.ascontiguousarray(images), kept, sizes, Counter({_MODES[channels]: count}), factors=factors)

    def labels(self, kept: np.ndarray) -> tuple[np.ndarray | None, tuple[str, ...]]:
        """As the drawing says."""
        if self.drawing.labels is None:
            return None, ()
        return self.drawing.labels[kept].astype(np.int32), self.drawing.classes

    def parts(self, kept: np.ndarray) -> dict[str, int]:
        """As the drawing says."""
        return dict(zip(PARTS, self.drawing.parts or (len(kept), 0, 0), strict=True))


def _picture(pixels: np.ndarray) -> Image.Image:
    """(c, h, w) uint8 as a Pillow image."""
    return Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0).squeeze()) if len(pixels) == 1 else
                           np.ascontiguousarray(pixels.transpose(1, 2, 0)))  # fmt: skip


def from_array(
    images: np.ndarray,
    labels: np.ndarray | None = None,
    *,
    classes: tuple[str, ...] = (),
    parts: tuple[int, int, int] | None = None,
) -> Drawing:
    """A drawing that slices an array.

    Args:
        images: (n, c, h, w) uint8 with 1 to 4 channels.
        labels: (n,) values of any kind; equal values are a class, named after the value unless `classes` names them.
        classes: names of the classes in the order of the sorted values.
        parts: as `Drawing`.
    """
    number = None
    if labels is not None:
        values, number = np.unique(labels, return_inverse=True)
        classes = classes or tuple(str(v) for v in values)
    return Drawing(
        len(images), images.shape[1:], lambda first, count: (images[first : first + count], {}), number, classes, parts
    )
