"""A batch of canvases on which flat shapes are painted with anti-aliased edges; what a face looks like is elsewhere.

Lengths are in frame units: the largest centred square of the image is `FRAME` units wide, y pointing down. A shape is
a signed distance (negative inside), exact to first order at its edge; its coverage of a pixel is a ramp one pixel wide.
Pixels are only ever added, multiplied, divided, compared and square-rooted, which IEEE 754 rounds the same way on every
machine, and a shape changes nothing outside itself; so an image does not depend on the batch that it was painted in.
"""

from collections.abc import Callable
from copy import copy
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.floating[Any]]  # float32 throughout; the stubs of numpy promote it where numpy does not
Length = Array | float  # one for all images, or (n, 1, 1)

TINY = np.float32(1e-12)
FRAME, MIDDLE_Y = 1.84, -0.045  # width of the square, and the y of its centre


def colour(hexadecimal: str) -> Array:
    """`"ff8000"` as red, green, blue in [0, 1], shape (3,)."""
    return np.array([int(hexadecimal[i : i + 2], 16) for i in (0, 2, 4)], dtype=np.float32) / np.float32(255)


def mix(first: Array, second: Array, share: ArrayLike) -> Array:
    """`first` with a share in [0, 1] of `second`; shapes broadcast."""
    return first + (second - first) * np.asarray(share, dtype=np.float32)


def egg(x: Array, y: Array, rx: Length, up: Length, down: Length, *, k_up: Length = 0.0, k_down: Length = 0.0) -> Array:
    """Signed distance to an oval of half-width `rx` that reaches `up` above and `down` below its centre.

    The curve is u^2 + v^2 + k u^2 v^2 = 1 (Fernandez Guasti's squircle for k in [-1, 0]): towards -1 it turns square,
    above 0 it turns pointed, and halves of different k join smoothly. Distance is the value over its gradient.

    Args:
        x, y: coordinates from the centre, (n, height, width).
        rx, up, down: radii, positive.
        k_up, k_down: squareness of the halves, above -1.
    """
    upper = y < 0
    across, upright = 1 / rx, np.where(upper, np.float32(1 / up), np.float32(1 / down))
    u, v = x * across, y * upright
    u2, v2 = u * u, v * v
    value, du, dv = u2 + v2 - 1, u * across, v * upright
    if np.any(k_up) or np.any(k_down):
        k = np.where(upper, np.float32(k_up), np.float32(k_down))
        inner_u2, inner_v2 = np.minimum(u2, 1), np.minimum(v2, 1)  # the curve lies within; beyond, k < 0 would return
        value += k * inner_u2 * inner_v2
        du, dv = du * (1 + k * inner_v2), dv * (1 + k * inner_u2)
    return value * 0.5 / np.sqrt(du * du + dv * dv + TINY)


def disc(x: Array, y: Array, r: Length) -> Array:
    """Signed distance to a disc around the origin."""
    return np.sqrt(x * x + y * y) - r


def box(x: Array, y: Array, rx: Length, ry: Length, corner: Length = 0.0) -> Array:
    """Signed distance to a rectangle of half-sides rx, ry with rounded corners (Quilez, "2D distance functions")."""
    dx, dy = np.abs(x) - rx + corner, np.abs(y) - ry + corner
    outside = np.sqrt(np.maximum(dx, 0) ** 2 + np.maximum(dy, 0) ** 2)
    return outside + np.minimum(np.maximum(dx, dy), 0) - corner


def both(first: Array, second: Array, smooth: float) -> Array:
    """Signed distance to the overlap of two shapes, its corners rounded over about `smooth` frame units."""
    near = np.maximum(smooth - np.abs(first - second), 0)
    return np.maximum(first, second) + near * near * (0.25 / smooth)


def stroke(x: Array, y: Array, half: Length, bend: Length, thick: Length) -> Array:
    """Signed distance to a round pen of radius `thick` drawn along y = bend * (x / half)^2 for |x| <= half."""
    t = np.clip(x / half, -1, 1)
    slope = 2 * bend * t / half
    along = (y - bend * t * t) / np.sqrt(1 + slope * slope)
    beyond = np.maximum(np.abs(x) - half, 0)
    return np.sqrt(along * along + beyond * beyond) - thick


def line(x: Array, y: Array, to_x: Length, to_y: Length, thick: Length) -> Array:
    """Signed distance to a round pen of radius `thick` drawn from the origin to (to_x, to_y)."""
    t = np.clip((x * to_x + y * to_y) / (to_x * to_x + to_y * to_y), 0, 1)
    return disc(x - t * to_x, y - t * to_y, thick)


@final
class Region:
    """A rectangle of pixels of some images: coordinates to measure distances with, and the brush."""

    def __init__(self, image: Array, chosen: NDArray[np.intp] | None, x: Array, y: Array, pixel: np.float32) -> None:
        self.x, self.y, self.pixel = x, y, pixel
        self._image, self._chosen = image, chosen  # (n of the whole canvas, 3, height, width), a view

    def cover(self, distance: Array, soft: float = 0.0) -> Array:
        """Coverage in [0, 1]: a ramp one pixel wide, or `soft` frame units where that is wider."""
        width = max(self.pixel, np.float32(soft))
        ramp = distance * (np.float32(-1) / width)
        ramp += np.float32(0.5)
        return np.clip(ramp, 0, 1, out=ramp)

    def paint(self, coverage: Array, pigment: Array) -> None:
        """Blends `pigment`, (n, 3, 1, 1), (n, 3, height, width) or (3,), over the pixels by `coverage`."""
        if pigment.ndim == 1:
            pigment = pigment.reshape(1, 3, 1, 1)
        under = self._image if self._chosen is None else self._image[self._chosen]
        over = pigment - under
        over *= coverage[:, None]
        under += over
        if self._chosen is not None:
            self._image[self._chosen] = under

    def fill(self, distance: Array, pigment: Array, alpha: Length = 1.0, soft: float = 0.0) -> None:
        """Paints the inside of a shape."""
        coverage = self.cover(distance, soft)
        if not (isinstance(alpha, float) and alpha == 1.0):
            coverage *= alpha
        self.paint(coverage, pigment)


@final
class Sketch:
    """A batch of canvases in progress with what is known of each face; `only` narrows it to some of them.

    Args:
        image: what is painted on, (n, 3, height, width) in [0, 1].
        lengths: numbers of each face by name, (n, 1, 1).
        colours: pigments of each face by name, (n, 3, 1, 1).
        turn: cosine and sine of each head's tilt about `pivot`, (n, 1, 1).
    """

    def __init__(
        self,
        image: Array,
        lengths: dict[str, Array],
        colours: dict[str, Array],
        turn: tuple[Array, Array],
        pivot: float,
    ) -> None:
        height, width = image.shape[2:]
        self.image, self.pixel, self.pivot = image, np.float32(FRAME / min(height, width)), np.float32(pivot)
        self._lengths, self._colours, self._turn = lengths, colours, turn
        self._chosen: NDArray[np.intp] | None = None
        x = (np.arange(width, dtype=np.float32) + np.float32(0.5 - width / 2)) * self.pixel
        y = (np.arange(height, dtype=np.float32) + np.float32(0.5 - height / 2)) * self.pixel + np.float32(MIDDLE_Y)
        self._frame = x[None, None, :], y[None, :, None]
        down = self._frame[1] - self.pivot
        self._head = turn[0] * x + turn[1] * down, turn[0] * down - turn[1] * x + self.pivot

    def __getitem__(self, name: str) -> Array:
        return self._lengths[name]

    def pigment(self, name: str) -> Array:
        """A colour of each face, (n, 3, 1, 1)."""
        return self._colours[name]

    def only(self, wanted: NDArray[np.bool_]) -> "Sketch | None":
        """The faces for which `wanted`, (n,), holds; None where there is none."""
        rows = np.flatnonzero(wanted)
        if not rows.size:
            return None
        part = copy(self)
        part._chosen = rows if self._chosen is None else self._chosen[rows]
        part._lengths = {name: value[rows] for name, value in self._lengths.items()}
        part._colours = {name: value[rows] for name, value in self._colours.items()}
        part._turn = self._turn[0][rows], self._turn[1][rows]
        return part

    def each(self, name: str, painters: dict[int, Callable[["Sketch"], None]]) -> None:
        """Lets a painter loose on the faces whose `name` has its number."""
        for number, painter in painters.items():
            part = self.only(self[name].ravel() == number)
            if part is not None:
                painter(part)

    def on_head(self, cx: Length, cy: Length, rx: Length, ry: Length) -> Region:
        """The pixels around a box (centre, half-sides) that turns with the head, in the head's coordinates."""
        (cos, sin), pivot = self._turn, self.pivot
        x, y = cos * cx - sin * (cy - pivot), sin * cx + cos * (cy - pivot) + pivot
        reach_x, reach_y = cos * rx + np.abs(sin) * ry, np.abs(sin) * rx + cos * ry
        columns = self._span(x - reach_x, x + reach_x, self.image.shape[3])
        rows = self._span(y - reach_y - MIDDLE_Y, y + reach_y - MIDDLE_Y, self.image.shape[2])
        across, down = (grid[:, rows, columns] for grid in self._head)
        if self._chosen is not None:
            across, down = across[self._chosen], down[self._chosen]
        return Region(self.image[:, :, rows, columns], self._chosen, across, down, self.pixel)

    def on_body(self, left: float, top: float, right: float, bottom: float) -> Region:
        """The pixels around a box that stays with the frame, in its coordinates, (1, 1, width) and (1, height, 1)."""
        columns = self._span(np.float32(left), np.float32(right), self.image.shape[3])
        rows = self._span(np.float32(top - MIDDLE_Y), np.float32(bottom - MIDDLE_Y), self.image.shape[2])
        x, y = self._frame[0][:, :, columns], self._frame[1][:, rows]
        return Region(self.image[:, :, rows, columns], self._chosen, x, y, self.pixel)

    def _span(self, low: Array | np.float32, high: Array | np.float32, count: int) -> slice:
        """Pixels of an axis whose centres lie within a pixel of [low, high], for any face."""
        middle = count / 2
        first = int(np.floor(np.min(low) / self.pixel + middle)) - 1
        last = int(np.ceil(np.max(high) / self.pixel + middle)) + 1
        return slice(min(max(first, 0), count), max(min(last, count), 0))
