"""A hierarchical net with several stochastic layers, from coarse to fine (Sonderby et al. 2016; Vahdat and Kautz 2020).

Inference runs bottom-up once for features, then top-down together with generation. Each layer's posterior is expressed
relative to its prior, u = (z - mu_p) / sigma_p, so that every latent is N(0, 1) under the prior and one closed-form KL
serves all layers (Vahdat and Kautz 2020, section 3.2).
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reverie.nets.blocks import ResidualBlock, Upsample, as_channels_last
from reverie.nets.conv import level_widths, pyramid
from reverie.nets.gaussian import bound, draw


class StochasticLayer(nn.Module):
    """One latent tensor between two stretches of the top-down path.

    Args:
        width: channels of the path.
        latent: channels of the latent.
        depth: residual blocks after the latent is mixed in.
    """

    def __init__(self, *, width: int, latent: int, depth: int) -> None:
        super().__init__()
        self.feature = nn.Conv2d(width, width, 1)
        self.posterior = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1), nn.SiLU(), nn.Conv2d(width, 2 * latent, 3, padding=1)
        )
        self.prior = nn.Conv2d(width, 2 * latent, 3, padding=1)
        self.mix = nn.Conv2d(latent, width, 1)
        self.after = nn.Sequential(*(ResidualBlock(width) for _ in range(depth)))
        nn.init.zeros_(self.prior.weight)
        nn.init.zeros_(self.prior.bias)  # pyright: ignore[reportArgumentType]

    def infer(self, state: Tensor, seen: Tensor, draws: int) -> tuple[Tensor, Tensor]:
        """The posterior of u: (mean, log-variance), each (n, latent, h, w), in fp32; `seen`, which is `feature` of
        the bottom-up path, has one item for `draws` of the n."""
        joined = state + seen if draws == 1 else (state.unflatten(0, (-1, draws)) + seen[:, None]).flatten(0, 1)
        mean, raw = self.posterior(F.silu(joined)).float().chunk(2, dim=1)
        return mean, bound(raw)

    def forward(self, state: Tensor, u: Tensor) -> Tensor:
        """Mixes the latent z = mu_p + sigma_p * u, (n, latent, h, w), into the path, (n, width, h, w)."""
        mean, raw = self.prior(F.silu(state)).float().chunk(2, dim=1)
        return self.after(state + self.mix(draw(mean, bound(raw), u)))


class Ladder(nn.Module):
    """Bottom-up features and a top-down path of stochastic layers.

    Args:
        shape: (channels, height, width) of the images.
        num_params: channels of the pixel distribution's parameters.
        base: channels at half resolution; they double at each coarser level, up to 256.
        depth: residual blocks after each latent, and at each bottom-up level.
        latent: channels of each latent tensor.
        layers: stochastic layers in all, dealt to the levels from the coarsest.
        num_classes: width of the one-hot label; 0 for none.
    """

    def __init__(
        self,
        *,
        shape: tuple[int, int, int],
        num_params: int,
        base: int,
        depth: int,
        latent: int,
        layers: int,
        num_classes: int,
    ) -> None:
        super().__init__()
        sizes = pyramid(shape[1], shape[2], smallest=4)
        widths = level_widths(base, len(sizes) - 1)
        self.downs, self.ups_levels = nn.ModuleList(), nn.ModuleList()
        for before, after in zip([shape[0], *widths], widths, strict=False):
            self.downs.append(nn.Conv2d(before, after, 3, stride=2, padding=1))
            self.ups_levels.append(nn.Sequential(*(ResidualBlock(after) for _ in range(depth))))
        self.start = nn.Parameter(0.02 * torch.randn(1, widths[-1], *sizes[-1]))
        self.label = nn.Linear(num_classes, widths[-1]) if num_classes else None
        coarse_to_fine = list(zip(widths, sizes[1:], strict=True))[::-1]
        counts = [layers // len(widths) + (i < layers % len(widths)) for i in range(len(widths))]
        self.levels, self.rises = nn.ModuleList(), nn.ModuleList()
        self.latent_shapes: list[tuple[int, int, int]] = []
        for index, (width, size) in enumerate(coarse_to_fine):
            self.levels.append(
                nn.ModuleList(StochasticLayer(width=width, latent=latent, depth=depth) for _ in range(counts[index]))
            )
            self.latent_shapes += [(latent, *size)] * counts[index]
            if index + 1 < len(coarse_to_fine):
                finer_width, finer_size = coarse_to_fine[index + 1]
                self.rises.append(Upsample(width, finer_width, size=finer_size))
        self.out = Upsample(widths[0], num_params, size=(shape[1], shape[2]))
        self.latent_sizes = [c * h * w for c, h, w in self.latent_shapes]
        self.latent_dim = sum(self.latent_sizes)

    def features(self, x: Tensor) -> list[Tensor]:
        """What each stochastic layer is told of the images, from the coarsest to the finest, each (b, width, h, w)."""
        x, found = as_channels_last(x), list[Tensor]()
        for index, (down, level) in enumerate(zip(self.downs, self.ups_levels, strict=True)):
            x = level(down(F.silu(x) if index else x))
            found.append(x)
        levels: Any = zip(self.levels, found[::-1], strict=True)
        return [layer.feature(feature) for level, feature in levels for layer in level]

    def infer(
        self, features: list[Tensor], eps: Tensor, one_hot: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Posterior and output along k draws an image: features of b images, eps (b, k, latent_dim) and labels of b k
        -> mean, log-variance and u, each (b k, latent_dim), and parameters (b k, num_params, h, w)."""
        draws = eps.shape[1]
        noise, seen = iter(self._split(eps.flatten(0, 1))), iter(features)
        means, log_variances, us = list[Tensor](), list[Tensor](), list[Tensor]()

        def posterior(layer: StochasticLayer, state: Tensor) -> Tensor:
            mean, log_variance = layer.infer(state, next(seen), draws)
            u = draw(mean, log_variance, next(noise))
            for kept, value in ((means, mean), (log_variances, log_variance), (us, u)):
                kept.append(value.flatten(1))
            return u

        params = self._descend(eps.shape[0] * draws, posterior, one_hot)
        return torch.cat(means, 1), torch.cat(log_variances, 1), torch.cat(us, 1), params

    def generate(self, u: Tensor, one_hot: Tensor | None) -> Tensor:
        """(n, latent_dim), N(0, I) under the prior -> parameters (n, num_params, h, w)."""
        given = iter(self._split(u))
        return self._descend(u.shape[0], lambda layer, state: next(given), one_hot)

    def _descend(self, n: int, latent_of: Callable[[Any, Tensor], Tensor], one_hot: Tensor | None) -> Tensor:
        state = self.start.expand(n, -1, -1, -1)
        if self.label is not None and one_hot is not None:
            state = state + self.label(one_hot)[:, :, None, None]
        state = as_channels_last(state)
        for index, level in enumerate(self.levels):
            for layer in level:  # pyright: ignore[reportGeneralTypeIssues]  (a ModuleList)
                state = layer(state, latent_of(layer, state))
            if index < len(self.rises):
                state = self.rises[index](F.silu(state))
        return self.out(F.silu(state))

    def _split(self, flat: Tensor) -> list[Tensor]:
        parts = flat.split(self.latent_sizes, dim=1)
        return [as_channels_last(p.view(-1, *shape)) for p, shape in zip(parts, self.latent_shapes, strict=True)]
