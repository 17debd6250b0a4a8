"""White shapes on black whose five factors are known and independent, in the manner of dSprites (Matthey et al. 2017).

A full grid of 4 shapes x 4 scales x 16 orientations x 16 x 16 positions = 65,536 images. Orientations stop short of 90
degrees, so that no two images are the same. Edges are antialiased: a pixel's ink is the share of it inside, to first
order, from the distance to the outline. All lengths are in units of the smaller side, y pointing down.
"""

import numpy as np

from reverie.core.errors import UsageError
from reverie.core.rng import key
from reverie.data.drawn import Drawing, Drawn
from reverie.data.source import Source, digest

VERSION = 1
SHAPES = ("square", "ellipse", "heart", "triangle")
LEVELS = {"shape": 4, "scale": 4, "orientation": 16, "x": 16, "y": 16}
NUM_IMAGES = 65_536


def shapes(num: int | None, seed: int) -> Source:
    """The whole grid, or `num` different cells of it.

    Raises:
        UsageError: more images than there are cells.
    """
    if num is not None and num > NUM_IMAGES:
        raise UsageError(f"recipe.data.num: shapes has {NUM_IMAGES:,} images, got {num}. Leave it out for all of them.")
    cells = np.arange(NUM_IMAGES)
    if num is not None:
        rng = np.random.Generator(np.random.PCG64(key("shapes", seed)))
        cells = np.sort(rng.choice(NUM_IMAGES, size=num, replace=False))

    def begin(size: tuple[int, int] | None) -> Drawing:
        height, width = size or (64, 64)

        def draw(first: int, count: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
            factors = factors_of(cells[first : first + count])
            return draw_shapes(factors, height, width), factors

        kinds = np.unravel_index(cells, tuple(LEVELS.values()))[0]
        return Drawing(len(cells), (1, height, width), draw, kinds, SHAPES)

    return Drawn("shapes", digest("shapes", VERSION, num, seed if num is not None else None), begin)


def factors_of(cells: np.ndarray) -> dict[str, np.ndarray]:
    """The factors of cells 0 .. 65535 of the grid.

    Returns:
        shape (k,) int32 in the order of SHAPES; as float32 scale 0.5 to 1, orientation in degrees, 0 to 84.4, and x and
        y of the centre, 0.25 to 0.75 of the smaller side.

    Example:
        >>> {name: values.item() for name, values in factors_of(np.array([0])).items()}
        {'shape': 0, 'scale': 0.5, 'orientation': 0.0, 'x': 0.25, 'y': 0.25}
    """
    kind, scale, orientation, x, y = np.unravel_index(cells, tuple(LEVELS.values()))
    values = {"scale": 0.5 + scale / 6, "orientation": orientation * (90 / 16), "x": 0.25 + x / 30, "y": 0.25 + y / 30}
    return {"shape": kind.astype(np.int32)} | {name: value.astype(np.float32) for name, value in values.items()}


def draw_shapes(factors: dict[str, np.ndarray], height: int, width: int) -> np.ndarray:
    """Images of these factors.

    Args:
        factors: as `factors_of` gives them; values between the grid's levels are fine.
        height, width: pixels.

    Returns:
        (k, 1, height, width) uint8.
    """
    unit = min(height, width)
    x, y, angle, scale = (factors[n].astype(np.float32)[:, None, None] for n in ("x", "y", "orientation", "scale"))
    across = (np.arange(width, dtype=np.float32) + 0.5 - (width - unit) / 2) / unit - x
    down = (np.arange(height, dtype=np.float32)[:, None] + 0.5 - (height - unit) / 2) / unit - y
    cos, sin = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    size = 0.18 * scale  # half the width of the shape
    u, v = (across * cos + down * sin) / size, (down * cos - across * sin) / size
    out = np.empty((len(u), height, width), np.float32)
    for kind, outside in enumerate((_square, _ellipse, _heart, _triangle)):
        of_kind = factors["shape"] == kind
        out[of_kind] = outside(u[of_kind], v[of_kind]) * size[of_kind]
    ink = np.clip(0.5 - out * unit, 0, 1)
    return np.round(ink * 255).astype(np.uint8)[:, None]


# Distances to the outline, negative inside, for shapes that fill -1..1 roughly.


def _square(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.maximum(np.abs(u), np.abs(v)) - np.float32(0.9)


def _ellipse(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    a, b = np.float32(1.1), np.float32(0.6)
    level = np.sqrt((u / a) ** 2 + (v / b) ** 2)  # 1 on the outline; divided by its slope it is a distance
    slope = np.sqrt((u / a**2) ** 2 + (v / b**2) ** 2) / np.maximum(level, np.float32(1e-6))
    return (level - 1) / np.maximum(slope, np.float32(1e-6))


def _heart(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """A square on its tip, with half a disc on each of its upper sides."""
    half = np.float32(0.58)  # half the side of the square; its centre is below the shape's
    root = np.float32(np.sqrt(0.5))
    v = v - np.float32(0.2)
    tipped = np.maximum(np.abs(u + v), np.abs(u - v)) * root - half
    reach = half * root  # from the square's centre to the middle of an upper side, along each axis
    discs = np.hypot(np.abs(u) - reach, v + reach) - half
    return np.minimum(tipped, discs)


def _triangle(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    root = np.float32(np.sqrt(3) / 2)
    return np.maximum(v, np.abs(u) * root - v / 2) - np.float32(0.58)
