"""Penalties on the critic's gradient, as objects that one adds to its loss.

critic: images (b, c, h, w) -> logits (b,).   real, fake: images, detached.   Each returns values by item, (b,).
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.autograd.forward_ad import dual_level, make_dual, unpack_dual

from reverie.core.rng import Rng

Critic = Callable[[Tensor], Tensor]
Pair = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
FD_STEP = 0.01  # of the data's spread, as in Lin et al. 2025 (arXiv 2501.08316)


def squared_gradient(logits: Tensor, images: Tensor) -> Tensor:
    """|grad D(x)|^2 of every item, differentiable: (b,). One backward pass; another when it is minimised."""
    return squared_gradients([logits], [images])[0]


def squared_gradients(logits: Sequence[Tensor], images: Sequence[Tensor]) -> list[Tensor]:
    """|grad D(x)|^2 by item of several sets that one pass of the critic has judged (Mescheder et al. 2018, eqs. 9, 10).

    They share a backward pass: apart, each would go through the whole pass again, with zeros for the other sets.

    Args:
        logits: of each set, (b,), an item's from its own image alone.
        images: each set, (b, c, h, w), leaves of the graph.
    """
    sums = [of_set.float().sum() for of_set in logits]
    gradients = torch.autograd.grad(sums, list(images), create_graph=torch.is_grad_enabled())
    return [gradient.float().square().flatten(1).sum(1) for gradient in gradients]


def forward(pair: Pair, x: Tensor, g: Tensor, rng: Rng) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor]]:
    """D(x), D(g), and an estimate of |grad D|^2 at each by item, from one pass that carries a direction along.

    With n ~ N(0, I), E[(n . grad D)^2] = |grad D|^2 (Hutchinson 1990); n . grad D comes from forward-mode
    differentiation (Baydin et al. 2018, section 3.1.1), so there is no second backward pass, as in the exact penalty,
    and no small difference of large numbers, which bf16 loses: there a finite difference is several times too large.

    Args:
        pair: x, g -> D(x), D(g).
        x: real images (b, c, h, w).
        g: made ones.
        rng: chance for the directions.
    """
    along_x, along_g = rng.spawn("r1").normal(*x.shape[1:]), rng.spawn("r2").normal(*g.shape[1:])
    with dual_level():
        r, f = pair(make_dual(x, along_x), make_dual(g, along_g))
        (r, slope_x), (f, slope_g) = unpack_dual(r), unpack_dual(f)
        return r, f, (_squared(slope_x, r), _squared(slope_g, f))


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


def _squared(slope: Tensor | None, logits: Tensor) -> Tensor:
    return torch.zeros_like(logits) if slope is None else slope.float().square()  # None: a constant critic


def _norm(critic: Critic, images: Tensor) -> Tensor:
    # a root has no gradient at zero, where a critic may well start
    return (squared_gradient(critic(images), images) + 1e-12).sqrt()
