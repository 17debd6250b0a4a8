"""Augmentation with a probability that adapts, so that it does not leak into what is made (Karras et al. 2020,
arXiv 2006.06676, appendix B). Each transform is applied to each image with probability p, on its own.

The paper's blitting and geometry are one affine map here and its colours one matrix; its image-space filters are left
out, as its own ablation found them of no use.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from reverie.core.rng import Rng

LIMIT = 0.8  # of p: beyond, transforms leak (section 2.2)
SPEED_IMAGES = 500_000  # images in which p can move from 0 to 1 (section 3.1)
LUMA = (1 / math.sqrt(3),) * 3


def next_probability(p: Tensor, sign_mean: Tensor, *, batch: int, target: float = 0.6) -> Tensor:
    """p after one step: up while the critic's sign on real images is above the target, else down (section 3.1).

    Example:
        >>> next_probability(torch.tensor(0.0), torch.tensor(0.9), batch=5000)
        tensor(0.0100)
    """
    return (p + torch.sign(sign_mean - target) * batch / SPEED_IMAGES).clamp(0, LIMIT)


def ada(
    images: Tensor, p: Tensor | float, rng: Rng, *, flip: bool = True, geometry: bool = True, colour: bool = True
) -> Tensor:
    """Augmented images, differentiable.

    Args:
        images: (n, c, h, w) in [-1, 1]; n is `rng.count`.
        p: probability of each transform, in [0, 1]; at 0 the images come back as they are.
        rng: decides every draw.
        flip: left-right flips, and quarter turns of square images.
        geometry: shifts, scales, rotations.
        colour: brightness, contrast, luma flip, hue, saturation.
    """
    p = torch.as_tensor(p, device=images.device, dtype=torch.float32)
    if float(p) <= 0:
        return images
    if flip:
        images = _blit(images, p, rng.spawn("blit"))
    if geometry:
        images = _warp(images, _affine(images, p, rng.spawn("affine")))
    return _recolour(images, p, rng.spawn("colour")) if colour else images


def _chosen(p: Tensor, rng: Rng, values: Tensor, neutral: float) -> Tensor:
    """values (n,) where a coin of p falls so, else the neutral one."""
    return torch.where(rng.uniform() < p, values, torch.full_like(values, neutral))


def _blit(images: Tensor, p: Tensor, rng: Rng) -> Tensor:
    """Left-right flips, and quarter turns of square images: pixels move and are not mixed."""
    flipped = _chosen(p, rng, rng.integers(2).float(), 0.0) > 0
    images = torch.where(flipped[:, None, None, None], images.flip(3), images)
    if images.shape[2] != images.shape[3]:
        return images
    turns = _chosen(p, rng, rng.integers(4).float(), 0.0)
    for k in (1, 2, 3):
        images = torch.where((turns == k)[:, None, None, None], images.rot90(k, (2, 3)), images)
    return images


def _affine(images: Tensor, p: Tensor, rng: Rng) -> Tensor:
    """Maps from output to input positions in pixels about the middle, (n, 2, 3), x before y."""
    n, _, h, w = images.shape
    total = torch.eye(3, device=images.device).expand(n, 3, 3)
    size = _chosen(p, rng, torch.exp2(0.2 * rng.normal()), 1.0)
    total = total @ _scale(size, size)
    half = 1 - (1 - p).sqrt()  # a turn before and after the stretch: either with p in all (appendix B)
    total = total @ _turn(_chosen(half, rng, (2 * rng.uniform() - 1) * math.pi, 0.0))
    stretch = _chosen(p, rng, torch.exp2(0.2 * rng.normal()), 1.0)
    total = total @ _scale(stretch, 1 / stretch)
    total = total @ _turn(_chosen(half, rng, (2 * rng.uniform() - 1) * math.pi, 0.0))
    dx, dy = (0.125 * side * rng.normal() for side in (w, h))
    total = total @ _shift(*(_chosen(p, rng, d, 0.0) for d in (dx, dy)))
    return total[:, :2]


def _warp(images: Tensor, affine: Tensor) -> Tensor:
    """Bilinear, mirrored beyond the border, at twice the resolution and averaged down, against aliasing."""
    n, c, h, w = images.shape
    unit = affine.new_tensor([[w / 2], [h / 2]])
    theta = torch.cat([affine[:, :, :2] * unit.T[None] / unit[None], affine[:, :, 2:] / unit[None]], dim=2)
    grid = F.affine_grid(theta, [n, c, 2 * h, 2 * w], align_corners=False)
    fine = F.grid_sample(images.float(), grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    warped = F.avg_pool2d(fine, 2).to(images.dtype)
    untouched = (affine == torch.eye(3, device=affine.device)[:2]).flatten(1).all(1)
    return torch.where(untouched[:, None, None, None], images, warped)


def _recolour(images: Tensor, p: Tensor, rng: Rng) -> Tensor:
    """One affine map of colours an image; grey (and grey with alpha) images have brightness and contrast alone."""
    c = images.shape[1]
    shift = _chosen(p, rng, 0.2 * rng.normal(), 0.0)
    contrast = _chosen(p, rng, torch.exp2(0.5 * rng.normal()), 1.0)
    if c < 3:
        return images * contrast[:, None, None, None].to(images.dtype) + shift[:, None, None, None].to(images.dtype)
    luma = images.new_tensor(LUMA, dtype=torch.float32)
    along = luma[:, None] * luma[None]
    eye = torch.eye(3, device=images.device)
    mirror = _chosen(p, rng, rng.integers(2).float(), 0.0)[:, None, None]
    hue = _chosen(p, rng, (2 * rng.uniform() - 1) * math.pi, 0.0)[:, None, None]
    saturation = _chosen(p, rng, torch.exp2(rng.normal()), 1.0)[:, None, None]
    x, y, z = LUMA
    cross = images.new_tensor([[0, -z, y], [z, 0, -x], [-y, x, 0]], dtype=torch.float32)
    rotation = hue.cos() * eye + (1 - hue.cos()) * along + hue.sin() * cross  # about the grey axis (Rodrigues)
    flipped = eye - 2 * mirror * along
    total = (along + (eye - along) * saturation) @ rotation @ flipped @ (contrast[:, None, None] * eye)
    moved = (total.sum(2) * shift[:, None])[:, :, None, None]
    rgb = torch.einsum("nij,njhw->nihw", total.to(images.dtype), images[:, :3]) + moved.to(images.dtype)
    return torch.cat([rgb, images[:, 3:]], dim=1) if c > 3 else rgb


def _matrices(rows: list[list[Tensor | float]], like: Tensor) -> Tensor:
    """(n, 3, 3) from entries that are numbers or (n,)."""
    return torch.stack([torch.stack([torch.zeros_like(like) + entry for entry in row], 1) for row in rows], 1)


def _scale(x: Tensor, y: Tensor) -> Tensor:
    return _matrices([[x, 0, 0], [0, y, 0], [0, 0, 1]], x)


def _turn(angle: Tensor) -> Tensor:
    c, s = angle.cos(), angle.sin()
    return _matrices([[c, -s, 0], [s, c, 0], [0, 0, 1]], angle)


def _shift(x: Tensor, y: Tensor) -> Tensor:
    return _matrices([[1, 0, x], [0, 1, y], [0, 0, 1]], x)
