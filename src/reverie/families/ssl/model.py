"""The self-supervised encoder, and the nets behind it that only its training uses."""

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reverie.core.capability import Encodes


class Projector(nn.Module):
    """Linear layers with batch statistics and a ReLU between them (Chen et al. 2020, section 2.1).

    The statistics are always those of the batch: the net is never asked for a single image.

    Args:
        num_in: width of the input.
        width: of every layer's output.
        layers: linear layers; 0 passes its input on.
    """

    def __init__(self, num_in: int, width: int, layers: int) -> None:
        super().__init__()
        self.linears = nn.ModuleList(nn.Linear(num_in if i == 0 else width, width) for i in range(layers))
        self.norms = nn.ModuleList(nn.BatchNorm1d(width, track_running_stats=False) for _ in range(layers - 1))
        self.num_out = width if layers else num_in

    def forward(self, x: Tensor) -> Tensor:
        """(n, num_in) -> (n, num_out)."""
        for index, linear in enumerate(self.linears):
            x = linear(x)
            if index < len(self.norms):
                x = F.relu(self.norms[index](x))
        return x


class Student(nn.Module):
    """An encoder and its projector: what a teacher is a slow copy of.

    Args:
        encoder: (n, c, h, w) -> (n, features).
        projector: (n, features) -> (n, width).
    """

    def __init__(self, encoder: nn.Module, projector: Projector) -> None:
        super().__init__()
        self.encoder, self.projector = encoder, projector

    def forward(self, x: Tensor) -> Tensor:
        """Images to projections."""
        return self.projector(self.encoder(x))


class Ssl(nn.Module, Encodes):
    """An encoder of images that learnt without labels.

    Args:
        student: encoder and projector, which learn.
        latent_dim: width of the code.
        predictor: guesses the teacher's projection from the student's; None without one.
        taught: keep a teacher, a slow copy of the student that gradients never reach.
    """

    def __init__(self, student: Student, *, latent_dim: int, predictor: nn.Module | None, taught: bool) -> None:
        super().__init__()
        self.student, self.predictor, self.latent_dim = student, predictor, latent_dim
        self.teacher = copy.deepcopy(student).requires_grad_(False) if taught else None
        self._taught_at = -1

    def encode(self, images: Tensor, *, labels: Tensor | None = None) -> Tensor:
        """The code of each image, (n, latent_dim); differentiable where gradients are enabled."""
        device = next(self.student.parameters()).device
        return self.student.encoder(images.to(device)).float()

    @torch.no_grad()
    def teach(self, keep: float, images: int) -> None:
        """Moves the teacher towards the student, once for each moment of a training (Grill et al. 2020, eq. 1).

        Args:
            keep: share that the teacher keeps of itself.
            images: training images seen, which names the moment.
        """
        if self.teacher is not None and self._taught_at != images:
            slow: list[Tensor] = list(self.teacher.parameters())
            quick: list[Tensor] = list(self.student.parameters())
            torch._foreach_lerp_(slow, quick, 1 - keep)
            self._taught_at = images
