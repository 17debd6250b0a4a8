"""Means and their errors, from numbers that come in batches and are not kept."""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from reverie.measure.value import Value

Floats = NDArray[np.float64]


class Moments:
    """Mean and variance of rows, one batch at a time, in float64 (Chan, Golub and LeVeque 1983, eq. 1.5).

    Example:
        >>> import torch
        >>> seen = Moments(); seen.add(torch.tensor([1.0, 2.0])); seen.add(torch.tensor([6.0]))
        >>> float(seen.mean), float(seen.variance)
        (3.0, 7.0)
    """

    def __init__(self) -> None:
        self.n = 0
        self.mean: Floats = np.zeros(())
        self._square: Floats = np.zeros(())

    def add(self, rows: Tensor | Floats) -> None:
        """Takes in rows (b,) or (b, d)."""
        new = rows.double().cpu().numpy() if isinstance(rows, Tensor) else rows
        count, mean = len(new), new.mean(axis=0)
        shift, total = mean - self.mean, self.n + count
        self._square = self._square + ((new - mean) ** 2).sum(axis=0) + shift**2 * (self.n * count / total)
        self.mean = self.mean + shift * (count / total)
        self.n = total

    @property
    def variance(self) -> Floats:
        """Unbiased, over the rows seen; two at least."""
        return self._square / (self.n - 1)

    @property
    def standard_error(self) -> Floats:
        """Of the mean."""
        return np.sqrt(self.variance / self.n)

    def value(self, unit: str) -> Value:
        """The mean of plain numbers with its standard error."""
        return Value(float(self.mean), float(self.standard_error), self.n, unit)


def mean_value(numbers: Floats, unit: str) -> Value:
    """The mean of independent numbers (n,) with its standard error."""
    moments = Moments()
    moments.add(numbers)
    return moments.value(unit)


def jackknife(whole: float, left_out: Floats) -> tuple[float, float]:
    """An estimate freed of its bias of order 1/n, and its standard error, by leaving out one group at a time.

    Delete-a-group jackknife (Shao and Tu 1995, section 2.3).

    Args:
        whole: the estimate from everything.
        left_out: the estimate without group g, for each of G equal groups, (G,).
    """
    groups = len(left_out)
    error = np.sqrt((groups - 1) / groups * ((left_out - left_out.mean()) ** 2).sum())
    return float(groups * whole - (groups - 1) * left_out.mean()), float(error)
