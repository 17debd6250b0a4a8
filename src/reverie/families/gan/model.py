"""The GAN: a generator z -> image, a critic image -> logit, and a net that guesses latents of images."""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reverie.core.capability import Decodes, Inverts, Judges, Samples
from reverie.core.rng import Rng, normal_by_seed
from reverie.nets.style import StyleGenerator


class Gan(nn.Module, Samples, Decodes, Judges, Inverts):
    """Both players and what a training learns beside their weights.

    The latents of `Decodes` and `Inverts` are z ~ N(0, I), or w = mapping(z) for a style generator.

    Args:
        generator: z (and a one-hot label) -> images.
        critic: images -> logits.
        inverter: images -> latents, or None.
        num_classes: 0, or the number of labels that images are conditioned on.
        points: True for coordinates, which have no range; images are clipped to [-1, 1].
        apart: True when the critic's items influence each other, so that real and made ones must not share a pass.
        grow: share of the budget over which resolutions are added; 0 for all from the start.
        signs: first values of z of which the generator sees only the sign, so that latents lie in 2^signs pieces.
    """

    log_gamma: Tensor
    log_gamma_start: Tensor
    augment_p: Tensor
    margin_sign: Tensor
    level: Tensor
    path_mean: Tensor
    data_mean: Tensor
    data_scale: Tensor

    def __init__(
        self,
        generator: nn.Module,
        critic: nn.Module,
        inverter: nn.Module | None,
        *,
        num_classes: int = 0,
        points: bool = False,
        apart: bool = False,
        grow: float = 0.0,
        signs: int = 0,
    ) -> None:
        super().__init__()
        self.generator, self.critic_net, self.inverter = generator, critic, inverter
        self.num_classes, self.points, self.apart, self.grow, self.signs = num_classes, points, apart, grow, signs
        self.style = generator if isinstance(generator, StyleGenerator) else None
        self.z_dim = int(generator.latent_dim)  # pyright: ignore[reportArgumentType]
        self.latent_dim = self.style.w_dim if self.style else self.z_dim
        self.register_buffer("log_gamma", torch.zeros(()))
        self.register_buffer("log_gamma_start", torch.zeros(()))
        self.register_buffer("augment_p", torch.zeros(()))
        self.register_buffer("margin_sign", torch.zeros(()))
        self.register_buffer("level", torch.tensor(1.0 if grow else math.inf))
        self.register_buffer("path_mean", torch.zeros(()))
        self.register_buffer("data_mean", torch.zeros(2 if points else 1))
        self.register_buffer("data_scale", torch.ones(()))

    # What training asks for. Images are in the players' own units: points are centred and scaled.

    def make(self, rng: Rng, one_hot: Tensor | None, *, mixing: float = 0.0) -> tuple[Tensor, Tensor]:
        """Draws latents and makes their images: ((n, latent_dim), (n, c, h, w))."""
        z = rng.normal(self.z_dim)
        if self.style is None:
            return z, self._decode(z, one_hot)
        noise = [rng.normal(1, *shape) for shape in self.style.noise_shapes]
        w = self.style.mapping(z, one_hot)
        layers = w if not mixing else self._mixed(w, rng, one_hot, mixing)
        return w, self.style.synthesise(layers, noise, level=self.level_now)

    def critic(self, images: Tensor, one_hot: Tensor | None, *, level: float | None) -> Tensor:
        """Logits of images in the players' units."""
        return self.critic_net(images, one_hot, level=level)

    def critic_pair(self, x: Tensor, g: Tensor, one_hot: Tensor | None) -> tuple[Tensor, Tensor]:
        """Logits of real and of made images, in one pass where items do not influence each other."""
        if self.apart:
            return tuple(self.critic(part, one_hot, level=self.level_now) for part in (x, g))  # pyright: ignore
        both = None if one_hot is None else torch.cat([one_hot, one_hot])
        r, f = self.critic(torch.cat([x, g]), both, level=self.level_now).chunk(2)
        return r, f

    def guess(self, images: Tensor) -> Tensor:
        """The inverter's latents of images in the players' units; the mean latent when there is no inverter."""
        if self.inverter is not None:
            return self.inverter(images)
        mean = self.style.w_mean if self.style else torch.zeros(self.latent_dim, device=images.device)
        return mean.expand(len(images), -1)

    def path_length(self, num: int, one_hot: Tensor | None, rng: Rng) -> Tensor:
        """(|J^T y| - a)^2 with a its running mean, J = dG/dw, y ~ N(0, I) (Karras et al. 2020, StyleGAN2, eq. 4)."""
        style = self.style
        if style is None:
            return self.path_mean.new_zeros(())
        w = style.mapping(rng.normal(self.z_dim), one_hot)
        images = style.synthesise(w, None, level=self.level_now)
        y = rng.normal(*images.shape[1:]) / math.sqrt(images[0, 0].numel())
        (slope,) = torch.autograd.grad((images * y).sum(), w, create_graph=True)
        length = slope.square().sum(1).sqrt()
        with torch.no_grad():
            self.path_mean.lerp_(length.mean(), 0.01)
        return (length - self.path_mean).square().mean()

    def set_level(self, fraction: float) -> None:
        """Resolutions in use at this share of the budget: each is faded in, then trained alone, for equal times."""
        if self.grow:
            total = int(self.generator.num_levels)  # pyright: ignore[reportArgumentType]
            at = 1 + 2 * (total - 1) * min(1.0, fraction / self.grow)  # one unit to train, one to fade, ...
            stage, within = divmod(at - 1, 2)
            self.level.fill_(min(float(total), 1 + stage + max(0.0, within - 1)))

    @property
    def level_now(self) -> float | None:
        """The level to pass to the nets; None for all of them."""
        return float(self.level) if self.grow and math.isfinite(float(self.level)) else None

    def to_players(self, images: Tensor) -> Tensor:
        """Data in the players' units."""
        return (images - self.data_mean.view(1, -1, 1, 1)) / self.data_scale if self.points else images

    def from_players(self, images: Tensor) -> Tensor:
        """Made images as data."""
        if self.points:
            return images.float() * self.data_scale + self.data_mean.view(1, -1, 1, 1)
        return images.float().clamp(-1, 1)

    # Capabilities.

    def one_hot(self, labels: Tensor | None, num: int) -> Tensor | None:
        """(num, num_classes) float for a conditional model, None for any other."""
        if not self.num_classes:
            return None
        labels = torch.zeros(num, dtype=torch.long) if labels is None else labels
        return F.one_hot(labels.to(self._device), self.num_classes).float()

    @torch.inference_mode()
    def sample(self, seeds: Sequence[int], *, labels: Tensor | None = None, truncation: float = 1.0) -> Tensor:
        """One image a seed; `truncation` pulls latents towards their mean (Karras et al. 2019, section 2.1)."""
        one_hot, z = self._one_hot_by_seed(seeds, labels), normal_by_seed(seeds, self.z_dim).to(self._device)
        if self.style is None:
            return self.from_players(self._decode(truncation * z, one_hot))
        w = self.style.w_mean + truncation * (self.style.mapping(z, one_hot) - self.style.w_mean)
        each = [
            torch.cat([Rng("noise", int(s), i, count=1).normal(1, *shape) for s in seeds]).to(self._device)
            for i, shape in enumerate(self.style.noise_shapes)
        ]
        return self.from_players(self.style.synthesise(w, each, level=self.level_now))

    @torch.inference_mode()
    def latents(self, seeds: Sequence[int]) -> Tensor:
        """Latents drawn from the prior, one a seed: (n, latent_dim). Those of a style generator know their class,
        which is the one that `sample` draws."""
        z = normal_by_seed(seeds, self.z_dim).to(self._device)
        if self.style is None:
            return z
        return self.style.mapping(z, self._one_hot_by_seed(seeds, None))

    @torch.inference_mode()
    def decode(self, latents: Tensor, *, labels: Tensor | None = None) -> Tensor:
        """The image of each latent, without a style generator's noise."""
        return self.from_players(self._decode(latents.to(self._device), self.one_hot(labels, latents.shape[0])))

    def judge(self, images: Tensor, *, labels: Tensor | None = None) -> Tensor:
        """The critic's logits, (n,), differentiable; a packing critic gives every image of a pack the pack's."""
        pack = int(getattr(self.critic_net, "pack", 1))
        spare = -len(images) % pack
        images = torch.cat([images, images[:spare]]).to(self._device)
        labels = None if labels is None else torch.cat([labels, labels[:spare]])
        one_hot = self.one_hot(labels, len(images))
        logits = self.critic(self.to_players(images), one_hot, level=self.level_now).float()
        return logits.repeat_interleave(pack)[: len(images) - spare]

    def invert(self, images: Tensor, *, labels: Tensor | None = None, steps: int = 200) -> Tensor:
        """Latents near the inverter's guess whose images are near these: Adam on the squared error at three scales,
        and on the latent's distance from the prior (Zhu et al. 2016, section 3.1)."""
        images, one_hot = self.to_players(images.to(self._device)), self.one_hot(labels, len(images))
        with torch.enable_grad():
            start = self.guess(images).detach().float()
            at = start.clone().requires_grad_(True)
            adam = torch.optim.Adam([at], lr=0.05, betas=(0.9, 0.99))
            for step in range(steps):
                adam.param_groups[0]["lr"] = 0.05 * 0.5 * (1 + math.cos(math.pi * step / steps))
                made = self._decode(at, one_hot)
                error = _error(made, images) + 1e-3 * self._unlikely(at)
                (at.grad,) = torch.autograd.grad(error.sum(), at)  # each image on its own: a sum, not a mean
                adam.step()
        return at.detach()

    @property
    def _device(self) -> torch.device:
        return next(self.generator.parameters()).device

    def _one_hot_by_seed(self, seeds: Sequence[int], labels: Tensor | None) -> Tensor | None:
        """These labels, or a class drawn by every seed."""
        if labels is None and self.num_classes:
            labels = torch.tensor([int(Rng("label", int(s), count=1).integers(self.num_classes)) for s in seeds])
        return self.one_hot(labels, len(seeds))

    def _decode(self, latents: Tensor, one_hot: Tensor | None) -> Tensor:
        if self.style is not None:
            return self.style.synthesise(latents, None, level=self.level_now)
        return self.generator(self._in_pieces(latents), one_hot, level=self.level_now)

    def _in_pieces(self, z: Tensor) -> Tensor:
        """z with its first values as -1 or 1. What is made of one piece hangs together, and what is made of several
        need not: without pieces, clusters are joined by bridges (Khayatkhoei et al. 2018, section 2). For `invert` the
        sign has the slope of its value (Bengio et al. 2013, the straight-through estimator)."""
        if not self.signs:
            return z
        free, rest = z[:, : self.signs], z[:, self.signs :]
        sign = torch.where(free < 0, -1.0, 1.0)
        return torch.cat([free + (sign - free).detach() if free.requires_grad else sign, rest], dim=1)

    def _unlikely(self, latents: Tensor) -> Tensor:
        """Mean squared distance from the middle of the prior, (n,)."""
        middle = self.style.w_mean if self.style else 0.0
        return (latents - middle).square().mean(1)

    def _mixed(self, w: Tensor, rng: Rng, one_hot: Tensor | None, mixing: float) -> Tensor:
        """(n, num_layers, w_dim): a share of items takes later layers from a second style (Karras et al. 2019, 3.1)."""
        style = self.style
        if style is None:
            return w
        other, chance = style.mapping(rng.normal(self.z_dim), one_hot), rng.uniform(2)
        first = 1 + (chance[:, 1] * (style.num_layers - 1)).long()
        first = torch.where(chance[:, 0] < mixing, first, style.num_layers)
        later = torch.arange(style.num_layers, device=w.device)[None] >= first[:, None]
        return torch.where(later[:, :, None], other[:, None], w[:, None])


def _error(made: Tensor, images: Tensor) -> Tensor:
    """Mean squared error at full, half and quarter resolution, by item: coarse shapes guide before details do."""
    total = (made - images).square().flatten(1).mean(1)
    for factor in (2, 4):
        if min(images.shape[-2:]) >= 4 * factor:
            pooled = F.avg_pool2d(made - images, factor)
            total = total + factor * pooled.square().flatten(1).mean(1)
    return total
