"""The VAE's objectives, top to bottom. Sums over pixels and latents, means over the batch: nats per image.

x: images (b, c, h, w).   z: k draws an image (b, k, d).   q = q(z | x), p = the prior.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from reverie.core.family import Batch, Moment, Terms
from reverie.families.vae.model import Latents, Vae
from reverie.families.vae.recipe import VaeSection
from reverie.nets.gaussian import log_normal, log_normal_pairs

LogLikelihood = Callable[[Tensor, Tensor, Tensor | None], tuple[Latents, Tensor]]


def terms(
    model: Vae,
    batch: Batch,
    moment: Moment,
    vae: VaeSection,
    num_images: int,
    log_likelihood: LogLikelihood | None = None,
) -> Terms:
    """The loss of one batch: the negative ELBO with its KL weighted, or the negative IWAE bound.

    Args:
        num_images: size of the training set, for the total correlation's estimator.
        log_likelihood: `model.log_likelihood` compiled; left out: as it is.
    """
    eps = moment.rng.normal(num_samples(vae, moment.fraction), model.latent_dim)
    latents, log_px = (log_likelihood or model.log_likelihood)(batch.images, eps, batch.labels)  # (b, k) nats
    weight = vae.beta * (min(1.0, moment.fraction / vae.warmup) if vae.warmup else 1.0)

    if vae.samples > 1:
        return iwae(log_px, model.log_prior(latents.z) - latents.log_q(), weight)

    reconstruction = -log_px.mean()
    if model.prior is not None:  # no closed form: KL by the draw itself
        kl = (latents.log_q() - model.log_prior(latents.z)).mean()
        return elbo(reconstruction, kl, weight * kl)

    per_dimension = latents.kl().mean((0, 1))  # (d,)
    kl = per_dimension.sum()
    if vae.total_correlation != 1:
        return elbo(reconstruction, kl, weight * kl + weight * excess_correlation(latents, vae, num_images))
    return elbo(reconstruction, kl, weight * with_free_bits(per_dimension, model.layer_sizes, vae.free_bits))


def num_samples(vae: VaeSection, fraction: float) -> int:
    """Draws an image at this point of the budget: `samples`, after a geometric climb from 1 over `ramp`.

    Example:
        >>> [num_samples(VaeSection(samples=16, ramp=(0.2, 0.6)), f) for f in (0.0, 0.4, 0.6, 1.0)]
        [1, 4, 16, 16]
    """
    start, end = vae.ramp or (-1.0, 0.0)
    return round(vae.samples ** min(1.0, max(0.0, (fraction - start) / (end - start))))


def elbo(reconstruction: Tensor, kl: Tensor, weighted_kl: Tensor) -> Terms:
    """-E_q[log p(x | z)] + KL(q || p) (Kingma and Welling 2014, eq. 3), the KL weighted as the recipe says."""
    return Terms(
        {"reconstruction_nats": reconstruction, "weighted_kl_nats": weighted_kl},
        {"kl_nats": kl.detach(), "elbo_nats": -(reconstruction + kl).detach()},
    )


def iwae(log_px: Tensor, log_ratio: Tensor, weight: float) -> Terms:
    """-log mean_k w_k with w = p(x, z) / q(z | x) (Burda et al. 2016, eq. 8). log_ratio = log p(z) - log q(z | x)."""
    bound = (torch.logsumexp(log_px + weight * log_ratio, dim=1) - math.log(log_px.shape[1])).mean()
    watch = {
        "reconstruction_nats": -log_px.mean().detach(),
        "kl_nats": -log_ratio.mean().detach(),
        "elbo_nats": (log_px + log_ratio).mean().detach(),
    }
    return Terms({"iwae_bound_nats": -bound}, watch)


def with_free_bits(per_dimension: Tensor, group_sizes: list[int], free: float) -> Tensor:
    """sum over groups of max(KL of the group, free): less KL than that earns nothing (Kingma et al. 2016, eq. 15)."""
    if not free:
        return per_dimension.sum()
    groups = torch.stack([part.sum() for part in per_dimension.split(group_sizes)])
    return torch.clamp(groups, min=free).sum()


def excess_correlation(latents: Latents, vae: VaeSection, num_images: int) -> Tensor:
    """(weight - 1) * TC(q(z)), by minibatch-weighted sampling (Chen et al. 2018, eq. 5 and appendix C.1)."""
    z, mean, log_variance = latents.z[:, 0], latents.mean[:, 0], latents.log_variance[:, 0]
    scale = math.log(len(z) * num_images)
    with torch.autocast(z.device.type, enabled=False):
        log_qz = torch.logsumexp(log_normal_pairs(z, mean, log_variance), 1) - scale
        each = log_normal(z[:, None], mean[None], log_variance[None])  # (b, b, d)
    log_product = (torch.logsumexp(each, 1) - scale).sum(1)
    return (vae.total_correlation - 1) * (log_qz - log_product).mean()
