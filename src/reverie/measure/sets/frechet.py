"""Frechet distance between normal distributions fitted to two sets of features (Dowson and Landau 1982).

    |mu_a - mu_b|^2 + tr S_a + tr S_b - 2 tr (S_a S_b)^(1/2)

Rows go into sums and are forgotten, so that a million images take no more memory than ten thousand.
"""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from reverie.core.errors import ReverieError
from reverie.measure.sets.features import GROUPS, Features, checked, jackknife_error
from reverie.measure.value import Value

# Rows a group that are kept until there are enough for a product of matrices to be quick.
_WAITING = 256
# Rounding of a symmetric eigenvalue solver, in units of the largest eigenvalue; and what of it may reach the result.
_ROUNDING, _ALLOWED = 16 * torch.finfo(torch.float64).eps, 1e-8


@dataclass(frozen=True)
class Moments:
    """Mean and covariance of features.

    Args:
        n: rows behind them.
        mean: (d,) float64.
        covariance: (d, d) float64, unbiased.
    """

    n: int
    mean: Tensor
    covariance: Tensor


@final
class Groups:
    """Moments of rows that come in batches, in float64, over all and without each of some groups.

    Row i belongs to group i modulo `groups`; batches do not matter.

    Args:
        dim: features a row.
        groups: how many; each takes dim^2 / 2 numbers.

    Example:
        >>> import numpy as np
        >>> seen = Groups(2, 2); seen.add(np.array([[0.0, 0.0], [2.0, 0.0]])); seen.add(np.array([[4.0, 6.0]]))
        >>> seen.n, seen.moments().mean.tolist(), seen.moments().covariance.tolist()
        (3, [2.0, 2.0], [[4.0, 6.0], [6.0, 12.0]])
    """

    def __init__(self, dim: int, groups: int = GROUPS) -> None:
        self.dim, self.groups, self.n = dim, groups, 0
        self._lower = torch.tril_indices(dim, dim)
        self._counts = torch.zeros(groups, dtype=torch.float64)
        self._sums = torch.zeros(groups, dim, dtype=torch.float64)
        self._squares = torch.zeros(groups, self._lower.shape[1], dtype=torch.float64)
        self._origin: Tensor | None = None
        self._waiting: list[Tensor] = []
        self._absorbed = 0

    def add(self, features: Features) -> None:
        """Takes in rows (b, dim); none is fine.

        Raises:
            ReverieError: they are of another width, or not finite.
        """
        if not len(features):
            return
        rows = checked(features, "frechet: the features", 1)
        if rows.shape[1] != self.dim:
            raise ReverieError(
                f"frechet: the features are {rows.shape[1]} wide, {self.dim} were expected. Use one extractor for all."
            )
        # A copy, since the caller may fill the same array again.
        self._waiting.append(rows.clone())
        self.n += len(rows)
        if self.n - self._absorbed >= _WAITING * self.groups:
            self._absorb()

    def moments(self, without: int | None = None) -> Moments:
        """Of all rows, or of all but one group's.

        Raises:
            ReverieError: fewer than two rows remain.
        """
        self._absorb()
        kept = torch.ones(self.groups, dtype=torch.float64)
        if without is not None:
            kept[without] = 0
        n = int(kept @ self._counts)
        if n < 2 or self._origin is None:
            raise ReverieError(f"frechet: {n} images are too few for a covariance. Ask for more images.")
        shift = kept @ self._sums / n
        square = torch.zeros(self.dim, self.dim, dtype=torch.float64)
        square[self._lower[0], self._lower[1]] = kept @ self._squares
        square = square + square.tril(-1).T
        return Moments(n, self._origin + shift, (square - n * torch.outer(shift, shift)) / (n - 1))

    def _absorb(self) -> None:
        """Adds the waiting rows to the sums, about the mean of the first of them, so that no digits cancel."""
        if not self._waiting:
            return
        rows = torch.cat(self._waiting).double()
        if self._origin is None:
            self._origin = rows.mean(0)
        rows -= self._origin
        for group in range(self.groups):
            part = rows[(group - self._absorbed) % self.groups :: self.groups]
            self._counts[group] += len(part)
            self._sums[group] += part.sum(0)
            self._squares[group] += (part.T @ part)[self._lower[0], self._lower[1]]
        self._absorbed += len(rows)
        self._waiting.clear()


def frechet(a: Moments, b: Moments) -> float:
    """The squared Frechet distance of two normal distributions, as it comes out of the moments, bias included.

    Exact to rounding for singular covariances too.

    Example:
        >>> unit, wide = torch.eye(2).double(), 4 * torch.eye(2).double()
        >>> frechet(Moments(9, torch.zeros(2).double(), unit), Moments(9, torch.ones(2).double(), wide))
        4.0
    """
    _same_width(a.mean.shape[0], b.mean.shape[0])
    root = _quick(a.covariance, factor := _factor(b.covariance))
    if root is None:
        root = float(torch.linalg.svdvals(_factor(a.covariance).T @ factor).sum())
    return _combined(a, b, root)


def frechet_of_features(x: Features, y: Features) -> float:
    """The squared Frechet distance of normal distributions fitted to two sets, for as few rows as there are.

    With fewer rows than features it takes tr (S_a S_b)^(1/2) as the nuclear norm of X Y' over the centred rows.

    Args:
        x: (n, d), n >= 2.
        y: (m, d), m >= 2.
    """
    rows = [checked(part, "frechet: the features").double() for part in (x, y)]
    _same_width(rows[0].shape[1], rows[1].shape[1])
    moments: list[Moments] = []
    centred: list[Tensor] = []
    for part in rows:
        mean = part.mean(0)
        centred.append((part - mean) / (len(part) - 1) ** 0.5)
        moments.append(Moments(len(part), mean, centred[-1].T @ centred[-1]))
    if min(len(part) for part in rows) >= rows[0].shape[1]:
        return frechet(moments[0], moments[1])
    return _combined(moments[0], moments[1], float(torch.linalg.svdvals(centred[0] @ centred[1].T).sum()))


def distance(a: Groups, b: Groups) -> Value:
    """The squared Frechet distance with a jackknife's error, freed of its bias of order 1/n; n is that of `a`.

    Equal distributions come out about 0, and as often below as above.
    The same group is left out of both sets at once, so that the chance of both counts.

    Raises:
        ReverieError: a set has fewer than two rows a feature, or they differ in width or in groups.
    """
    return traced(a, b)[0]


def traced(a: Groups, b: Groups) -> tuple[Value, Tensor]:
    """`distance`, and the distances without each of the groups, (G,) float64, that its error comes from."""
    _same_width(a.dim, b.dim)
    if a.groups != b.groups:
        raise ReverieError(f"frechet: the sets have {a.groups} and {b.groups} groups. Use as many for both.")
    for set_ in (a, b):
        _enough(set_)
    one, two = a.moments(), b.moments()
    left_out = torch.tensor([_roughly(a.moments(g), b.moments(g)) for g in range(a.groups)], dtype=torch.float64)
    # Against the same solver's value of the whole: its rounding is then in both, and goes.
    bias = (a.groups - 1) * (float(left_out.mean()) - _roughly(one, two))
    error = float(jackknife_error(left_out))
    # Between equal distributions only a quadratic form is left, whose variance a jackknife doubles.
    return Value(frechet(one, two) - bias, error, a.n, "", null=error / 2**0.5), left_out


def influence(rows: Tensor, at: Moments, b: Moments) -> Tensor:
    """What one more row adds to n times the distance of `at` from `b`, to first order, up to a constant: (n,) float64.

    (x - mu)' (I - T) (x - mu) + 2 (mu - mu_b)' x, where T = R (R S R)^(-1/2) R, R = S_b^(1/2), is the map of optimal
    transport from `at` to `b` (Dowson and Landau 1982; Bhatia, Jain and Lim 2019, section 4).

    Args:
        rows: (n, d).
        at: where the derivative is taken.
        b: the other distribution.
    """
    factor = _factor(b.covariance)
    values, vectors = torch.linalg.eigh(factor.T @ at.covariance @ factor)
    kept = values > _ROUNDING * values[-1:].clamp_min(0)
    half = factor @ (vectors[:, kept] * values[kept] ** -0.25)
    centred = rows.double() - at.mean
    spread = centred.square().sum(1) - (centred @ half).square().sum(1)
    return spread + 2 * centred @ (at.mean - b.mean)


def warning(n: int, dim: int) -> str | None:
    """What to tell a person of a distance from n rows of `dim` features; None when there is nothing.

    Example:
        >>> warning(200, 80)
        'frechet: 200 images are few for 80 features, and a little bias remains. Ask for 240, or use kid.'
    """
    if n >= 3 * dim:
        return None
    return (
        f"frechet: {n:,} images are few for {dim:,} features, and a little bias remains. "
        f"Ask for {3 * dim:,}, or use kid."
    )


def _enough(groups: Groups) -> None:
    if groups.n < max(2 * groups.dim, 2 * groups.groups):
        least = max(2 * groups.dim, 2 * groups.groups)
        raise ReverieError(
            f"frechet: needs at least {least:,} images for {groups.dim:,} features, got {groups.n:,}. "
            "Ask for more, use kid, or an extractor with fewer features."
        )


def _same_width(a: int, b: int) -> None:
    if a != b:
        raise ReverieError(f"frechet: the sets have {a} and {b} features. Use one extractor for both.")


def _combined(a: Moments, b: Moments, root: float) -> float:
    traces = torch.trace(a.covariance) + torch.trace(b.covariance)
    return float((a.mean - b.mean).square().sum() + traces) - 2 * root


def _roughly(a: Moments, b: Moments) -> float:
    """The distance by the quick solver alone: where a covariance is near singular, right to 1e-6 or so."""
    return _combined(a, b, float(_eigenvalues(a.covariance, _factor(b.covariance)).clamp_min(0).sqrt().sum()))


def _factor(covariance: Tensor) -> Tensor:
    """L with L L' = the covariance, (d, r): Cholesky's, or of the r directions with variance where it is singular."""
    factor, failed = torch.linalg.cholesky_ex(covariance)
    if not int(failed):
        return factor
    variances, directions = torch.linalg.eigh(covariance)
    kept = variances > _ROUNDING * variances[-1].clamp_min(0)
    return directions[:, kept] * variances[kept].sqrt()


def _eigenvalues(covariance: Tensor, factor: Tensor) -> Tensor:
    """Eigenvalues of L' S L, which are those of S L L' without its zeros: real and not negative but for rounding."""
    return torch.linalg.eigvalsh(factor.T @ covariance @ factor)


def _quick(covariance: Tensor, factor: Tensor) -> float | None:
    """tr (S L L')^(1/2), or None when rounding of small eigenvalues, which the root blows up, could be felt."""
    if not factor.shape[1]:
        return 0.0
    values = _eigenvalues(covariance, factor)
    noise = _ROUNDING * values[-1].clamp_min(0)
    total = values.clamp_min(0).sqrt().sum()
    error = (noise / (2 * values.clamp_min(noise).sqrt())).sum() + noise.sqrt() * (values < noise).sum()
    return float(total) if float(error) <= _ALLOWED * float(total) else None


def moments_of(features: Features) -> Moments:
    """Mean and covariance of rows (n, d) that are all at hand."""
    rows = checked(features, "frechet: the features").double()
    mean = rows.mean(0)
    centred = rows - mean
    return Moments(len(rows), mean, centred.T @ centred / (len(rows) - 1))
