"""The classic convolutional players (Radford et al. 2016), for comparison, and for sizes of which they did not speak.

Resolution rises by a convolution and depth-to-space in place of a transposed convolution; to the image itself by
bilinear doubling, then a convolution: four neighbours, each made on its own, are a young generator's checkerboard.
"""

from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from reverie.nets.blocks import Upsample, as_channels_last
from reverie.nets.conv import level_widths, pyramid
from reverie.nets.critic import CriticHead, packed, with_spread
from reverie.nets.spectral import conv_of
from reverie.nets.start import LEAK, LEAKY_GAIN, started, with_label


class DcganGenerator(nn.Module):
    """Latents to images: batch normalisation and ReLU at every resolution but the last.

    Args:
        num_in: latent width.
        shape: (channels, height, width) of the output, 8 to 256 pixels a side.
        width: channels at half resolution; they double at each coarser level, up to eight times as many.
        num_classes: width of the one-hot label; 0 for none.

    Example:
        >>> import torch
        >>> DcganGenerator(num_in=4, shape=(1, 28, 20), width=4)(torch.zeros(2, 4)).shape
        torch.Size([2, 1, 28, 20])
    """

    def __init__(self, *, num_in: int, shape: tuple[int, int, int], width: int, num_classes: int = 0) -> None:
        super().__init__()
        self.latent_dim, self.shape, self.num_classes = num_in, shape, num_classes
        sizes = pyramid(shape[1], shape[2])[::-1]
        widths = level_widths(width, len(sizes) - 1, most=8 * width)[::-1]
        self.start = (widths[0], *sizes[0])
        self.inner = started(nn.Linear(num_in + num_classes, widths[0] * sizes[0][0] * sizes[0][1], bias=False))
        self.norms = nn.ModuleList(nn.BatchNorm2d(w) for w in widths)
        self.ups = nn.ModuleList(
            Upsample(before, after, size=size)
            for (before, after), size in zip(pairwise(widths), sizes[1:-1], strict=True)
        )
        self.out = started(nn.Conv2d(widths[-1], shape[0], 3, padding=1))

    def forward(
        self,
        z: Tensor,
        one_hot: Tensor | None = None,
        *,
        level: float | None = None,
        noise: list[Tensor] | None = None,
    ) -> Tensor:
        """(n, num_in), (n, num_classes) -> (n, *shape), unbounded; it has neither levels nor noise."""
        x = as_channels_last(self.inner(with_label(z, one_hot, self.num_classes)).view(z.shape[0], *self.start))
        for norm, up in zip(self.norms[:-1], self.ups, strict=True):
            x = up(F.relu(norm(x)))
        x = F.relu(self.norms[-1](x))
        return self.out(F.interpolate(x, size=self.shape[1:], mode="bilinear", align_corners=False))


class DcganCritic(nn.Module):
    """Images to logits by strided 5 x 5 convolutions and leaky ReLUs of slope 0.2.

    Args:
        shape: (channels, height, width) of the images, 8 to 256 pixels a side.
        width: channels at half resolution; they double at each coarser level, up to eight times as many.
        norm: "batch" normalises every level but the first; "none" is what penalties on single items need.
        pack: images that are judged together (Lin et al. 2018).
        spectral: spectral normalisation of every layer.
        minibatch_std: items a group whose spread is the last feature map; 0 for none.
        num_classes: width of the one-hot label; 0 for none.
    """

    def __init__(
        self,
        *,
        shape: tuple[int, int, int],
        width: int,
        norm: str = "batch",
        pack: int = 1,
        spectral: bool = False,
        minibatch_std: int = 0,
        num_classes: int = 0,
    ) -> None:
        super().__init__()
        self.shape, self.pack, self.minibatch_std = shape, pack, minibatch_std
        sizes = pyramid(shape[1], shape[2])
        widths = level_widths(width, len(sizes) - 1, most=8 * width)
        self.downs, self.norms = nn.ModuleList(), nn.ModuleList()
        for index, (before, after) in enumerate(pairwise([pack * shape[0], *widths])):
            normed = norm == "batch" and index > 0
            conv = conv_of(spectral)(before, after, 5, stride=2, padding=2, bias=not normed)
            self.downs.append(started(conv, LEAKY_GAIN))
            self.norms.append(nn.BatchNorm2d(after) if normed else nn.Identity())
        maps = widths[-1] + (1 if minibatch_std else 0)
        last = maps * sizes[-1][0] * sizes[-1][1]
        self.head = CriticHead(last, num_classes=pack * num_classes, spectral=spectral)

    def forward(self, x: Tensor, one_hot: Tensor | None = None, *, level: float | None = None) -> Tensor:
        """(b, *shape), (b, num_classes) -> (b / pack,); it has no levels."""
        x = as_channels_last(packed(x, self.pack))
        for down, norm in zip(self.downs, self.norms, strict=True):
            x = as_channels_last(F.leaky_relu(norm(down(x)), LEAK))
        label = None if one_hot is None else packed(one_hot, self.pack)
        return self.head(with_spread(x, self.minibatch_std).flatten(1), label)
