"""Blocks that several nets are made of."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def as_channels_last(x: Tensor) -> Tensor:
    """The same images in the memory layout that convolutions read fastest."""
    return x.contiguous(memory_format=torch.channels_last)


class ResidualBlock(nn.Module):
    """x + conv(silu(conv(silu(x)))), with the last convolution starting at zero, so that depth starts harmless
    (He et al. 2016; Zhang et al. 2019 for the zero start without normalisation).

    Args:
        width: channels.
        groups: groups of the 3x3 convolutions.
    """

    def __init__(self, width: int, *, groups: int = 1) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1, groups=groups)
        self.second = nn.Conv2d(width, width, 3, padding=1, groups=groups)
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)  # pyright: ignore[reportArgumentType]

    def forward(self, x: Tensor) -> Tensor:
        """(b, width, h, w) -> same shape."""
        return x + self.second(F.silu(self.first(F.silu(x))))


class Upsample(nn.Module):
    """Doubles the resolution by a convolution and depth-to-space (Shi et al. 2016), then crops to `size`.

    Args:
        num_in: channels in.
        num_out: channels out.
        size: (height, width) out; at most twice the input's.
    """

    def __init__(self, num_in: int, num_out: int, *, size: tuple[int, int]) -> None:
        super().__init__()
        self.size = size
        self.conv = nn.Conv2d(num_in, 4 * num_out, 3, padding=1)
        with torch.no_grad():  # all four sub-pixels start alike: no checkerboard at the start (Aitken et al. 2017)
            first = self.conv.weight[::4].clone()
            self.conv.weight.copy_(first.repeat_interleave(4, dim=0))
        nn.init.zeros_(self.conv.bias)  # pyright: ignore[reportArgumentType]

    def forward(self, x: Tensor) -> Tensor:
        """(b, num_in, h, w) -> (b, num_out, *size)."""
        x = F.pixel_shuffle(self.conv(x), 2)
        return x[:, :, : self.size[0], : self.size[1]]
