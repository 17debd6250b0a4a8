"""Residual players without normalisation, in the manner of R3GAN (Huang et al. 2024, arXiv 2501.05441, section 4).

Trunks are linear; blocks with a grouped convolution add to them, starting from nothing. Channels change by a 1 x 1
convolution on the coarser side, which gives what the finer side would, for a quarter of the work. No block runs at full
resolution, where a processor waits for memory: images leave by bilinear doubling and enter by space-to-depth, with one
thin convolution, which makes a critic's step with its penalty three to six times as fast.
"""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reverie.nets.blocks import as_channels_last
from reverie.nets.conv import level_widths, pyramid
from reverie.nets.critic import CriticHead, packed, with_spread
from reverie.nets.growing import enlarged, halved, whole_and_part
from reverie.nets.spectral import conv_of
from reverie.nets.start import LEAK, LEAKY_GAIN, full_precision, started, with_label

EXPANSION = 1  # width inside a block; the paper's 2 learns as much a step, and makes 0.7 as many steps on a CPU
SMALLEST = 4  # pixels of the coarsest level's longer side
GROUP = 16  # channels a group: as many as one vector register of a CPU holds, and what the paper uses


def num_groups(width: int, size: int = GROUP) -> int:
    """Into how many groups of at least `size` channels a width divides.

    Example:
        >>> num_groups(64), num_groups(50), num_groups(6)
        (4, 2, 1)
    """
    return next((n for n in range(width // size, 0, -1) if width % n == 0), 1)


class GroupedBlock(nn.Module):
    """x + 1x1(lrelu(3x3 grouped(lrelu(1x1(x))))) (Huang et al. 2024, figure 2).

    Starts as in fix-up (Zhang et al. 2019): the last convolution at zero, the others scaled by L^(-1/4), where L is the
    net's number of blocks. A spectrally normalised convolution cannot be zero, so there all start alike.

    Args:
        width: channels.
        num_blocks: L.
        spectral: spectral normalisation of the convolutions.
    """

    def __init__(self, width: int, *, num_blocks: int, spectral: bool = False) -> None:
        super().__init__()
        conv, inside, gain = conv_of(spectral), EXPANSION * width, LEAKY_GAIN * num_blocks**-0.25
        self.widen = started(conv(width, inside, 1), gain)
        self.spread = started(conv(inside, inside, 3, padding=1, groups=num_groups(inside)), gain)
        self.narrow = started(conv(inside, width, 1, bias=False), 1.0 if spectral else 0.0)

    def forward(self, x: Tensor) -> Tensor:
        """(b, width, h, w) -> same shape."""
        inside = F.leaky_relu(self.spread(F.leaky_relu(self.widen(x), LEAK)), LEAK)
        return x + self.narrow(inside)


def _levels(widths: list[int], depth: int, spectral: bool = False) -> nn.ModuleList:
    total = max(1, depth * len(widths))
    return nn.ModuleList(
        nn.Sequential(*(GroupedBlock(w, num_blocks=total, spectral=spectral) for _ in range(depth))) for w in widths
    )


class ImageOut(nn.Module):
    """Features to an image of twice the resolution: to few channels, bilinear doubling, then a convolution.

    Depth-to-space would make each of four neighbours on its own, and a young generator a checkerboard of them, which a
    critic with a penalised slope hardly sees.

    Args:
        num_in: channels in.
        num_out: channels of the image.
        size: (height, width) out.
    """

    def __init__(self, num_in: int, num_out: int, *, size: tuple[int, int]) -> None:
        super().__init__()
        self.size, few = size, max(4, num_in // 4)  # as many values as half the resolution had
        self.thin = started(nn.Conv2d(num_in, few, 3, padding=1), LEAKY_GAIN)
        self.conv = started(nn.Conv2d(few, num_out, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        """(b, num_in, h, w) -> (b, num_out, *size)."""
        x = F.interpolate(self.thin(x), size=self.size, mode="bilinear", align_corners=False)
        return self.conv(F.leaky_relu(x, LEAK))


class ImageIn(nn.Module):
    """Images to features of half the resolution: a convolution to few channels, then space-to-depth.

    It has one layer that is not linear at full resolution, which a strided convolution has not.

    Args:
        num_in: channels of the image.
        num_out: channels out.
        spectral: spectral normalisation of both convolutions.
    """

    def __init__(self, num_in: int, num_out: int, *, spectral: bool) -> None:
        super().__init__()
        few, conv = max(4, num_out // 4), conv_of(spectral)
        self.conv = started(conv(num_in, few, 3, padding=1), LEAKY_GAIN)
        self.fall = started(conv(4 * few, num_out, 1))

    def forward(self, images: Tensor) -> Tensor:
        """(b, num_in, h, w) -> (b, num_out, ceil(h / 2), ceil(w / 2))."""
        x = F.leaky_relu(self.conv(as_channels_last(images)), LEAK)
        x = F.pad(x, (0, x.shape[3] % 2, 0, x.shape[2] % 2))
        # one channel has no layout of its own, so that a convolution of it may answer in the slow one
        return self.fall(as_channels_last(F.pixel_unshuffle(x, 2)))


class ResidualGenerator(nn.Module):
    """Latents to images: a learned map that z scales by channel, then blocks and bilinear doubling.

    Args:
        num_in: latent width.
        shape: (channels, height, width) of the output, 8 to 256 pixels a side.
        width: channels at half resolution; they double at each coarser level, up to 256.
        depth: blocks a level.
        num_classes: width of the one-hot label; 0 for none.
        grow: make images at every level (Karras et al. 2018), not only at the full size.

    Attributes:
        num_levels: of resolution, from the coarsest; 1 when the net does not grow.

    Example:
        >>> net = ResidualGenerator(num_in=4, shape=(1, 28, 20), width=4, depth=1, grow=True)
        >>> net.num_levels, net(torch.zeros(2, 4), level=1.5).shape
        (3, torch.Size([2, 1, 28, 20]))
    """

    def __init__(
        self,
        *,
        num_in: int,
        shape: tuple[int, int, int],
        width: int,
        depth: int,
        num_classes: int = 0,
        grow: bool = False,
    ) -> None:
        super().__init__()
        self.latent_dim, self.shape, self.num_classes = num_in, shape, num_classes
        self.sizes = pyramid(shape[1], shape[2], smallest=SMALLEST)[::-1]
        widths = level_widths(width, len(self.sizes) - 1)[::-1]
        self.num_levels = len(widths) if grow else 1
        self.basis = nn.Parameter(torch.randn(widths[0], *self.sizes[0]))
        self.scale = started(nn.Linear(num_in + num_classes, widths[0]))
        self.levels = _levels(widths, depth)
        self.rises = nn.ModuleList(
            started(nn.Conv2d(before, after, 1, bias=False)) for before, after in pairwise(widths)
        )
        self.to_image = nn.ModuleList(
            ImageOut(before, shape[0], size=size)
            for before, size in zip(widths[-self.num_levels :], self.sizes[-self.num_levels :], strict=True)
        )

    def forward(
        self,
        z: Tensor,
        one_hot: Tensor | None = None,
        *,
        level: float | None = None,
        noise: list[Tensor] | None = None,
    ) -> Tensor:
        """(n, num_in), (n, num_classes) -> (n, *shape), unbounded, at a level in [1, num_levels]; it has no noise."""
        count = len(self.levels)
        whole, part = whole_and_part(level if self.num_levels > 1 else None, count)
        scale = self.scale(with_label(z, one_hot, self.num_classes))
        x = self.levels[0](as_channels_last(scale[:, :, None, None] * self.basis.to(scale.dtype)))
        for index in range(1, whole):
            x = self._rise(x, index)
        image = self.to_image[whole - 1 - count](x)
        if part:
            finer = self.to_image[whole - count](self._rise(x, whole))
            whole += 1
            image = torch.lerp(enlarged(image, [self.sizes[whole]]), finer, part)
        return enlarged(image, self.sizes[whole + 1 :])

    def _rise(self, x: Tensor, index: int) -> Tensor:
        x = F.interpolate(self.rises[index - 1](x), size=self.sizes[index], mode="bilinear", align_corners=False)
        return self.levels[index](x)


class ResidualCritic(nn.Module):
    """Images to logits: blocks and 2 x 2 means, then one learned map a channel, and a linear layer.

    Args:
        shape: (channels, height, width) of the images, 8 to 256 pixels a side.
        width: channels at half resolution; they double at each coarser level, up to 256.
        depth: blocks a level.
        pack: images that are judged together (Lin et al. 2018).
        spectral: spectral normalisation of every layer.
        minibatch_std: items a group whose spread is the last feature map; 0 for none.
        num_classes: width of the one-hot label; 0 for none.
        grow: take images at every level (Karras et al. 2018), not only at the full size.

    Attributes:
        num_levels: of resolution, from the coarsest; 1 when the net does not grow.
    """

    def __init__(
        self,
        *,
        shape: tuple[int, int, int],
        width: int,
        depth: int,
        pack: int = 1,
        spectral: bool = False,
        minibatch_std: int = 0,
        num_classes: int = 0,
        grow: bool = False,
    ) -> None:
        super().__init__()
        self.shape, self.pack, self.minibatch_std, self.spectral = shape, pack, minibatch_std, spectral
        sizes = pyramid(shape[1], shape[2], smallest=SMALLEST)[::-1]
        widths, conv = level_widths(width, len(sizes) - 1)[::-1], conv_of(spectral)
        self.num_levels = len(widths) if grow else 1
        self.from_image = nn.ModuleList(
            ImageIn(pack * shape[0], w, spectral=spectral) for w in widths[-self.num_levels :]
        )
        self.levels = _levels(widths, depth, spectral)
        self.falls = nn.ModuleList(started(conv(before, after, 1, bias=False)) for after, before in pairwise(widths))
        maps, (height, breadth) = widths[0] + (1 if minibatch_std else 0), sizes[0]
        self.basis = nn.Parameter(torch.randn(maps, height, breadth) / (height * breadth) ** 0.5)
        self.head = CriticHead(maps, num_classes=pack * num_classes, spectral=spectral)

    def forward(self, x: Tensor, one_hot: Tensor | None = None, *, level: float | None = None) -> Tensor:
        """(b, *shape), (b, num_classes) -> (b / pack,), at a level in [1, num_levels]."""
        count = len(self.levels)
        whole, part = whole_and_part(level if self.num_levels > 1 else None, count)
        images = halved(packed(x, self.pack), count - whole - (1 if part else 0))
        if part:
            finer = self._fall(self._enter(images, whole), whole)
            x = torch.lerp(self._enter(halved(images), whole - 1), finer, part)
        else:
            x = self._enter(images, whole - 1)
        for index in range(whole - 1, 0, -1):
            x = self._fall(x, index)
        x = with_spread(self.levels[0](x), self.minibatch_std)
        label = None if one_hot is None else packed(one_hot, self.pack)
        return self.head((full_precision(x) * self._maps()).sum((2, 3)), label)

    def _enter(self, images: Tensor, index: int) -> Tensor:
        return self.from_image[index - len(self.levels)](images)

    def _fall(self, x: Tensor, index: int) -> Tensor:
        return self.falls[index - 1](halved(self.levels[index](x)))

    def _maps(self) -> Tensor:
        """One map a channel: a block-diagonal matrix, whose largest singular value is its longest row."""
        return self.basis / self.basis.flatten(1).norm(dim=1).max() if self.spectral else self.basis
