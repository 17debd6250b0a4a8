"""What a trained model can do. Tasks and metrics ask for these, never for a family.

Images are float in [-1, 1], NCHW. Latents are float, (n, latent_dim). Everything runs without gradients unless said.
A model that is not conditional ignores `labels`, so that a caller may always pass those it has.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from torch import Tensor

from reverie.core.rng import Rng


class Samples(ABC):
    """Makes new images.

    Attributes:
        num_classes: labels that `sample` can be asked for; 0 when it takes none.
    """

    num_classes: int = 0

    @abstractmethod
    def sample(self, seeds: Sequence[int], *, labels: Tensor | None = None, truncation: float = 1.0) -> Tensor:
        """One image a seed; image i depends on seeds[i] (and its label) alone, not on the rest of the batch.

        Args:
            seeds: one non-negative integer per image.
            labels: class indices, (n,) int64; drawn from the seeds when a conditional model gets none.
            truncation: 1 samples the whole distribution; smaller values trade variety for typicality.
        Returns:
            images (n, c, h, w) in [-1, 1].
        """


class Encodes(ABC):
    """Maps images to latents."""

    latent_dim: int

    @abstractmethod
    def encode(self, images: Tensor, *, labels: Tensor | None = None) -> Tensor:
        """The representative latent (a posterior mean, for a VAE) of each image: (n, latent_dim)."""


class Decodes(ABC):
    """Maps latents to images, and knows how latents are distributed."""

    latent_dim: int

    @abstractmethod
    def latents(self, seeds: Sequence[int]) -> Tensor:
        """Latents drawn from the prior, one a seed: (n, latent_dim)."""

    @abstractmethod
    def decode(self, latents: Tensor, *, labels: Tensor | None = None) -> Tensor:
        """The image of each latent (the likelihood's mean): (n, c, h, w) in [-1, 1]."""


class Reconstructs(ABC):
    """Passes images through its bottleneck."""

    @abstractmethod
    def reconstruct(self, images: Tensor, *, labels: Tensor | None = None) -> Tensor:
        """What is left of each image after the bottleneck: same shape, in [-1, 1]."""


class Scores(ABC):
    """Knows a likelihood.

    Attributes:
        discrete: True when `scorer` weighs a probability mass, of 8-bit levels or of binary values; False when it
            weighs a density over values in [-1, 1], whose zero point moves with the unit of the values.
    """

    discrete: bool

    @abstractmethod
    def scorer(
        self, images: Tensor, *, labels: Tensor | None = None, compiled: bool = False
    ) -> Callable[[int, Rng], Tensor]:
        """Encodes the images once and returns f(s, rng) -> log importance weights in nats, (n, s), float32.

        log w = log p(x | z) + log p(z) - log q(z | x) for z ~ q(z | x); its mean over s estimates the ELBO, and
        logsumexp(log w) - log s the log-likelihood (Burda et al. 2016, eq. 8). `compiled` asks for the same numbers,
        up to rounding, from a compiler; a model that has no use for one may ignore it.
        """

    @abstractmethod
    def draw(self, images: Tensor, rng: Rng, *, labels: Tensor | None = None) -> Tensor:
        """One draw from q(z | x) for each image, laid out like `Decodes.latents`: (n, latent_dim)."""

    @abstractmethod
    def kl_per_dimension(self, images: Tensor, *, labels: Tensor | None = None) -> Tensor:
        """KL(q(z | x) || p(z)) of every latent dimension, in nats: (n, latent_dim). Where the prior does not
        factorise this is a one-sample estimate against a unit Gaussian."""


class Judges(ABC):
    """Has a critic that tells real images from made ones."""

    @abstractmethod
    def judge(self, images: Tensor, *, labels: Tensor | None = None) -> Tensor:
        """A logit for each image, (n,): the higher, the more real; differentiable where gradients are enabled."""


class Inverts(ABC):
    """Finds latents for real images, by optimisation."""

    latent_dim: int

    @abstractmethod
    def invert(self, images: Tensor, *, labels: Tensor | None = None, steps: int = 200) -> Tensor:
        """Latents (n, latent_dim) whose decoded images are near these; slow, and each image on its own.

        Args:
            images: (n, c, h, w) in [-1, 1].
            labels: (n,) int64, for a conditional model.
            steps: optimisation steps from the initial guess; 0 gives the guess.
        """
