"""How well labels can be read from features: nearest neighbours, and ridge regression in closed form.

Neither has anything to tune by hand, so that two encoders differ by what they know and by nothing else.
"""

from dataclasses import dataclass
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor

NEIGHBOURS, TEMPERATURE = 20, 0.1  # Wu et al. 2018, section 3.4, with k for sets of some thousand images
PENALTIES = tuple(10.0**e for e in torch.arange(-8, 2.01, 0.25).tolist())  # in units of the mean eigenvalue
_BLOCK = 2048


def knn_classes(train: Tensor, labels: Tensor, features: Tensor, *, num_classes: int, k: int = NEIGHBOURS) -> Tensor:
    """The class of each row by a vote of its k nearest training rows by cosine, weighted by exp(cosine / 0.1).

    Args:
        train: (m, d).
        labels: of the training rows, (m,) int64.
        features: (n, d).
        num_classes: how many classes there are.
        k: neighbours that vote; at most m.
    Returns:
        (n,) int64.

    Example:
        >>> bank = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
        >>> knn_classes(bank, torch.tensor([0, 1]), torch.tensor([[0.1, 2.0]]), num_classes=2, k=1).tolist()
        [1]
    """
    unit, found = F.normalize(train, dim=1), list[Tensor]()
    for part in features.split(_BLOCK):
        cosine, nearest = (F.normalize(part, dim=1) @ unit.T).topk(min(k, len(train)), dim=1)
        votes = torch.zeros(len(part), num_classes, dtype=cosine.dtype, device=cosine.device)
        votes.scatter_add_(1, labels[nearest], torch.exp((cosine - 1) / TEMPERATURE))
        found.append(votes.argmax(1))
    return torch.cat(found) if found else labels[:0]


@final
@dataclass(frozen=True)
class Ridge:
    """Ridge regression of one-hot labels, and the class of the largest output.

    Args:
        mean: of the training features, (d,) float64.
        weights: (d, num_classes) float64.
        bias: (num_classes,) float64.
        penalty: what was added to the eigenvalues of the features' Gram matrix.
        gcv: generalised cross-validation's squared error at that penalty, per row.
    """

    mean: Tensor
    weights: Tensor
    bias: Tensor
    penalty: float
    gcv: float

    @classmethod
    def fit(
        cls, train: Tensor, labels: Tensor, *, num_classes: int, penalties: tuple[float, ...] = PENALTIES
    ) -> "Ridge":
        """The penalty is the one of the least generalised cross-validation error (Golub et al. 1979, eq. 1.4):
        leave-one-out with every row's leverage replaced by the mean one. In the principal axes of the features
        everything is diagonal, so that one decomposition serves every penalty.

        Args:
            train: (n, d).
            labels: (n,) int64.
            num_classes: how many classes there are.
            penalties: candidates, in units of the mean eigenvalue of the Gram matrix.
        """
        mean = train.double().mean(0)
        target = F.one_hot(labels, num_classes).double()
        bias = target.mean(0)
        target = target - bias
        total = float(target.square().sum())
        s, axes, along = _principal(train, mean, target)
        if not len(s):  # every row is the same
            return cls(mean, torch.zeros_like(axes @ along), bias, 0.0, total / len(train))
        unit = float(s.mean())
        gcv, penalty = min((_gcv(s, along, total, len(train), p * unit), p * unit) for p in penalties)
        return cls(mean, axes @ (along / (s + penalty)[:, None]), bias, penalty, gcv)

    def outputs(self, features: Tensor) -> Tensor:
        """(n, d) -> (n, num_classes), float64."""
        return torch.cat([(part.double() - self.mean) @ self.weights + self.bias for part in features.split(_BLOCK)])

    def classes(self, features: Tensor) -> Tensor:
        """(n, d) -> (n,) int64."""
        return self.outputs(features).argmax(1)


def _principal(train: Tensor, mean: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Eigenvalues (r,) of the centred rows' Gram matrix, their axes (d, r), and axes' X' Y, (r, k).

    The d x d matrix is decomposed, or the n x n one where that is smaller.
    """
    n, d = train.shape
    if n <= d:
        centred = train.double() - mean
        s, left = _positive(*torch.linalg.eigh(centred @ centred.T))
        return s, centred.T @ (left / s.sqrt()), s.sqrt()[:, None] * (left.T @ target)
    gram, cross = mean.new_zeros(d, d), mean.new_zeros(d, target.shape[1])
    for rows, wanted in zip(train.split(_BLOCK), target.split(_BLOCK), strict=True):
        centred = rows.double() - mean
        gram += centred.T @ centred
        cross += centred.T @ wanted
    s, axes = _positive(*torch.linalg.eigh(gram))
    return s, axes, axes.T @ cross


def _positive(s: Tensor, axes: Tensor) -> tuple[Tensor, Tensor]:
    """The part of a decomposition that is not rounding."""
    keep = s > s[-1].clamp_min(0) * 1e-12
    return s[keep], axes[:, keep]


def principal_axes(rows: Tensor, mean: Tensor) -> Tensor:
    """Directions of variance as columns, the smallest first, (d, r) float64.

    Args:
        rows: (n, d).
        mean: of the rows, (d,) float64.
    """
    return _principal(rows, mean, mean.new_zeros(len(rows), 1))[1]


def _gcv(s: Tensor, along: Tensor, total: float, n: int, penalty: float) -> float:
    """n |(I - A) y|^2 / tr(I - A)^2, with A the map from targets to fits; the mean takes one degree of freedom."""
    fitted = (along.square() * ((s + 2 * penalty) / (s + penalty).square())[:, None]).sum()
    residual = max(total - float(fitted), 0.0)
    free = n - 1 - float((s / (s + penalty)).sum())
    return n * residual / free**2 if free > 0.5 else float("inf")
