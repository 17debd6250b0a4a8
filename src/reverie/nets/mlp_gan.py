"""Fully connected players, for points and for very small images."""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

from reverie.nets.critic import CriticHead, packed, with_spread
from reverie.nets.spectral import linear_of
from reverie.nets.start import LEAK, LEAKY_GAIN, RELU_GAIN, started, with_label


class MlpGenerator(nn.Module):
    """Latents to images through ReLU layers, and past them where it is asked for.

    Args:
        num_in: latent width.
        shape: (channels, height, width) of the output.
        width: hidden width.
        depth: hidden layers.
        norm: batch normalisation after each hidden layer (as in Lin et al. 2018).
        num_classes: width of the one-hot label; 0 for none.
        skip: add a linear map of the latent to the image (He et al. 2016, eq. 2).

    Example:
        >>> import torch
        >>> MlpGenerator(num_in=2, shape=(2, 1, 1), width=8, depth=2, norm=False)(torch.zeros(5, 2)).shape
        torch.Size([5, 2, 1, 1])
    """

    def __init__(
        self,
        *,
        num_in: int,
        shape: tuple[int, int, int],
        width: int,
        depth: int,
        norm: bool,
        num_classes: int = 0,
        skip: bool = False,
    ) -> None:
        super().__init__()
        self.latent_dim, self.shape, self.num_classes = num_in, shape, num_classes
        widths = [num_in + num_classes, *[width] * depth]
        layers = list[nn.Module]()
        for before, after in pairwise(widths):
            layers += [started(nn.Linear(before, after, bias=not norm), RELU_GAIN)]
            layers += [nn.BatchNorm1d(after)] if norm else []
            layers += [nn.ReLU()]
        self.body = nn.Sequential(*layers)
        num_out = shape[0] * shape[1] * shape[2]
        self.out = started(nn.Linear(widths[-1], num_out))
        self.skip = started(nn.Linear(num_in, num_out, bias=False)) if skip else None

    def forward(
        self,
        z: Tensor,
        one_hot: Tensor | None = None,
        *,
        level: float | None = None,
        noise: list[Tensor] | None = None,
    ) -> Tensor:
        """(n, num_in), (n, num_classes) -> (n, *shape), unbounded; it has neither levels nor noise."""
        made = self.out(self.body(with_label(z, one_hot, self.num_classes)))
        return (made if self.skip is None else made + self.skip(z)).view(z.shape[0], *self.shape)


class Maxout(nn.Module):
    """The largest of `pieces` linear maps in every output (Goodfellow et al. 2013, eq. 1).

    Args:
        num_in: input width.
        num_out: output width.
        pieces: linear maps an output.
        spectral: hold the largest singular value of all maps together at one.
    """

    def __init__(self, num_in: int, num_out: int, *, pieces: int, spectral: bool) -> None:
        super().__init__()
        self.pieces = pieces
        self.linear = started(linear_of(spectral)(num_in, num_out * pieces))

    def forward(self, x: Tensor) -> Tensor:
        """(b, num_in) -> (b, num_out)."""
        return self.linear(x).unflatten(1, (-1, self.pieces)).amax(2)


class Waves(nn.Module):
    """x beside sines and cosines of x, an octave at a time, the finer the fainter: a plain net learns fine structure
    last, and modes of a plane are finer than the plane by a hundred (Tancik et al. 2020, section 4).

    Args:
        octaves: how many; the coarsest wave is four units long.
    """

    def __init__(self, octaves: int) -> None:
        super().__init__()
        self.octaves = octaves

    def forward(self, x: Tensor) -> Tensor:
        """(b, d) -> (b, d * (1 + 2 * octaves))."""
        turn = math.pi * 2.0 ** (torch.arange(self.octaves, device=x.device, dtype=x.dtype) - 1)[:, None]
        angle = x[:, None] * turn
        waves = torch.stack([torch.sin(angle), torch.cos(angle)], 2) / (1 + turn[:, None]).sqrt()
        return torch.cat([x, waves.flatten(1)], dim=1)


class MlpCritic(nn.Module):
    """Images to logits through leaky ReLU or maxout layers, without normalisation.

    Args:
        shape: (channels, height, width) of the images.
        width: hidden width.
        depth: hidden layers.
        maxout: pieces of each hidden unit; 0 for a leaky ReLU of slope 0.2.
        pack: images that are judged together (Lin et al. 2018).
        spectral: spectral normalisation of every layer.
        minibatch_std: items a group whose spread is the last feature; 0 for none.
        num_classes: width of the one-hot label; 0 for none.
        fourier: octaves of waves that it sees beside the values, for points; 0 for none.
    """

    def __init__(
        self,
        *,
        shape: tuple[int, int, int],
        width: int,
        depth: int,
        maxout: int = 0,
        fourier: int = 0,
        pack: int = 1,
        spectral: bool = False,
        minibatch_std: int = 0,
        num_classes: int = 0,
    ) -> None:
        super().__init__()
        self.shape, self.pack, self.minibatch_std = shape, pack, minibatch_std
        widths = [pack * shape[0] * shape[1] * shape[2] * (1 + 2 * fourier), *[width] * depth]
        layers = list[nn.Module]([Waves(fourier)] if fourier else [])
        for before, after in pairwise(widths):
            if maxout:
                layers.append(Maxout(before, after, pieces=maxout, spectral=spectral))
            else:
                layers += [started(linear_of(spectral)(before, after), LEAKY_GAIN), nn.LeakyReLU(LEAK)]
        self.body = nn.Sequential(*layers)
        extra = 1 if minibatch_std else 0
        self.head = CriticHead(widths[-1] + extra, num_classes=pack * num_classes, spectral=spectral)

    def forward(self, x: Tensor, one_hot: Tensor | None = None, *, level: float | None = None) -> Tensor:
        """(b, *shape), (b, num_classes) -> (b / pack,); it has no levels."""
        f = self.body(packed(x, self.pack).flatten(1))
        label = None if one_hot is None else packed(one_hot, self.pack)
        return self.head(with_spread(f, self.minibatch_std), label)
