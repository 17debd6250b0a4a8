"""Distributions of an image's pixels given a decoder's output. Sums over pixels, never means: units are nats per image.

x: images (b, c, h, w) in [-1, 1].   theta: decoder outputs (b, k, num_params, h, w), k draws an image.
"""

import math
from abc import ABC, abstractmethod
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reverie.nets.gaussian import LOG_2PI

LEVEL = 1 / 127.5  # distance between two 8-bit levels in [-1, 1]
_FACTORS, _AT_ONCE = 126, 2**19  # probabilities in a product, and logits looked at together, to stay in a cache


class Likelihood(nn.Module, ABC):
    """A pixel distribution.

    Args:
        num_params: decoder channels that it reads.
        discrete: True for probabilities of binary or 8-bit values, False for densities over [-1, 1].
    """

    num_params: int
    discrete: bool

    @abstractmethod
    def log_prob(self, x: Tensor, theta: Tensor) -> Tensor:
        """log p(x | theta), summed over pixels: (b, k)."""

    @abstractmethod
    def mean(self, theta: Tensor) -> Tensor:
        """The expected image, in [-1, 1]: (..., num_params, h, w) -> (..., c, h, w)."""

    def start(self, x: Tensor, out_bias: Tensor) -> None:
        """Sets the decoder's last bias so that training starts at the data's mean; a view (num_params, -1)."""


class _Coins(torch.autograd.Function):
    """sum t l - log(1 + e^l) over pixels, with t = (x + 1) / 2, in fp32 from whatever precision the logits have.

    Rounded logits are still a distribution. Rounded sums are not: in bf16 they favoured some x, by 0.3 nats.
    Written as sum (x l - |l|) / 2 + log s(|l|), s the sigmoid, it needs one logarithm for many pixels: every factor
    of a product of s(|l|) is at least 1/2, so that `_FACTORS` of them are no less than the smallest normal fp32 number.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, logits: Tensor) -> Tensor:
        """(b, d), (b, k, d) -> (b, k)."""
        ctx.save_for_backward(x, logits)
        if torch.compiler.is_compiling():
            return _fused_coins(x, logits)
        num = max(1, _AT_ONCE // logits[0].numel())
        parts = zip(x.split(num), logits.split(num), strict=True)
        found = [_coins(pixels, of_part) for pixels, of_part in parts]
        return found[0] if len(found) == 1 else torch.cat(found)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[None, Tensor]:
        """d/dl = t - s(l)."""
        x, logits = ctx.saved_tensors
        slope = (x[:, None] + 1) / 2 - logits.float().sigmoid()
        return None, (grads[0][..., None] * slope).to(logits.dtype)


def _coins(x: Tensor, logits: Tensor) -> Tensor:
    """What `_Coins` is: (b, d), (b, k, d) -> (b, k)."""
    exact = logits.float()
    slack = torch.bmm(x[:, None], exact.mT)[:, 0]  # several times as fast as exact @ x[..., None]
    sizes = exact.abs() if exact is logits else exact.abs_()
    slack = slack.sub_(sizes.sum(-1)).div_(2)
    likely, factors = sizes.sigmoid_(), 1
    while likely.shape[-1] > 1 and 3 * factors <= _FACTORS:
        half, odd = likely.shape[-1] // 2, likely.shape[-1] % 2
        halved = likely[..., :half].mul_(likely[..., half : 2 * half])
        if odd:
            halved[..., :1].mul_(likely[..., -1:])
        likely, factors = halved, (2 + odd) * factors
    return slack.add_(likely.log().sum(-1))


def _fused_coins(x: Tensor, logits: Tensor) -> Tensor:
    """The same for a compiler, which makes one pass of it all, if it can lay the factors side by side."""
    exact = logits.float()
    sizes = exact.abs()
    likely, num = sizes.sigmoid(), sizes.shape[-1] // 16
    product = likely[..., :num]
    for factor in range(1, 16):
        product = product * likely[..., factor * num : (factor + 1) * num]
    slack = ((x[:, None] * exact - sizes) / 2).sum(-1)
    return slack + product.log().sum(-1) + likely[..., 16 * num :].log().sum(-1)


class Bernoulli(Likelihood):
    """Pixels as coins, from logits. Exact for binary data; for greys it is the cross-entropy, not a likelihood."""

    discrete = True

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.num_params = channels

    def log_prob(self, x: Tensor, theta: Tensor) -> Tensor:
        """sum t l - log(1 + e^l), with t = (x + 1) / 2; differentiable in theta."""
        with torch.autocast(x.device.type, enabled=False):
            return cast(Tensor, _Coins.apply(x.flatten(1).float(), theta.flatten(2)))

    def mean(self, theta: Tensor) -> Tensor:
        """2 sigmoid(l) - 1 = tanh(l / 2)."""
        return torch.tanh(theta / 2)

    def start(self, x: Tensor, out_bias: Tensor) -> None:
        """The logit of the data's mean."""
        out_bias.copy_(torch.logit(_mean_like(x, out_bias) / 2 + 0.5, eps=1e-3))


class Scaled(Likelihood):
    """A location family around the decoder's output: Gaussian or Laplace, with one spread for all pixels.

    With `scale` "optimal" the spread is the maximum-likelihood one of the batch, in closed form (Rybkin et al. 2021,
    sigma-VAE, eq. 4): sqrt of the mean squared error, or the mean absolute error. Scoring uses its running average.
    """

    discrete = False

    def __init__(self, channels: int, kind: str, scale: str | float) -> None:
        super().__init__()
        self.num_params, self.kind, self.fixed = channels, kind, None if isinstance(scale, str) else float(scale)
        self.log_scale: Tensor
        self.register_buffer("log_scale", torch.tensor(0.0 if self.fixed is None else math.log(self.fixed)))

    def log_prob(self, x: Tensor, theta: Tensor) -> Tensor:
        """(b, k) nats; in training mode with the optimal spread this also tracks that spread."""
        # |x - theta| in fp32: bf16 would round errors of one grey level away
        error = (x[:, None].expand_as(theta) - theta.float()).flatten(2)
        power = error.square() if self.kind == "gaussian" else error.abs()
        log_scale, total, num = self.log_scale, power.sum(-1), error.shape[-1]
        if self.fixed is None and self.training:
            log_scale = torch.log(total.mean() / num + 1e-6) * (0.5 if self.kind == "gaussian" else 1.0)
            with torch.no_grad():
                self.log_scale.lerp_(log_scale.detach(), 0.02)
        if self.kind == "gaussian":
            return -0.5 * total * torch.exp(-2 * log_scale) - num * (log_scale + 0.5 * LOG_2PI)
        return -total * torch.exp(-log_scale) - num * (log_scale + math.log(2))

    def mean(self, theta: Tensor) -> Tensor:
        """The location, clipped to [-1, 1]."""
        return theta.clamp(-1, 1)

    def start(self, x: Tensor, out_bias: Tensor) -> None:
        """The data's mean."""
        out_bias.copy_(_mean_like(x, out_bias))


class LogisticMixture(Likelihood):
    """A mixture of logistics, cut into the 256 levels of 8-bit data (Salimans et al. 2017, PixelCNN++, section 2.1).

    A pixel's channels share the mixture component and are independent given it.
    """

    discrete = True

    def __init__(self, channels: int, mixtures: int) -> None:
        super().__init__()
        self.channels, self.mixtures = channels, mixtures
        self.num_params = mixtures * (1 + 2 * channels)

    def _parts(self, theta: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """log weights (b, k, m, 1, h, w), centres and log scales (b, k, m, c, h, w)."""
        theta = theta.float()
        shape = (*theta.shape[:-3], self.mixtures, self.channels, *theta.shape[-2:])
        logits, centres, raw = theta.split(
            [self.mixtures, self.mixtures * self.channels, self.mixtures * self.channels], dim=-3
        )
        log_scales = F.softplus(raw.reshape(shape) + 5) - 7  # never below -7, where a level is already certain
        return F.log_softmax(logits, dim=-3).unsqueeze(-3), centres.reshape(shape), log_scales

    def log_prob(self, x: Tensor, theta: Tensor) -> Tensor:
        """log of the mass between the edges of x's level; the outermost levels reach to infinity."""
        log_weights, centres, log_scales = self._parts(theta)
        x = x[:, None, None]
        inverse = torch.exp(-log_scales)
        upper, lower = (x - centres + LEVEL / 2) * inverse, (x - centres - LEVEL / 2) * inverse
        # log(sigmoid(upper) - sigmoid(lower)), in a form that loses no digits in either tail
        middle = F.logsigmoid(upper) + F.logsigmoid(-lower) + torch.log(-torch.expm1(-LEVEL * inverse))
        mass = torch.where(
            x < -1 + LEVEL / 2, F.logsigmoid(upper), torch.where(x > 1 - LEVEL / 2, F.logsigmoid(-lower), middle)
        )
        pixel = torch.logsumexp(log_weights + mass.sum(-3, keepdim=True), dim=-4)
        return pixel.flatten(2).sum(-1)

    def mean(self, theta: Tensor) -> Tensor:
        """The mean of the mixture, clipped to [-1, 1]."""
        log_weights, centres, _ = self._parts(theta)
        return (log_weights.exp() * centres.clamp(-1, 1)).sum(-4)

    def start(self, x: Tensor, out_bias: Tensor) -> None:
        """Centres spread over the data's quantiles, scales near the data's spread."""
        m, c = self.mixtures, self.channels
        quantiles = torch.quantile(x.flatten()[:100_000].float(), (torch.arange(m, device=x.device) + 0.5) / m)
        out_bias[m : m + m * c] = quantiles.repeat_interleave(c)[:, None]
        out_bias[m + m * c :] = torch.log(x.std() / m + LEVEL) + 2


def make_likelihood(kind: str, channels: int, *, scale: str | float, mixtures: int) -> Likelihood:
    """The likelihood of a recipe's name."""
    if kind == "bernoulli":
        return Bernoulli(channels)
    return LogisticMixture(channels, mixtures) if kind == "logistic" else Scaled(channels, kind, scale)


def _mean_like(x: Tensor, bias: Tensor) -> Tensor:
    """The data's mean in the shape of a last bias: per pixel (mlp), else per channel over sub-pixels."""
    c = x.shape[1]
    if bias.shape == (c, x[0, 0].numel()):
        return x.mean(0).reshape(bias.shape)
    return x.mean((0, 2, 3))[:, None].expand_as(bias)
