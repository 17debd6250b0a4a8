"""Diagonal Gaussians, as a mean and a log-variance: the reparameterised draw, its densities, its KL."""

import math

import torch
from torch import Tensor

LOG_2PI = math.log(2 * math.pi)


def bound(raw: Tensor, limit: float = 10.0) -> Tensor:
    """A log-variance kept smoothly within (-limit, limit), nearly unchanged around zero.

    Example:
        >>> bound(torch.tensor([0.0, 1e9]))
        tensor([ 0., 10.])
    """
    return limit * torch.tanh(raw / limit)


def draw(mean: Tensor, log_variance: Tensor, eps: Tensor) -> Tensor:
    """z = mu + sigma * eps: a draw as a differentiable function of mu and sigma (Kingma and Welling 2014, sec. 2.4).

    Example:
        >>> mean, sigma = torch.tensor([0.5, -0.2]), torch.tensor([0.1, 0.3])
        >>> draw(mean, 2 * sigma.log(), torch.tensor([0.5, -1.0]))
        tensor([ 0.5500, -0.5000])
    """
    return mean + torch.exp(0.5 * log_variance) * eps


def kl_from_unit(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mu, sigma^2) || N(0, 1)) of every dimension, in nats (Kingma and Welling 2014, appendix B)."""
    return 0.5 * (mean * mean + torch.exp(log_variance) - 1 - log_variance)


def log_normal(z: Tensor, mean: Tensor | float = 0.0, log_variance: Tensor | None = None) -> Tensor:
    """log N(z; mu, sigma^2) of every dimension, in nats; a unit Gaussian by default."""
    if log_variance is None:
        return -0.5 * ((z - mean) ** 2 + LOG_2PI)
    return -0.5 * ((z - mean) ** 2 * torch.exp(-log_variance) + log_variance + LOG_2PI)


def log_normal_pairs(z: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """log N(z_i; mu_j, sigma_j^2), summed over dimensions, for every pair: (n, d), (m, d), (m, d) -> (n, m).

    Two matrix products instead of an (n, m, d) array.
    """
    precision = torch.exp(-log_variance)
    square = (z * z) @ precision.T - 2 * z @ (mean * precision).T + (mean * mean * precision).sum(1)
    return -0.5 * (square + log_variance.sum(1) + z.shape[1] * LOG_2PI)
