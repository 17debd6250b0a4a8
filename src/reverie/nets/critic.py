"""What critics share: packs of images, a measure of a batch's spread, and the last layer with its view of the label."""

import math

import torch
from torch import Tensor, nn

from reverie.core.errors import UsageError
from reverie.nets.spectral import linear_of
from reverie.nets.start import full_precision, started

FIRST_LOGITS = 0.1  # scale of untrained logits: near undecided, and not exactly so, since a flat critic teaches nothing


def packed(x: Tensor, pack: int) -> Tensor:
    """Each `pack` neighbours as one item, joined along the channels (Lin et al. 2018, PacGAN, section 2).

    Args:
        x: (b, c, ...): images, or one-hot labels.
        pack: images an item; must divide b.
    Returns:
        (b / pack, pack * c, ...).

    Raises:
        UsageError: b is no multiple of pack.

    Example:
        >>> packed(torch.tensor([[1, 2], [3, 4]]), 2).tolist()
        [[1, 2, 3, 4]]
    """
    if len(x) % pack:
        raise UsageError(f"critic: {len(x)} images cannot be packed by {pack}. Use a batch that is a multiple of it.")
    return x.reshape(len(x) // pack, pack * x.shape[1], *x.shape[2:]) if pack > 1 else x


def with_spread(x: Tensor, group: int) -> Tensor:
    """Features and, as one more, how much they differ within a group of items (Karras et al. 2018, section 3).

    The standard deviation over the group of every feature and place, averaged. Groups are neighbours; items left over
    belong to the group of the last ones.

    Args:
        x: (b, f, ...).
        group: items a group; 0 appends nothing.
    Returns:
        (b, f + 1, ...).

    Example:
        >>> with_spread(torch.tensor([[1.0], [3.0], [3.0], [9.0]]), 2).round().tolist()
        [[1.0, 1.0], [3.0, 1.0], [3.0, 3.0], [9.0, 3.0]]
    """
    if not group:
        return x
    group = min(group, len(x))
    rest = len(x) % group
    grouped = x[: len(x) - rest].reshape(-1, group, *x.shape[1:])
    spread = _spread(grouped).repeat_interleave(group)
    if rest:
        spread = torch.cat([spread, _spread(x[None, -group:]).expand(rest)])
    column = spread.to(x.dtype).view(-1, 1, *(1,) * (x.dim() - 2)).expand(-1, 1, *x.shape[2:])
    return torch.cat([x, column], dim=1)


def _spread(grouped: Tensor) -> Tensor:
    """(groups, items, ...) -> (groups,)."""
    wide = full_precision(grouped)
    centred = wide - wide.mean(1, keepdim=True)
    return (centred.square().mean(1) + 1e-8).sqrt().flatten(1).mean(1)  # a root has no slope at zero


class CriticHead(nn.Module):
    """Features to logits, never in half precision: out(f) + <embed(y), f> (Miyato and Koyama 2018, eq. 3).

    Args:
        num_in: features.
        num_classes: width of the label (of a pack: of all its labels); 0 for none.
        spectral: hold the largest singular value of both layers at one.
    """

    def __init__(self, num_in: int, *, num_classes: int, spectral: bool) -> None:
        super().__init__()
        linear = linear_of(spectral)
        self.out = started(linear(num_in, 1), FIRST_LOGITS)
        self.embed = linear(num_classes, num_in, bias=False) if num_classes else None
        if self.embed is not None:
            nn.init.normal_(self.embed.weight, std=FIRST_LOGITS / math.sqrt(num_in))

    def forward(self, f: Tensor, one_hot: Tensor | None) -> Tensor:
        """(b, num_in), (b, num_classes) -> (b,)."""
        f = full_precision(f)
        with torch.autocast(f.device.type, enabled=False):
            logits = self.out(f).squeeze(1)
            if self.embed is not None and one_hot is not None:
                logits = logits + (self.embed(one_hot.to(f.dtype)) * f).sum(1)
        return logits
