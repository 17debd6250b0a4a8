"""Sliced Wasserstein distance: how far sorted projections of one set must move to become the other's.

Rabin et al. 2012; Bonneel et al. 2015. No shape of distribution is assumed.
"""

import math
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor

from reverie.core.errors import UsageError
from reverie.core.rng import key
from reverie.measure.sets.features import Features, checked_pair, dealt, jackknife_error
from reverie.measure.value import Value

_LEAST = 10
# Sorted projections that are held at a time, in values.
_VALUES = 2**22


@final
@dataclass(frozen=True)
class Projected:
    """What the error of a distance comes from.

    Args:
        left_out: distances without each of the groups, (G,) float64.
        gaps: what each direction adds, (p,) float64.
        made: samples, less the mean of the real images, (n, d).
        real: real images, less their mean, (m, d).
        basis: directions, (d, p).
    """

    left_out: Tensor
    gaps: Tensor
    made: Tensor
    real: Tensor
    basis: Tensor

    def errors(self) -> tuple[float, float]:
        """Of the distance, and what it were between equal distributions: there only a quadratic form is left, whose
        variance a jackknife doubles."""
        of_rows, of_directions = float(jackknife_error(self.left_out)), _of_directions(self.gaps)
        return math.hypot(of_rows, of_directions), math.hypot(of_rows / 2**0.5, of_directions)

    def difference_errors(self, other: "Projected", *, equals: bool) -> tuple[float, float | None]:
        """Of the difference from the distance of another model with the same real images, directions and seeds.

        Args:
            other: the other model's.
            equals: whether the two may be equal; the second error is what it were then.
        """
        of_rows = float(jackknife_error(self.left_out - other.left_out))
        of_directions = _of_directions(self.gaps - other.gaps)
        null = math.hypot(float(self.swaps(other).square().sum().sqrt()), of_directions) if equals else None
        return math.hypot(of_rows, of_directions), null

    def swaps(self, other: "Projected") -> Tensor:
        """The difference of two distances, to second order, image by image: (n,), whose signs are chance for equals.

        A potential whose derivative is the gap to the real images' quantiles says what a sample adds to the distance
        (Santambrogio 2015, section 7.2); it is taken halfway between the two models.
        """
        n = len(self.made)
        both, total = torch.cat([self.made, other.made]), torch.zeros(n, dtype=torch.float64)
        levels = (torch.arange(2 * n) * len(self.real)) // (2 * n)
        for part in self.basis.split(max(1, _VALUES // len(both)), dim=1):
            values, order = (both @ part).T.sort(dim=1)
            slopes = 2 * (values - (self.real @ part).T.sort(dim=1).values[:, levels])
            steps = values.diff(dim=1) * (slopes[:, 1:] + slopes[:, :-1]) / 2
            potential = torch.nn.functional.pad(steps.double().cumsum(1), (1, 0))
            added = torch.empty_like(potential).scatter_(1, order, potential)
            total += (added[:, :n] - added[:, n:]).sum(0)
        return total * (self.made.shape[1] / self.basis.shape[1] / n)


def distance(a: Features, b: Features, *, seed: int, directions: int = 512) -> Value:
    """d times the mean squared 2-Wasserstein distance of projections on random directions, freed of its bias.

    The factor d makes a shift of all rows by v cost |v|^2, as in the Frechet distance. What the means contribute is
    exact; directions matter for the rest, come in orthogonal sets, and their chance is part of the error. A jackknife
    takes the bias of order 1/n, so that equal distributions come out near 0, and may come out below.

    Args:
        a: (n, d).
        b: (m, d).
        seed: decides the directions.
        directions: how many.

    Raises:
        ReverieError: a set is too small, not finite or of another width, or all rows of `b` are alike.
        UsageError: there are fewer than two directions.
    """
    return traced(a, b, seed=seed, directions=directions)[0]


def traced(a: Features, b: Features, *, seed: int, directions: int = 512) -> tuple[Value, Projected]:
    """`distance`, and what its error comes from."""
    if directions < 2:
        raise UsageError(f"sliced_wasserstein: directions must be >= 2, got {directions}. Use 512.")
    x, y = checked_pair("sliced_wasserstein", a, b, _LEAST)
    dim, origin = x.shape[1], y.mean(0)
    x, y = x - origin, y - origin
    basis = orthogonal_directions(dim, directions, seed).to(x.dtype)
    # The same group leaves both sets at once: sizes stay in proportion, and with them what steps of quantiles add.
    groups = min(int(dealt(len(rows)).max()) + 1 for rows in (x, y))
    of_x, of_y = (torch.arange(len(rows)) % groups for rows in (x, y))
    at_once = max(1, _VALUES // (len(x) + len(y)))
    found = [_gaps((x @ part).T, (y @ part).T, of_x, of_y) for part in basis.split(at_once, dim=1)]
    gaps = torch.cat(found, dim=1)
    totals = dim * gaps.mean(1) + (_means(x, of_x) - _means(y, of_y)).square().sum(1)
    bias = (groups - 1) * float(totals[1:].mean() - totals[0])
    behind = Projected(totals[1:], dim * gaps[0], x, y, basis)
    error, null = behind.errors()
    return Value(float(totals[0]) - bias, error, len(x), "", null=null), behind


def _of_directions(gaps: Tensor) -> float:
    return float(gaps.std()) / len(gaps) ** 0.5


def orthogonal_directions(dim: int, count: int, seed: int) -> Tensor:
    """Unit vectors, (dim, count) float64, uniform on the sphere each, orthogonal within every `dim` of them."""
    chance = np.random.default_rng(key(seed, "sliced", "directions"))
    sets: list[Tensor] = []
    for first in range(0, count, dim):
        drawn = torch.from_numpy(chance.standard_normal((dim, min(dim, count - first))))
        q, r = torch.linalg.qr(drawn)
        sets.append(q * r.diagonal().sign())
    return torch.cat(sets, dim=1)


def _gaps(x: Tensor, y: Tensor, of_x: Tensor, of_y: Tensor) -> Tensor:
    """Squared distances of projections (p, n) and (p, m), means taken off: of all, then without each group, (1 + G, p).

    Args:
        x, y: projections.
        of_x, of_y: group of each row, (n,) and (m,).
    """
    (x, order_x), (y, order_y) = x.sort(dim=1), y.sort(dim=1)
    groups_x, groups_y = of_x[order_x], of_y[order_y]
    gaps = [_transport(x, y)]
    for g in range(int(of_x.max()) + 1):
        # A sorted row without some of its values is sorted still.
        gaps.append(_transport(_left(x, groups_x != g), _left(y, groups_y != g)))
    return torch.stack(gaps)


def _left(values: Tensor, kept: Tensor) -> Tensor:
    return values[kept].view(len(values), -1)


def _transport(x: Tensor, y: Tensor) -> Tensor:
    """The integral of the squared gap between two quantile functions less their means, for sorted (p, n) and (p, m)."""
    x, y = x - x.mean(1, keepdim=True), y - y.mean(1, keepdim=True)
    n, m = x.shape[1], y.shape[1]
    if n == m:
        return (x - y).square_().mean(1, dtype=torch.float64)
    # Both functions are constant between multiples of 1/n and of 1/m, in units of 1/nm.
    ends = torch.cat([torch.arange(1, n + 1) * m, torch.arange(1, m + 1) * n]).unique()
    starts = torch.cat([ends.new_zeros(1), ends[:-1]])
    weights = (ends - starts).double() / (n * m)
    return (x[:, starts // m] - y[:, starts // n]).square_().double() @ weights


def _means(rows: Tensor, group: Tensor) -> Tensor:
    """The mean of all rows, then without each group, (1 + G, d) float64."""
    count = torch.bincount(group).double()
    sums = torch.zeros(len(count), rows.shape[1], dtype=torch.float64).index_add_(0, group, rows.double())
    total = sums.sum(0)
    return torch.cat([total[None] / len(rows), (total - sums) / (len(rows) - count)[:, None]])
