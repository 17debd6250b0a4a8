"""Convolutional encoders and decoders for any size from 8 to 256 pixels, square or not.

Resolution halves by strided convolutions and doubles by depth-to-space, so every net exports without transposed
convolutions. `depth` residual blocks stand at each resolution; with none the nets are plain convolutional ones.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from reverie.nets.blocks import ResidualBlock, Upsample, as_channels_last


def pyramid(height: int, width: int, *, smallest: int = 7) -> list[tuple[int, int]]:
    """The resolutions from the image down to one whose longer side is at most `smallest` pixels.

    Example:
        >>> pyramid(28, 28), pyramid(64, 48)
        ([(28, 28), (14, 14), (7, 7)], [(64, 48), (32, 24), (16, 12), (8, 6), (4, 3)])
    """
    sizes = [(height, width)]
    while max(sizes[-1]) > smallest:
        sizes.append(((sizes[-1][0] + 1) // 2, (sizes[-1][1] + 1) // 2))
    return sizes


def level_widths(base: int, count: int, *, most: int = 256) -> list[int]:
    """Channels at each level below the image: doubling from `base`, never above `most` (or `base`, if that is more)."""
    return [min(base * 2**level, max(most, base)) for level in range(count)]


class ConvEncoder(nn.Module):
    """Images to features: a strided convolution and `depth` residual blocks a level, then one linear layer.

    Args:
        shape: (channels, height, width) of the images.
        base: channels at half resolution; they double at each level, up to 256.
        depth: residual blocks a level.
        num_out: width of the features.
    """

    def __init__(self, *, shape: tuple[int, int, int], base: int, depth: int, num_out: int) -> None:
        super().__init__()
        sizes = pyramid(shape[1], shape[2])
        widths = level_widths(base, len(sizes) - 1)
        self.num_out = num_out
        self.downs, self.levels = nn.ModuleList(), nn.ModuleList()
        for before, after in zip([shape[0], *widths], widths, strict=False):
            self.downs.append(nn.Conv2d(before, after, 3, stride=2, padding=1))
            self.levels.append(nn.Sequential(*(ResidualBlock(after) for _ in range(depth))))
        last = widths[-1] if widths else shape[0]
        self.out = nn.Linear(last * sizes[-1][0] * sizes[-1][1], num_out)

    def forward(self, x: Tensor) -> Tensor:
        """(b, c, h, w) -> (b, num_out)."""
        x = as_channels_last(x)
        for index, (down, level) in enumerate(zip(self.downs, self.levels, strict=True)):
            x = level(down(F.silu(x) if index else x))
        return F.silu(self.out(F.silu(x).flatten(1)))


class ConvDecoder(nn.Module):
    """Latents to the parameters of a pixel distribution: two linear layers, then blocks and depth-to-space.

    Args:
        num_in: latent width.
        shape: (channels, height, width) of the output.
        base: channels at half resolution; they double at each coarser level, up to 256.
        depth: residual blocks a level.
        hidden: width of the first linear layer.
    """

    def __init__(self, *, num_in: int, shape: tuple[int, int, int], base: int, depth: int, hidden: int) -> None:
        super().__init__()
        sizes = pyramid(shape[1], shape[2])[::-1]
        widths = level_widths(base, len(sizes) - 1)[::-1] or [base]
        self.start = (widths[0], *sizes[0])
        self.inner = nn.Linear(num_in, hidden)
        self.outer = nn.Linear(hidden, widths[0] * sizes[0][0] * sizes[0][1])
        self.levels, self.ups = nn.ModuleList(), nn.ModuleList()
        for index, width in enumerate(widths):
            self.levels.append(nn.Sequential(*(ResidualBlock(width) for _ in range(depth))))
            if index + 1 < len(widths):
                self.ups.append(Upsample(width, widths[index + 1], size=sizes[index + 1]))
        last = len(sizes) > 1
        self.out = (
            Upsample(widths[-1], shape[0], size=sizes[-1]) if last else nn.Conv2d(widths[-1], shape[0], 3, padding=1)
        )

    def forward(self, z: Tensor) -> Tensor:
        """(n, num_in) -> (n, *shape)."""
        x = self.outer(F.silu(self.inner(z))).view(z.shape[0], *self.start)
        x = as_channels_last(x)
        for index, level in enumerate(self.levels):
            x = level(x)
            if index < len(self.ups):
                x = self.ups[index](F.silu(x))
        return self.out(F.silu(x))
