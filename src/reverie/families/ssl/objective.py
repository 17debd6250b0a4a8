"""The objectives, top to bottom: what makes two views of an image agree, and what keeps different images apart.

x: images (b, c, h, w).   a, b: projections (n, d) of two views of the same n images.   Means over the images in hand:
with several ranks or micro-batches an image is compared with those of its own part.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reverie.core.family import Batch, Moment, Terms
from reverie.data.augment.views import Strength, view
from reverie.families.ssl.model import Ssl
from reverie.families.ssl.recipe import SslSection

Project = Callable[[nn.Module, Tensor], Tensor]


@dataclass(frozen=True)
class Seen:
    """What one batch gave.

    Args:
        a: projections of one view of every image, (n, d).
        b: of another.
        guess: of both, what the student thinks that the teacher says of the other view, (2 n, d); None untaught.
        target: what it says, (2 n, d).
    """

    a: Tensor
    b: Tensor
    guess: Tensor | None = None
    target: Tensor | None = None


def project(net: nn.Module, x: Tensor) -> Tensor:
    """What a student or its teacher makes of images, (n, d): all of a training step that is worth compiling."""
    return net(x)


def terms(
    model: Ssl, batch: Batch, moment: Moment, ssl: SslSection, strength: Strength, project: Project = project
) -> Terms:
    """The loss of one batch: two views of every image through the encoder and its projector.

    `project` may be the function of that name compiled.
    `watch` has the spread of the projections (1: all directions alike, 0: one point) and the views' cosine.
    """
    rng = moment.rng.spawn("views")
    with torch.no_grad():
        x = torch.cat([view(batch.images, rng.spawn(which), strength) for which in ("a", "b")])
    projected = project(model.student, x).float()
    guess, target = taught(model, x, projected, moment, ssl.teacher, project)
    with torch.autocast(x.device.type, enabled=False):  # the sums over images stay in fp32
        a, b = projected.chunk(2)
        loss = METHODS[ssl.method](Seen(a, b, guess, target), ssl)
        unit_a, unit_b = F.normalize(a.detach(), dim=1), F.normalize(b.detach(), dim=1)
        watch = {"spread": spread(unit_a), "view_cosine": (unit_a * unit_b).sum(1).mean()}
    return Terms(loss, watch)


def taught(
    model: Ssl, x: Tensor, projected: Tensor, moment: Moment, keep: float, project: Project = project
) -> tuple[Tensor, Tensor] | tuple[None, None]:
    """Moves the teacher, and returns the student's guesses and what they should be; nothing without a teacher.

    The share that the teacher keeps of itself climbs to 1 over the budget (Grill et al. 2020, appendix J).
    """
    if model.teacher is None:
        return None, None
    model.teach(1 - (1 - keep) * (math.cos(math.pi * moment.fraction) + 1) / 2, moment.images)
    with torch.no_grad():
        target = project(model.teacher, x).float().roll(len(x) // 2, 0)  # what it says of the other view
    return (projected if model.predictor is None else model.predictor(projected).float()), target


def simclr(seen: Seen, ssl: SslSection) -> dict[str, Tensor]:
    """Find the other view of an image among all views of all images (Chen et al. 2020)."""
    return {"contrast": nt_xent(seen.a, seen.b, temperature=ssl.temperature)}


def vicreg(seen: Seen, ssl: SslSection) -> dict[str, Tensor]:
    """Views agree, every dimension keeps a deviation of 1, and no two say the same (Bardes et al. 2022, eq. 6)."""
    a, b = seen.a, seen.b
    return {
        "invariance": ssl.invariance * F.mse_loss(a, b),
        "variance": ssl.variance * 0.5 * (lack_of_variance(a) + lack_of_variance(b)),
        "covariance": ssl.covariance * (redundancy(a) + redundancy(b)),
    }


def byol(seen: Seen, ssl: SslSection) -> dict[str, Tensor]:
    """The student guesses what a slow copy of itself says of the other view (Grill et al. 2020, eqs. 1 and 2)."""
    guess, target = (seen.a, seen.b) if seen.guess is None or seen.target is None else (seen.guess, seen.target)
    return {"distillation": cosine_distance(guess, target)}


def nt_xent(a: Tensor, b: Tensor, *, temperature: float) -> Tensor:
    """Normalised temperature-scaled cross entropy (Chen et al. 2020, eq. 1), the mean over all 2 n views."""
    z = F.normalize(torch.cat([a, b]), dim=1)
    n = len(a)
    similar = z @ z.T / temperature
    similar = similar.masked_fill(torch.eye(2 * n, dtype=torch.bool, device=z.device), -math.inf)
    partner = torch.arange(2 * n, device=z.device).roll(n)
    return F.cross_entropy(similar, partner)


def lack_of_variance(z: Tensor) -> Tensor:
    """Mean over dimensions of max(0, 1 - sqrt(Var(z_j) + 1e-4)) (Bardes et al. 2022, eqs. 1 and 2)."""
    return F.relu(1 - (z.var(0) + 1e-4).sqrt()).mean()


def redundancy(z: Tensor) -> Tensor:
    """Sum of squared covariances between different dimensions, over their number (Bardes et al. 2022, eqs. 3, 4)."""
    centred = z - z.mean(0)
    covariance = centred.T @ centred / (len(z) - 1)
    return (covariance.square().sum() - covariance.diagonal().square().sum()) / z.shape[1]


def cosine_distance(guess: Tensor, target: Tensor) -> Tensor:
    """Mean of 2 - 2 cos, the squared distance of unit vectors (Grill et al. 2020, eq. 2)."""
    return 2 - 2 * F.cosine_similarity(guess, target, dim=1).mean()


def spread(unit: Tensor) -> Tensor:
    """sqrt(d) times the mean deviation of unit vectors' coordinates: 1 on the whole sphere, 0 at one point (Chen and
    He 2021, section 4.1)."""
    return math.sqrt(unit.shape[1]) * unit.std(0).mean()


Loss = Callable[[Seen, SslSection], dict[str, Tensor]]
METHODS: dict[str, Loss] = {"simclr": simclr, "vicreg": vicreg, "byol": byol}
