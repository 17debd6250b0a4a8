"""Penalties on the critic's gradient, as objects that one adds to its loss.

critic: images (b, c, h, w) -> logits (b,).   real, fake: images, detached.   Each returns values by item, (b,).
"""

from collections.abc import Callable

import torch
from torch import Tensor

from reverie.core.rng import Rng

Critic = Callable[[Tensor], Tensor]
FD_STEP = 0.01  # of the data's spread, as in Lin et al. 2025 (arXiv 2501.08316)


def squared_gradient(logits: Tensor, images: Tensor) -> Tensor:
    """|grad D(x)|^2 of every item, differentiable: (b,). One backward pass; another when it is minimised."""
    (gradient,) = torch.autograd.grad(logits.float().sum(), images, create_graph=torch.is_grad_enabled())
    return gradient.float().square().flatten(1).sum(1)


def nudged(images: Tensor, rng: Rng, step: float = FD_STEP) -> Tensor:
    """Images a small step away in a random direction, x + s eps with eps ~ N(0, 1)."""
    return images.detach() + step * rng.normal(*images.shape[1:])


def finite_difference(nearby: Tensor, logits: Tensor, step: float = FD_STEP) -> Tensor:
    """An estimate of |grad D(x)|^2 from D at `nudged` images and at the images, without a second backward pass: (b,).

    E[((D(x + s eps) - D(x)) / s)^2] = |grad D(x)|^2 + O(s^2) (Lin et al. 2025, arXiv 2501.08316, eq. 4, divided by s^2
    so that gamma means the same as in the exact penalty).
    """
    return ((nearby.float() - logits.float()) / step).square()


def wgan_gp(critic: Critic, real: Tensor, fake: Tensor, rng: Rng) -> Tensor:
    """(|grad D(x)| - 1)^2 on lines between real and made images (Gulrajani et al. 2017, eq. 3)."""
    u = rng.uniform(1, 1, 1)
    between = (real + u * (fake - real)).detach().requires_grad_(True)
    return (_norm(critic, between) - 1).square()


def dragan(critic: Critic, real: Tensor, rng: Rng) -> Tensor:
    """(|grad D(x)| - 1)^2 around real images: noise of half the batch's spread (Kodali et al. 2017, algorithm 1)."""
    noise = 0.5 * real.std() * rng.uniform(*real.shape[1:]) * rng.uniform(1, 1, 1)
    near = (real + noise).detach().requires_grad_(True)
    return (_norm(critic, near) - 1).square()


def _norm(critic: Critic, images: Tensor) -> Tensor:
    # a root has no gradient at zero, where a critic may well start
    return (squared_gradient(critic(images), images) + 1e-12).sqrt()
