"""Kernel distance: squared maximum mean discrepancy with a cubic kernel, over all pairs (Binkowski et al. 2018)."""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from reverie.measure.sets.features import GROUPS, Features, checked_pair, dealt, student_factor
from reverie.measure.value import Value

_LEAST, _BLOCK = 10, 512
# Errors from 0 up to which two models may be equal. With fewer, equals are too often taken to differ, which widens
# their intervals; with more, models that err in opposite ways are taken for equals, which narrows theirs ("alike" and
# "opposed" in `benchmarks/intervals.py`).
_ALIKE = 2.4


@final
@dataclass(frozen=True)
class Kernels:
    """Sums of the kernel over pairs of groups of images, no image beside itself, which errors come from.

    Args:
        made: samples, (n, d).
        within: of samples with samples, (G, G) float64.
        between: of samples with real images, (G, G) float64.
        real: of real images with real images, (G, G) float64.
        num_real: how many of those there are.
    """

    made: Tensor
    within: Tensor
    between: Tensor
    real: Tensor
    num_real: int

    @property
    def groups(self) -> int:
        """G."""
        return len(self.within)

    def estimate(self) -> Value:
        """The unbiased estimate of MMD^2 with its errors."""
        n, m = len(self.made), self.num_real
        own = self.within.sum() / (n * (n - 1)) + self.real.sum() / (m * (m - 1))
        error, null = pairs_errors(self.pairs())
        return Value(float(own - 2 * self.between.sum() / (n * m)), error, n, "", null=null)

    def pairs(self) -> Tensor:
        """What a pair of groups adds to MMD^2 on average, (G, G), symmetric; the diagonal says nothing."""
        made, real = (torch.bincount(dealt(n, self.groups)).double() for n in (len(self.made), self.num_real))
        means = self.between / torch.outer(made, real)
        return self.within / torch.outer(made, made) + self.real / torch.outer(real, real) - means - means.T

    def alike(self, other: "Kernels", block: int = _BLOCK) -> bool:
        """Whether chance alone may be between the samples of two models, sample i of each coming from seed i: their
        squared distance from each other is not beyond what it is between equals in 59 of 60 cases."""
        own = dealt(len(self.made), self.groups)
        size = torch.bincount(own).double()
        across = _sums(self.made, own, other.made, own, block)
        pairs = (self.within + other.within - across - across.T) / torch.outer(size, size)
        distance = (pairs.sum() - pairs.trace()) / (self.groups * (self.groups - 1))
        return abs(float(distance)) <= _ALIKE * pairs_errors(pairs)[1]

    def swaps(self, other: "Kernels", block: int = _BLOCK) -> Tensor:
        """The difference of two estimates, group by group: (G,) whose sum it is and whose signs are chance for equals.

        Exchanging the samples of a group between two models changes the sign of one of these numbers and nothing
        else. Both models are compared with the same real images, sample i of each coming from seed i.
        """
        n, m, own = len(self.made), self.num_real, dealt(len(self.made), self.groups)
        across = _sums(self.made, own, other.made, own, block)
        pure = self.within - other.within + across - across.T
        return pure.sum(1) / (n * (n - 1)) - 2 * (self.between - other.between).sum(1) / (n * m)


def kid(a: Features, b: Features, *, block: int = _BLOCK) -> Value:
    """The unbiased estimate of MMD^2 with k(x, y) = (x.y / d + 1)^3, and its error.

    Every pair counts once, with none of the usual drawing of subsets; n is that of `a`. Equal distributions come out
    about 0, and as often below as above.

    Args:
        a: (n, d).
        b: (m, d).
        block: rows at a time; changes the value by rounding alone.

    Raises:
        ReverieError: a set is too small, not finite or of another width, or all rows of `b` are alike.
    """
    return kernels(a, b, block=block).estimate()


def kernels(a: Features, b: Features, *, block: int = _BLOCK) -> Kernels:
    """The sums that `kid` and its error come from."""
    x, y = checked_pair("kid", a, b, _LEAST)
    groups = min(GROUPS, len(x) // 2, len(y) // 2)
    of_x, of_y = dealt(len(x), groups), dealt(len(y), groups)
    within, real = (_without_own(rows, of, _sums(rows, of, None, of, block)) for rows, of in ((x, of_x), (y, of_y)))
    return Kernels(x, within, _sums(x, of_x, y, of_y, block), real, len(y))


def _without_own(rows: Tensor, group: Tensor, sums: Tensor) -> Tensor:
    """Takes the kernel of each row with itself out of the diagonal."""
    own = (rows.double().square().sum(1) / rows.shape[1] + 1) ** 3
    return sums - torch.diag(torch.zeros(len(sums), dtype=torch.float64).index_add_(0, group, own))


def _sums(x: Tensor, group: Tensor, other: Tensor | None, other_group: Tensor, block: int) -> Tensor:
    """Sums of the kernel over pairs of x and another set, by groups: (G, G) float64.

    Args:
        x: (n, d).
        group: of each row, (n,).
        other: (m, d); None for x itself, at half the work.
        other_group: as `group`, of the other set.
        block: rows at a time.
    """
    num, one = int(group.max()) + 1, torch.ones((), dtype=x.dtype)
    of_x, of_y = (torch.eye(num, dtype=torch.float64)[of] for of in (group, other_group))
    sums = torch.zeros(num, num, dtype=torch.float64)
    for first in range(0, len(x), block):
        rows, groups = x[first : first + block], of_x[first : first + block]
        start = first if other is None else 0
        columns = (x if other is None else other)[start:]
        kernel = torch.addmm(one, rows, columns.T, alpha=1 / x.shape[1]).pow_(3).double()
        table = groups.T @ (kernel @ of_y[start:])
        if other is None:
            # Of pairs with later blocks, the other order is still missing.
            table = table + (table - groups.T @ (kernel[:, : len(rows)] @ groups)).T
        sums += table
    return sums


def pairs_errors(pairs: Tensor) -> tuple[float, float]:
    """Standard errors of the mean over pairs of different groups, a U-statistic of order 2 (Hoeffding 1948, eq. 5.13).

    Both of its variance components are estimated without bias, from products over different groups. The one of single
    groups vanishes between equal distributions: the second error is without it.

    Args:
        pairs: what a pair of groups adds to MMD^2, on average, (G, G), symmetric; the diagonal is not used.
    """
    groups, table = len(pairs), pairs - torch.diag(pairs.diagonal())
    squares, rows, total = table.square().sum(), table.sum(1).square().sum(), table.sum().square()
    both = squares / (groups * (groups - 1))
    one = (rows - squares) / (groups * (groups - 1) * (groups - 2))
    none = (total - 4 * rows + 2 * squares) / (groups * (groups - 1) * (groups - 2) * (groups - 3))
    degenerate = 2 * (both - none).clamp_min(0)
    # The component of single groups may come out below 0.
    whole = 4 * (groups - 2) * (one - none).clamp_min(0) + degenerate
    root = student_factor(groups - 1) / (groups * (groups - 1)) ** 0.5
    return root * float(whole.sqrt()), root * float(degenerate.sqrt())
