"""DiffAugment: what a critic sees of real and made images alike, always (Zhao et al. 2020, arXiv 2006.10738)."""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from reverie.core.rng import Rng

SHIFT, HOLE = 1 / 8, 1 / 2  # of the image's sides, as in the paper's section 4


def diff_augment(images: Tensor, rng: Rng, policy: Sequence[str] = ("colour", "translation", "cutout")) -> Tensor:
    """Augmented images, differentiable to any order.

    Args:
        images: (n, c, h, w) in [-1, 1]; n is `rng.count`.
        rng: decides every draw.
        policy: any of "colour", "translation", "cutout", in the order in which they are applied.
    Returns:
        images of the same shape; colour may carry values beyond [-1, 1].

    Example:
        >>> diff_augment(torch.zeros(2, 3, 8, 8), Rng(0, count=2), ["translation"]).shape
        torch.Size([2, 3, 8, 8])
    """
    for name in policy:
        images = _KINDS[name](images, rng.spawn(name))
    return images


def colour(images: Tensor, rng: Rng) -> Tensor:
    """Brightness + U(-0.5, 0.5), saturation x U(0, 2), contrast x U(0.5, 1.5); saturation leaves grey images alone."""
    u = rng.uniform(3, 1, 1, 1).to(images.dtype)
    images = images + (u[:, 0] - 0.5)
    grey = images.mean(1, keepdim=True)
    images = grey + (images - grey) * (2 * u[:, 1])
    mean = images.mean((1, 2, 3), keepdim=True)
    return mean + (images - mean) * (0.5 + u[:, 2])


def translation(images: Tensor, rng: Rng) -> Tensor:
    """Moved by up to an eighth of each side, in whole pixels; what comes in is black."""
    n, _, h, w = images.shape
    most = (round(h * SHIFT), round(w * SHIFT))
    down, across = ((u * (2 * m + 1)).floor().long() - m for u, m in zip(rng.uniform(2).unbind(1), most, strict=True))
    padded = F.pad(images + 1, (most[1], most[1], most[0], most[0])) - 1  # black is -1
    rows = (torch.arange(h, device=images.device) + most[0])[None] - down[:, None]
    columns = (torch.arange(w, device=images.device) + most[1])[None] - across[:, None]
    item = torch.arange(n, device=images.device)[:, None, None]
    return padded.permute(0, 2, 3, 1)[item, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def cutout(images: Tensor, rng: Rng) -> Tensor:
    """A hole of half the sides, its middle anywhere in the image, filled with mid-grey."""
    _, _, h, w = images.shape
    middle = rng.uniform(2)
    inside: list[Tensor] = []
    for axis, side in enumerate((h, w)):
        hole = round(side * HOLE)
        first = (middle[:, axis] * (side + 1 - hole % 2)).floor() - hole // 2
        at = torch.arange(side, device=images.device)[None]
        inside.append((at >= first[:, None]) & (at < first[:, None] + hole))
    keep = ~(inside[0][:, None, :, None] & inside[1][:, None, None, :])
    return images * keep.to(images.dtype)


_KINDS: dict[str, Callable[[Tensor, Rng], Tensor]] = {
    "colour": colour,
    "translation": translation,
    "cutout": cutout,
}
