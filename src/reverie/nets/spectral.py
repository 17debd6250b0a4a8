"""Layers whose largest singular value is held at one (Miyato et al. 2018, spectral normalisation)."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reverie.nets.start import full_precision

TINY = 1e-12


def spectral_norm(weight: Tensor, u: Tensor, *, iterate: bool) -> Tensor:
    """The largest singular value of a weight, by one step of power iteration (Miyato et al. 2018, algorithm 1).

    Differentiable in `weight`; the singular vectors count as constants, which is exact at convergence (eq. 9).

    Args:
        weight: (num_out, ...), flattened to a matrix.
        u: (num_out,), the left singular vector so far; changed in place when `iterate`.
        iterate: take the step; without it u stays as it is.
    Returns:
        a scalar in fp32 or finer.
    """
    matrix = full_precision(weight.flatten(1))
    with torch.autocast(weight.device.type, enabled=False):
        with torch.no_grad():
            v = F.normalize(u @ matrix, dim=0, eps=TINY)
            left = F.normalize(matrix @ v, dim=0, eps=TINY) if iterate else u.clone()
            if iterate:
                u.copy_(left)
        return left @ (matrix @ v)  # not u itself: an earlier pass may still need its value for a backward pass


class SpectralConv2d(nn.Conv2d):
    """`nn.Conv2d` whose weight, as a (num_out, num_in * kernel) matrix, has spectral norm one. Same arguments."""

    u: Tensor

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.register_buffer("u", F.normalize(torch.randn(self.out_channels), dim=0))

    def forward(self, input: Tensor) -> Tensor:
        """(b, num_in, h, w) -> (b, num_out, h', w')."""
        sigma = spectral_norm(self.weight, self.u, iterate=self.training)
        return self._conv_forward(input, self.weight / sigma, self.bias)


class SpectralLinear(nn.Linear):
    """`nn.Linear` whose weight has spectral norm one. Same arguments."""

    u: Tensor

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.register_buffer("u", F.normalize(torch.randn(self.out_features), dim=0))

    def forward(self, input: Tensor) -> Tensor:
        """(..., num_in) -> (..., num_out)."""
        sigma = spectral_norm(self.weight, self.u, iterate=self.training)
        return F.linear(input, self.weight / sigma, self.bias)


def conv_of(spectral: bool) -> type[nn.Conv2d]:
    """The convolution that a net is made of.

    Example:
        >>> conv_of(False).__name__, conv_of(True).__name__
        ('Conv2d', 'SpectralConv2d')
    """
    return SpectralConv2d if spectral else nn.Conv2d


def linear_of(spectral: bool) -> type[nn.Linear]:
    """The linear layer that a net is made of.

    Example:
        >>> linear_of(False).__name__, linear_of(True).__name__
        ('Linear', 'SpectralLinear')
    """
    return SpectralLinear if spectral else nn.Linear
