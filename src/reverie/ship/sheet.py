"""Sheets of images: grids, strips, and originals above reconstructions.

Gaps are transparent, so that a sheet sits on any page. Points in the plane become a scatter plot. Values that are not
finite are painted magenta, so that nobody takes them for an image.
"""

import io
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from reverie.core.errors import UsageError
from reverie.core.run import atomic_write

MIN_WIDTH_PX, MAX_SIDE_PX, MAX_PIXELS = 512, 2048, 64_000_000
_NOT_FINITE = (255, 0, 255, 255)
_PLOT_PX, _PLOT_GROUND, _PLOT_INK = 512, (250, 247, 241), (34, 30, 26)
_PLOT_LINE, _PLOT_LABEL = (214, 206, 194), (120, 112, 102)


@dataclass(frozen=True)
class Layout:
    """Where the images of a sheet lie.

    Args:
        across: images a row.
        rows: of images.
        scale: pixels of the sheet for one of an image.
        height: of an image on the sheet, in pixels.
        width: likewise.
        pad: gap, in pixels of the sheet.
    """

    across: int
    rows: int
    scale: int
    height: int
    width: int
    pad: int

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the sheet, in pixels."""
        return self.across * (self.width + self.pad) - self.pad, self.rows * (self.height + self.pad) - self.pad

    def corner(self, index: int) -> tuple[int, int]:
        """(x, y) of an image's upper left pixel on the sheet."""
        return (index % self.across) * (self.width + self.pad), (index // self.across) * (self.height + self.pad)


def layout(num: int, height: int, width: int, columns: int | None = None, pad: int = 2) -> Layout:
    """How `grid` lays out `num` images of height x width.

    Example:
        >>> layout(64, 48, 48).size, layout(64, 48, 48).corner(9)
        ((782, 782), (98, 98))
    """
    across = min(num, columns) if columns else _columns(num, height / width)
    rows = math.ceil(num / across)
    scale = _scale(across, rows, height, width, pad)
    return Layout(across, rows, scale, height * scale, width * scale, pad)


def grid(images: Tensor, columns: int | None = None, pad: int = 2) -> Image.Image:
    """Images side by side in rows, as near to a square as they fill; tiny ones are enlarged without smoothing.

    Args:
        images: (n, c, h, w) in [-1, 1]; c is 1 (grey), 3 (RGB), 4 (RGB and alpha), or 2 for points (1 x 1 pixel).
        columns: images a row; left out, chosen so that few places stay empty.
        pad: gap, in pixels of the sheet.
    Returns:
        An RGBA picture.
    Raises:
        UsageError: no images, or a shape that is not a picture's.

    Example:
        >>> grid(torch.zeros(6, 1, 8, 8), columns=3, pad=2).size
        (532, 354)
    """
    if len(images) == 0 or images.ndim != 4:
        raise UsageError(
            f"a sheet needs images of shape (n, c, h, w), got {tuple(images.shape)}. Ask for at least one."
        )
    if images.shape[1] == 2:
        return scatter(images)
    laid = layout(len(images), images.shape[2], images.shape[3], columns, pad)
    width, height = laid.size
    if height * width > MAX_PIXELS:
        raise UsageError(
            f"a sheet of {width:,} x {height:,} pixels is too large. Ask for fewer images, or name a folder."
        )
    cells = _pixels(images).repeat(laid.scale, axis=1).repeat(laid.scale, axis=2)
    sheet = np.zeros((height, width, 4), np.uint8)
    for i, cell in enumerate(cells):
        x, y = laid.corner(i)
        sheet[y : y + laid.height, x : x + laid.width] = cell
    return Image.fromarray(sheet)


def strip(images: Tensor, pad: int = 2) -> Image.Image:
    """One row of images, for a morph. Points are drawn as a path."""
    return grid(images, columns=max(1, len(images)), pad=pad)


def pairs(originals: Tensor, reconstructions: Tensor, columns: int = 8, pad: int = 2) -> Image.Image:
    """Every original above its reconstruction, in bands of two rows with air between the bands.

    Args:
        originals: (n, c, h, w) in [-1, 1].
        reconstructions: likewise, in the same order.
        columns: pairs a band.
        pad: gap in pixels between images; four times as much between bands.
    """
    if originals.shape != reconstructions.shape:
        raise UsageError(
            f"originals {tuple(originals.shape)} and reconstructions {tuple(reconstructions.shape)} must match."
        )
    n = len(originals)
    if n == 0 or originals.shape[1] == 2:
        return scatter(originals, reconstructions) if n else grid(originals)
    columns = min(n, columns)
    bands: list[Image.Image] = []
    for first in range(0, n, columns):
        above, below = (_filled(part[first : first + columns], columns) for part in (originals, reconstructions))
        bands.append(grid(torch.cat([above, below]), columns, pad))
    gap = 4 * pad
    sheet = Image.new("RGBA", (bands[0].width, sum(b.height + gap for b in bands) - gap))
    for i, band in enumerate(bands):
        sheet.paste(band, (0, i * (bands[0].height + gap)))
    used = n - (len(bands) - 1) * columns  # the last band's empty places are transparent, not black
    if used < columns:
        x = used * (bands[0].width + pad) // columns
        sheet.paste((0, 0, 0, 0), (x, sheet.height - bands[-1].height, sheet.width, sheet.height))
    return sheet


def scatter(points: Tensor, others: Tensor | None = None) -> Image.Image:
    """Points (n, 2, 1, 1) on paper, the second coordinate upwards; `others` in a second colour on top.

    Both axes go from -r to r, with lines at their quarters; r is the least of 1, 2, 5, 10, 20, ... that holds 98 points
    of a hundred: a scale that seldom changes within a training, and that no stray point spoils.
    """
    over = 3  # drawn larger, then reduced: round dots
    side, reach = _PLOT_PX * over, _reach([points] if others is None else [points, others])
    picture = Image.new("RGB", (side, side), _PLOT_GROUND)
    draw = ImageDraw.Draw(picture)

    def across(value: float) -> float:
        return (1.05 + value / reach) / 2.1 * side

    for value in (-reach / 2, 0.0, reach / 2):
        draw.line([(across(value), 0), (across(value), side)], fill=_PLOT_LINE, width=over)
        draw.line([(0, across(value)), (side, across(value))], fill=_PLOT_LINE, width=over)
    for group, colour in ((points, _PLOT_INK), (others, (179, 64, 27))):
        if group is None:
            continue
        radius = over * (5 if len(group) <= 64 else 1.5)
        for x, y in _rows(group)[:20_000].tolist():
            if math.isfinite(x) and math.isfinite(y):
                px, py = across(x), side - across(y)
                draw.ellipse([px - radius, py - radius, px + radius, py + radius], fill=colour)
    small = picture.resize((_PLOT_PX, _PLOT_PX), Image.Resampling.BOX)
    draw, font = ImageDraw.Draw(small), ImageFont.load_default()
    for value in (-reach / 2, 0.0, reach / 2):
        at = across(value) / over
        draw.text((at + 3, _PLOT_PX - 14), f"{value:g}", fill=_PLOT_LABEL, font=font)
        if value:
            draw.text((3, _PLOT_PX - at + 2), f"{value:g}", fill=_PLOT_LABEL, font=font)
    return small.convert("RGBA")


def _rows(points: Tensor) -> Tensor:
    """(n, 2) on the CPU."""
    return points.detach().reshape(len(points), -1)[:, :2].double().cpu()


def _reach(groups: list[Tensor]) -> float:
    """How far the axes of a scatter go."""
    far = torch.cat([_rows(group) for group in groups]).abs().amax(1)
    far = far[far.isfinite()].sort().values
    wanted = float(far[math.ceil(0.98 * len(far)) - 1]) if len(far) else 0.0
    return next((r for k in range(12) for r in (10.0**k, 2 * 10.0**k, 5 * 10.0**k) if 1.05 * r >= wanted), 1.0)


def picture(image: Tensor) -> Image.Image:
    """One image (c, h, w) in [-1, 1] at its own size: grey, RGB or RGBA as its channels are."""
    mode = {1: "L", 3: "RGB", 4: "RGBA"}.get(image.shape[0])
    if mode is None:
        raise UsageError("points are not pictures. Name a .png file: it will hold a scatter plot of them all.")
    return Image.fromarray(_pixels(image.unsqueeze(0))[0]).convert(mode)


def png(sheet: Image.Image) -> bytes:
    """The sheet as PNG bytes."""
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG")  # "optimize" saves two bytes in a hundred, and takes seven times as long
    return buffer.getvalue()


def save(sheet: Image.Image, path: Path) -> None:
    """Writes the sheet as a PNG, whole or not at all, and makes the folder that it goes to.

    Raises:
        OSError: the place cannot be written; a training goes on without the picture, a command says so.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(path, png(sheet))


def _pixels(images: Tensor) -> np.ndarray:
    """(n, c, h, w) float in [-1, 1] -> (n, h, w, 4) uint8."""
    channels = images.shape[1]
    if channels not in (1, 3, 4):
        raise UsageError(f"a picture has 1, 3 or 4 channels, got {channels}.")
    images = images.detach().to("cpu", torch.float32).permute(0, 2, 3, 1)
    finite = torch.isfinite(images).all(-1)
    bytes_ = ((images.nan_to_num().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).numpy()
    full = np.full((*bytes_.shape[:3], 4), 255, np.uint8)
    full[..., : max(3, channels)] = bytes_  # grey broadcasts over R, G and B
    full[~finite.numpy()] = _NOT_FINITE
    return full


def _columns(n: int, aspect: float) -> int:
    """Columns for a sheet near a square: of the counts near the square root, the one with the fewest empty places."""
    ideal = math.sqrt(n * aspect)
    near = range(max(1, math.ceil(ideal * 0.75)), min(n, math.ceil(ideal * 1.35)) + 1)
    return min(near, key=lambda c: (-n % c, abs(c - ideal)), default=n)


def _scale(columns: int, rows: int, h: int, w: int, pad: int) -> int:
    """Whole-number enlargement: to MIN_WIDTH_PX wide, but neither side beyond MAX_SIDE_PX."""
    wanted = math.ceil((MIN_WIDTH_PX - (columns - 1) * pad) / (columns * w))
    return max(1, min(wanted, MAX_SIDE_PX // (columns * w), MAX_SIDE_PX // (rows * h)))


def _filled(images: Tensor, columns: int) -> Tensor:
    """The images, with blanks up to `columns`."""
    blanks = images.new_full((columns - len(images), *images.shape[1:]), -1.0)
    return torch.cat([images, blanks])
