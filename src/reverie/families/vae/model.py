"""The VAE: encoder -> (mu, log-variance) -> z = mu + sigma * eps -> decoder -> pixel distribution."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reverie.core.capability import Decodes, Encodes, Reconstructs, Samples, Scores
from reverie.core.rng import Rng, normal_by_seed
from reverie.families.vae.likelihood import Likelihood
from reverie.nets.compiling import compile_function
from reverie.nets.gaussian import bound, draw, kl_from_unit, log_normal, log_normal_pairs
from reverie.nets.ladder import Ladder


@dataclass(frozen=True)
class Latents:
    """What inference says of b images with k draws each.

    Args:
        mean: posterior means, (b, 1 or k, latent_dim); k when a layer's posterior depends on the draw above it.
        log_variance: the same shape.
        z: the draws, (b, k, latent_dim).
        eps: the standard normal noise that made them, (b, k, latent_dim).
    """

    mean: Tensor
    log_variance: Tensor
    z: Tensor
    eps: Tensor

    def kl(self) -> Tensor:
        """KL(q || N(0, 1)) of every dimension, (b, 1 or k, latent_dim), nats."""
        return kl_from_unit(self.mean, self.log_variance)

    def log_q(self) -> Tensor:
        """log q(z | x), (b, k), nats."""
        return (log_normal(self.eps) - 0.5 * self.log_variance).sum(-1)


class FlatNet(nn.Module):
    """One stochastic layer: an encoder, a Gaussian head, a decoder.

    Args:
        encoder: (b, c, h, w) -> (b, num_out), with attribute num_out.
        decoder: (n, latent + num_classes) -> (n, num_params, h, w).
        latent: latent dimensions.
        num_classes: width of the one-hot label; 0 for none.
    """

    def __init__(
        self, encoder: nn.Module, decoder: nn.Module, *, num_features: int, latent: int, num_classes: int
    ) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        self.head = nn.Linear(num_features + num_classes, 2 * latent)
        self.latent_dim, self.latent_sizes = latent, [1] * latent

    def posterior(self, x: Tensor, one_hot: Tensor | None) -> tuple[Tensor, Tensor]:
        """(mean, log-variance) of q(z | x), each (b, latent), in fp32."""
        features = self.encoder(x)
        with torch.autocast(x.device.type, enabled=False):  # bf16 would round small sigmas of large means away
            joined = features.float() if one_hot is None else torch.cat([features.float(), one_hot], 1)
            mean, raw = self.head(joined).chunk(2, dim=1)
            return mean, bound(raw)

    def generate(self, z: Tensor, one_hot: Tensor | None) -> Tensor:
        """(n, latent) -> (n, num_params, h, w)."""
        return self.decoder(z if one_hot is None else torch.cat([z, one_hot], 1))


class VampPrior(nn.Module):
    """p(z) = mean over K learned pseudo-inputs u_k of q(z | u_k) (Tomczak and Welling 2018, eq. 10).

    Args:
        shape: (channels, height, width) of the images.
        num: K.
    """

    def __init__(self, shape: tuple[int, int, int], num: int) -> None:
        super().__init__()
        self.inputs = nn.Parameter(torch.randn(num, *shape) * 0.1)

    def components(self, net: FlatNet) -> tuple[Tensor, Tensor]:
        """(means, log-variances), each (K, latent)."""
        return net.posterior(self.inputs.clamp(-1, 1), None)


class Vae(nn.Module, Samples, Encodes, Decodes, Reconstructs, Scores):
    """A variational autoencoder.

    Args:
        net: a FlatNet, or a Ladder of several stochastic layers.
        likelihood: the pixel distribution.
        num_classes: 0, or the number of labels that images are conditioned on.
        prior: a VampPrior (FlatNet only), or None for N(0, I).
    """

    def __init__(
        self, net: FlatNet | Ladder, likelihood: Likelihood, *, num_classes: int = 0, prior: VampPrior | None = None
    ) -> None:
        super().__init__()
        self.net, self.likelihood, self.num_classes, self.prior = net, likelihood, num_classes, prior
        self.latent_dim, self.discrete = net.latent_dim, likelihood.discrete

    @property
    def layer_sizes(self) -> list[int]:
        """Latent dimensions that free bits count together: a stochastic layer of a ladder, else a single dimension."""
        return self.net.latent_sizes

    def one_hot(self, labels: Tensor | None, num: int) -> Tensor | None:
        """(num, num_classes) float for a conditional model, None for any other."""
        if not self.num_classes:
            return None
        labels = torch.zeros(num, dtype=torch.long) if labels is None else labels
        return F.one_hot(labels.to(self._device), self.num_classes).float()

    def infer(self, x: Tensor, eps: Tensor, labels: Tensor | None = None) -> tuple[Latents, Tensor]:
        """Draws k latents an image and decodes them: eps (b, k, latent_dim) -> theta (b, k, num_params, h, w)."""
        one_hot = self.one_hot(labels, len(x))
        return self._decoded(self._encoded(x, one_hot), eps, one_hot)

    def log_likelihood(self, x: Tensor, eps: Tensor, labels: Tensor | None = None) -> tuple[Latents, Tensor]:
        """The latents of `infer`, and log p(x | z) of each, (b, k), nats: all of a step that is worth compiling."""
        latents, theta = self.infer(x, eps, labels)
        return latents, self.likelihood.log_prob(x, theta)

    def log_prior(self, z: Tensor) -> Tensor:
        """log p(z) in nats: (b, k, latent_dim) -> (b, k)."""
        return self._log_prior(z, self._components())

    @torch.inference_mode()
    def sample(self, seeds: Sequence[int], *, labels: Tensor | None = None, truncation: float = 1.0) -> Tensor:
        """Decodes draws from the prior; `truncation` scales a draw's distance from the middle (of its component)."""
        if labels is None and self.num_classes:
            chosen = [int(Rng("label", int(s), count=1).integers(self.num_classes)) for s in seeds]
            labels = torch.tensor(chosen, dtype=torch.long)
        return self.decode(self._draw_prior(seeds, truncation), labels=labels)

    @torch.inference_mode()
    def latents(self, seeds: Sequence[int]) -> Tensor:
        """One draw from the prior a seed, (n, latent_dim)."""
        return self._draw_prior(seeds, 1.0)

    @torch.inference_mode()
    def decode(self, latents: Tensor, *, labels: Tensor | None = None) -> Tensor:
        """The mean image of each latent."""
        latents = latents.to(self._device)
        theta = self.net.generate(latents, self.one_hot(labels, latents.shape[0]))
        return self.likelihood.mean(theta.float())

    def encode(self, images: Tensor, *, labels: Tensor | None = None) -> Tensor:
        """Posterior means; those of a ladder follow the mean path from the top. Differentiable where gradients are
        enabled."""
        return self._posterior(images, labels)[0]

    @torch.inference_mode()
    def reconstruct(self, images: Tensor, *, labels: Tensor | None = None) -> Tensor:
        """Decodes the posterior means."""
        return self.likelihood.mean(self._mean_path(images, labels)[1][:, 0].float())

    @torch.inference_mode()
    def kl_per_dimension(self, images: Tensor, *, labels: Tensor | None = None) -> Tensor:
        """KL to N(0, 1) of every dimension in nats, (n, latent_dim); below a ladder's top layer along the mean path."""
        return kl_from_unit(*self._posterior(images, labels))

    def scorer(
        self, images: Tensor, *, labels: Tensor | None = None, compiled: bool = False
    ) -> Callable[[int, Rng], Tensor]:
        """Encodes once; f(s, rng) gives s log importance weights an image, (n, s)."""
        with torch.inference_mode():
            images = images.to(self._device)
            one_hot = self.one_hot(labels, len(images))
            seen, components = self._encoded(images, one_hot), self._components()
        log_weights = compile_function(self._log_weights) if compiled else self._log_weights

        @torch.inference_mode()
        def score(num: int, rng: Rng) -> Tensor:
            eps = rng.normal(num, self.latent_dim).to(self._device)
            return log_weights(images, seen, eps, one_hot, components)

        return score

    @torch.inference_mode()
    def draw(self, images: Tensor, rng: Rng, *, labels: Tensor | None = None) -> Tensor:
        """One draw from q(z | x) an image, (n, latent_dim)."""
        eps = rng.normal(1, self.latent_dim).to(self._device)
        if isinstance(self.net, Ladder):
            return self.infer(images.to(self._device), eps, labels)[0].z[:, 0]
        return draw(*self._posterior(images, labels), eps[:, 0])

    @property
    def _device(self) -> torch.device:
        return next(self.parameters()).device

    def _posterior(self, images: Tensor, labels: Tensor | None) -> tuple[Tensor, Tensor]:
        """(mean, log-variance) of q(z | x), each (n, latent_dim): nothing is decoded but for a ladder's next layer."""
        if isinstance(self.net, Ladder):
            latents = self._mean_path(images, labels)[0]
            return latents.mean[:, 0], latents.log_variance[:, 0]
        images = images.to(self._device)
        return self.net.posterior(images, self.one_hot(labels, len(images)))

    def _mean_path(self, images: Tensor, labels: Tensor | None) -> tuple[Latents, Tensor]:
        images = images.to(self._device)
        return self.infer(images, images.new_zeros(len(images), 1, self.latent_dim), labels)

    def _encoded(self, x: Tensor, one_hot: Tensor | None) -> list[Tensor]:
        """What draws are made from, once an image: a ladder's features, else the posterior's mean and log-variance."""
        if isinstance(self.net, Ladder):
            return self.net.features(x)
        return list(self.net.posterior(x, one_hot))

    def _decoded(self, seen: list[Tensor], eps: Tensor, one_hot: Tensor | None) -> tuple[Latents, Tensor]:
        """k draws an image, and the decoder's output for each: eps (b, k, d) -> theta (b, k, num_params, h, w)."""
        b, k, d = eps.shape
        one_hot = None if one_hot is None else one_hot.repeat_interleave(k, 0)
        if isinstance(self.net, Ladder):
            mean, log_variance, u, theta = self.net.infer(seen, eps, one_hot)
            latents = Latents(mean.view(b, k, d), log_variance.view(b, k, d), u.view(b, k, d), eps)
        else:
            mean, log_variance = (value[:, None] for value in seen)
            latents = Latents(mean, log_variance, draw(mean, log_variance, eps), eps)
            theta = self.net.generate(latents.z.reshape(b * k, d), one_hot)
        return latents, theta.view(b, k, *theta.shape[1:])

    def _log_weights(
        self,
        x: Tensor,
        seen: list[Tensor],
        eps: Tensor,
        one_hot: Tensor | None,
        components: tuple[Tensor, Tensor] | None,
    ) -> Tensor:
        """log p(x | z) + log p(z) - log q(z | x) of every draw, (b, k), nats."""
        latents, theta = self._decoded(seen, eps, one_hot)
        return self.likelihood.log_prob(x, theta) + self._log_prior(latents.z, components) - latents.log_q()

    def _components(self) -> tuple[Tensor, Tensor] | None:
        """A vamp prior's pseudo-inputs, encoded; None for N(0, I)."""
        if self.prior is None or isinstance(self.net, Ladder):
            return None
        return self.prior.components(self.net)

    def _log_prior(self, z: Tensor, components: tuple[Tensor, Tensor] | None) -> Tensor:
        if components is None:
            return log_normal(z).sum(-1)
        with torch.autocast(z.device.type, enabled=False):
            pairs = log_normal_pairs(z.flatten(0, 1), *components)
        return (torch.logsumexp(pairs, 1) - math.log(len(components[0]))).view(z.shape[:2])

    def _draw_prior(self, seeds: Sequence[int], truncation: float) -> Tensor:
        eps = truncation * normal_by_seed(seeds, self.latent_dim).to(self._device)
        components = self._components()
        if components is None:
            return eps
        means, log_variances = components
        chosen = torch.tensor([int(Rng("component", int(s), count=1).integers(len(means))) for s in seeds])
        return draw(means[chosen], log_variances[chosen], eps)
