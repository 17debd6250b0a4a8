"""Random views of images, for encoders that learn to know an image again: crop, flip, colour, grey, blur, noise.

Crop, flip and blur are linear and separable, so each image's are folded into one matrix for its rows and one for its
columns: two batched products in place of a gather for every pixel. Colours are one affine map an image.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from reverie.core.rng import Rng

LUMA = (0.299, 0.587, 0.114)  # of ITU-R BT.601
HUE = 0.25  # turns at jitter 1; the other jitters are 0.8 (Chen et al. 2020, appendix A)
JITTER = 0.8
SIGMA = (0.1, 2.0)  # px at a side of 64: the range of Chen et al. 2020, appendix A
_LEAST_SIGMA = 1e-3  # px: no blur


@dataclass(frozen=True)
class Strength:
    """How far a view may be from its image. The defaults leave images as they are.

    Args:
        area: least share of the image's area that a crop keeps, in (0, 1].
        aspect: largest factor between a crop's proportions and the image's.
        flip: half of the views are mirrored left to right.
        jitter: of brightness, contrast, saturation and hue, in [0, 1]; 1 is SimCLR's on ImageNet.
        grey: share of views without colours.
        blur: share of views that are blurred.
        noise: largest deviation of the noise that is added, in units of [-1, 1].
    """

    area: float = 1.0
    aspect: float = 1.0
    flip: bool = False
    jitter: float = 0.0
    grey: float = 0.0
    blur: float = 0.0
    noise: float = 0.0


def view(images: Tensor, rng: Rng, strength: Strength) -> Tensor:
    """One random view of every image; item i depends on the i-th draws and on image i alone.

    Args:
        images: (n, c, h, w) in [-1, 1]; n is `rng.count`. Of four channels the last is alpha and keeps its values.
        rng: decides every draw.
        strength: how far from the image.
    Returns:
        images of the same shape, in [-1, 1].

    Example:
        >>> whole = torch.rand(2, 3, 8, 8)
        >>> torch.equal(view(whole, Rng(0, count=2), Strength()), whole)
        True
    """
    if strength.area < 1 or strength.aspect > 1 or strength.flip or strength.blur:
        images = _resampled(images, *_maps(images, rng, strength))
    if strength.jitter or strength.grey:
        images = _recoloured(images, rng, strength)
    if strength.noise:
        deviation = strength.noise * rng.spawn("deviation").uniform(1, 1, 1)
        images = images + deviation * rng.spawn("noise").normal(*images.shape[1:])
    return images.clamp(-1, 1)


def crop_boxes(rng: Rng, strength: Strength) -> Tensor:
    """(n, 4): top, left, height and width of each crop, in shares of the image's sides.

    The area is uniform between its least and 1, the logarithm of the proportions uniform, the place uniform.
    """
    u = rng.uniform(4)
    area = strength.area + (1 - strength.area) * u[:, 0]
    stretch = torch.exp((u[:, 1] - 0.5) * math.log(strength.aspect))  # the root of the proportions
    sides = area.sqrt()[:, None] * torch.stack([stretch, 1 / stretch], 1)
    sides = sides.clamp(max=1.0)
    return torch.cat([(1 - sides) * u[:, 2:], sides], 1)


def _maps(images: Tensor, rng: Rng, strength: Strength) -> tuple[Tensor, Tensor]:
    """What makes rows of rows, (n, h, h), and columns of columns, (n, w, w)."""
    height, width = images.shape[-2:]
    box = crop_boxes(rng.spawn("crop"), strength)
    rows, columns = _sampling(height, box[:, 0], box[:, 2]), _sampling(width, box[:, 1], box[:, 3])
    if strength.flip:
        flipped = rng.spawn("flip").uniform(1, 1) < 0.5
        columns = torch.where(flipped, columns.flip(1), columns)
    if strength.blur:
        u, scale = rng.spawn("blur").uniform(2), math.sqrt(height * width) / 64
        sigma = scale * (SIGMA[0] + (SIGMA[1] - SIGMA[0]) * u[:, 0])
        sigma = torch.where(u[:, 1] < strength.blur, sigma, torch.full_like(sigma, _LEAST_SIGMA))
        rows, columns = _gaussian(height, sigma) @ rows, _gaussian(width, sigma) @ columns
    return rows, columns


def _sampling(size: int, start: Tensor, share: Tensor) -> Tensor:
    """Bilinear weights (n, size, size) of source pixels for each output pixel; a crop is enlarged, never reduced."""
    pixel = torch.arange(size, device=start.device, dtype=start.dtype)
    at = (start * size)[:, None] + (pixel + 0.5) * share[:, None] - 0.5
    return (1 - (at.clamp(0, size - 1)[:, :, None] - pixel).abs()).clamp_min_(0)


def _gaussian(size: int, sigma: Tensor) -> Tensor:
    """Rows (n, size, size) of Gaussian weights of a deviation in px, each summing to one within the image."""
    pixel = torch.arange(size, device=sigma.device, dtype=sigma.dtype)
    distance = (pixel[:, None] - pixel).square()
    return torch.softmax(-distance / (2 * sigma.square()[:, None, None]), dim=2)


def _resampled(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """rows @ image @ columns', for every channel."""
    n, c, h, w = images.shape
    across = torch.bmm(images.reshape(n, c * h, w), columns.transpose(1, 2)).view(n, c, h, w)
    return torch.matmul(rows[:, None], across)


def _recoloured(images: Tensor, rng: Rng, strength: Strength) -> Tensor:
    """Contrast about the image's mean, brightness, and for colours saturation and hue, then grey for some."""
    n, c, h, w = images.shape
    spread = 2 * rng.spawn("jitter").uniform(4) - 1
    brightness, contrast, saturation = (1 + JITTER * strength.jitter * spread[:, :3]).unbind(1)
    colours = min(c, 3)
    flat = images[:, :colours].reshape(n, colours, h * w)
    if colours < 3:
        mean = flat.mean((1, 2))
        shift = brightness * (mean * (1 - contrast) + 1) - 1
        made = flat * (brightness * contrast)[:, None, None] + shift[:, None, None]
    else:
        luma = images.new_tensor(LUMA)
        to_grey = luma.expand(3, 3)
        eye = torch.eye(3, device=images.device)
        matrix = to_grey + saturation[:, None, None] * (eye - to_grey)
        matrix = matrix @ _hue(HUE * strength.jitter * spread[:, 3])
        chosen = rng.spawn("grey").uniform(1, 1) < strength.grey
        matrix = torch.where(chosen, to_grey, matrix)
        mean = torch.einsum("c,ncp->n", luma, flat) / (h * w)
        shift = brightness * (mean * (1 - contrast) + 1) - 1
        made = torch.baddbmm(shift[:, None, None], matrix * (brightness * contrast)[:, None, None], flat)
    made = made.view(n, colours, h, w)
    return torch.cat([made, images[:, 3:]], 1) if c > 3 else made


def _hue(turns: Tensor) -> Tensor:
    """Rotations (n, 3, 3) of colours about the grey axis, which they keep (Rodrigues)."""
    angle = 2 * math.pi * turns[:, None, None]
    root = 1 / math.sqrt(3)
    along = torch.full((3, 3), 1 / 3, device=turns.device)
    cross = torch.tensor([[0, -root, root], [root, 0, -root], [-root, root, 0]], device=turns.device)
    return angle.cos() * torch.eye(3, device=turns.device) + (1 - angle.cos()) * along + angle.sin() * cross
