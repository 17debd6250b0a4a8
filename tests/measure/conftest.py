"""Models whose numbers are known in closed form, and splits made of tensors."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from reverie.core.capability import Decodes, Encodes, Reconstructs, Samples, Scores
from reverie.core.family import Batch
from reverie.core.rng import Rng, normal_by_seed
from reverie.core.spec import DataSpec


class TensorItems:
    """A split held in memory."""

    def __init__(self, images: Tensor, labels: Tensor | None = None, kind: str = "images") -> None:
        self.images, self.labels = images, labels
        channels, height, width = images.shape[1:]
        self.spec = DataSpec(channels=channels, height=height, width=width, kind=kind)
        self.asked: list[int] = []

    def __len__(self) -> int:
        return len(self.images)

    def batch(self, index: np.ndarray) -> Batch:
        self.asked += index.tolist()
        return Batch(self.images[index], None if self.labels is None else self.labels[index])


class LinearGaussian(nn.Module, Samples, Encodes, Decodes, Reconstructs, Scores):
    """x = W z + sigma e in float64, with orthogonal columns in W, so that the posterior is diagonal.

    q(z | x) is the exact posterior with its mean shifted and its deviation stretched.
    """

    shape, latent_dim, sigma, discrete = (1, 2, 3), 2, 0.5, False

    def __init__(self, shift: float = 0.0, stretch: float = 1.0) -> None:
        super().__init__()
        basis = torch.linalg.qr(torch.randn(6, 2, generator=torch.Generator().manual_seed(3), dtype=torch.float64))[0]
        self.w = nn.Parameter(basis * torch.tensor([1.3, 0.6]))
        self.dropout = nn.Dropout(0.5)
        self.shift, self.stretch = shift, stretch
        self.encoded, self.drawn = 0, []

    @property
    def variance(self) -> Tensor:
        """Of the exact posterior, (2,)."""
        return 1 / (1 + self.w.square().sum(0) / self.sigma**2)

    def generate(self, n: int, seed: int) -> Tensor:
        rng = torch.Generator().manual_seed(seed)
        z, e = (torch.randn(n, d, generator=rng, dtype=torch.float64) for d in (2, 6))
        return (z @ self.w.detach().T + self.sigma * e).view(n, *self.shape).float()

    def log_p(self, images: Tensor) -> Tensor:
        """Exact, from the marginal N(0, W W' + sigma^2 I)."""
        covariance = self.w @ self.w.T + self.sigma**2 * torch.eye(6, dtype=torch.float64)
        normal = torch.distributions.MultivariateNormal(torch.zeros(6, dtype=torch.float64), covariance)
        return normal.log_prob(images.double().flatten(1)).detach()

    def bound_gap(self) -> float:
        """KL(q || exact posterior), the same for every image."""
        stretched = 2 * (self.stretch**2 - 1 - 2 * math.log(self.stretch))
        return 0.5 * (stretched + float((self.shift**2 / self.variance.detach()).sum()))

    def encode(self, images: Tensor, *, labels: Tensor | None = None) -> Tensor:
        self.encoded += len(images)
        return images.double().flatten(1) @ self.w * self.variance / self.sigma**2 + self.shift

    def decode(self, latents: Tensor, *, labels: Tensor | None = None) -> Tensor:
        return (latents.double() @ self.w.T).view(-1, *self.shape)

    def latents(self, seeds: Sequence[int]) -> Tensor:
        return normal_by_seed(seeds, 2)

    def sample(self, seeds: Sequence[int], *, labels: Tensor | None = None, truncation: float = 1.0) -> Tensor:
        return self.decode(self.latents(seeds))

    def reconstruct(self, images: Tensor, *, labels: Tensor | None = None) -> Tensor:
        return self.decode(self.encode(images))

    def draw(self, images: Tensor, rng: Rng, *, labels: Tensor | None = None) -> Tensor:
        return self.encode(images) + self.stretch * self.variance.sqrt() * rng.normal(2).double()

    def scorer(self, images: Tensor, *, labels: Tensor | None = None) -> Callable[[int, Rng], Tensor]:
        mean, deviation = self.encode(images)[:, None], self.stretch * self.variance.sqrt()
        x = images.double().flatten(1)[:, None]

        def score(s: int, rng: Rng) -> Tensor:
            self.drawn.append((len(images), s))
            eps = rng.normal(s, 2).double()
            z = mean + deviation * eps
            normal = torch.distributions.Normal
            log_q = normal(mean, deviation).log_prob(z).sum(-1)
            log_prior = normal(0.0, 1.0).log_prob(z).sum(-1)
            return normal(z @ self.w.T, self.sigma).log_prob(x).sum(-1) + log_prior - log_q

        return score

    def kl_per_dimension(self, images: Tensor, *, labels: Tensor | None = None) -> Tensor:
        mean, variance = self.encode(images), self.stretch**2 * self.variance
        return 0.5 * (mean.square() + variance - 1 - variance.log())


class Reconstructor(Reconstructs):
    """Passes images through a function."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        self.function = function

    def reconstruct(self, images: Tensor, *, labels: Tensor | None = None) -> Tensor:
        return self.function(images)


class Sampler(Samples):
    """Samples that are rows of a tensor, whatever the seeds."""

    def __init__(self, images: Tensor) -> None:
        self.images, self.given, self.labels = images, 0, []

    def sample(self, seeds: Sequence[int], *, labels: Tensor | None = None, truncation: float = 1.0) -> Tensor:
        rows = self.images[self.given : self.given + len(seeds)]
        self.given += len(seeds)
        self.labels += [] if labels is None else labels.tolist()
        return rows


@pytest.fixture(scope="session")
def tensor_items() -> type[TensorItems]:
    return TensorItems


@pytest.fixture
def linear_gaussian() -> type[LinearGaussian]:
    return LinearGaussian


@pytest.fixture
def reconstructor() -> type[Reconstructor]:
    return Reconstructor


@pytest.fixture
def sampler() -> type[Sampler]:
    return Sampler


@pytest.fixture
def scenes() -> Callable[[int], Tensor]:
    """Smooth random 1/f images with an edge or two, n of 3 x 24 x 20, rounded to 8 bits."""

    def draw(n: int, seed: int = 0) -> Tensor:
        rng = torch.Generator().manual_seed(seed)
        down, across = torch.fft.fftfreq(24)[:, None], torch.fft.fftfreq(20)
        envelope = 1 / (down.square() + across.square()).sqrt().clamp_min(1 / 24)
        noise = torch.fft.fft2(torch.randn(n, 3, 24, 20, generator=rng)) * envelope
        images = torch.fft.ifft2(noise).real
        images = images / images.std((1, 2, 3), keepdim=True) * 0.4
        return ((images.clamp(-1, 1) + 1) * 127.5).round() / 127.5 - 1

    return draw
