"""Kernel distance: squared maximum mean discrepancy with a cubic kernel, over all pairs (Binkowski et al. 2018)."""

import torch
from torch import Tensor

from reverie.measure.sets.features import GROUPS, Features, checked_pair, student_factor
from reverie.measure.value import Value

_LEAST = 10


def kid(a: Features, b: Features, *, block: int = 512) -> Value:
    """The unbiased estimate of MMD^2 with k(x, y) = (x.y / d + 1)^3, and its error.

    Every pair counts once, with none of the usual drawing of subsets; n is that of `a`. Equal distributions come out
    about 0, and as often below as above; the error is then up to 1.3 times too large (a jackknife's would be 1.4).

    Args:
        a: (n, d).
        b: (m, d).
        block: rows at a time; changes the value by rounding alone.

    Raises:
        ReverieError: a set is too small, not finite or of another width, or all rows of `b` are alike.
    """
    return traced(a, b, block=block)[0]


def traced(a: Features, b: Features, *, block: int = 512) -> tuple[Value, Tensor]:
    """`kid`, and what each pair of groups adds to it on average, (G, G) float64, which its error comes from."""
    x, y = checked_pair("kid", a, b, _LEAST)
    n, m, groups = len(x), len(y), min(GROUPS, len(x) // 2, len(y) // 2)
    of_x, of_y = (torch.eye(groups).double()[torch.arange(size) % groups] for size in (n, m))
    xx, yy, xy = _sums(x, of_x, None, of_x, block), _sums(y, of_y, None, of_y, block), _sums(x, of_x, y, of_y, block)
    own = [((rows.double().square().sum(1) / x.shape[1] + 1) ** 3).sum() for rows in (x, y)]
    value = (xx.sum() - own[0]) / (n * (n - 1)) + (yy.sum() - own[1]) / (m * (m - 1)) - 2 * xy.sum() / (n * m)
    size_x, size_y = of_x.sum(0), of_y.sum(0)
    means = xy / torch.outer(size_x, size_y)
    pairs = xx / torch.outer(size_x, size_x) + yy / torch.outer(size_y, size_y) - means - means.T
    return Value(float(value), pairs_error(pairs), n, ""), pairs


def _sums(x: Tensor, of_x: Tensor, other: Tensor | None, of_y: Tensor, block: int) -> Tensor:
    """Sums of the kernel over pairs of x and another set, by groups: (G, G) float64.

    Args:
        x: (n, d).
        of_x: 1 in the column of each row's group, (n, G).
        other: (m, d); None for x itself, at half the work.
        of_y: as `of_x`, of the other set.
        block: rows at a time.
    """
    sums, one = torch.zeros(of_x.shape[1], of_y.shape[1], dtype=torch.float64), torch.ones((), dtype=x.dtype)
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


def pairs_error(pairs: Tensor) -> float:
    """Standard error of the mean over pairs of different groups, a U-statistic of order 2 (Hoeffding 1948, eq. 5.13).

    Both of its variance components are estimated without bias, from products over different groups.

    Args:
        pairs: what a pair of groups adds to MMD^2, on average, (G, G), symmetric; the diagonal is not used.
    """
    groups, table = len(pairs), pairs - torch.diag(pairs.diagonal())
    squares, rows, total = table.square().sum(), table.sum(1).square().sum(), table.sum().square()
    both = squares / (groups * (groups - 1))
    one = (rows - squares) / (groups * (groups - 1) * (groups - 2))
    none = (total - 4 * rows + 2 * squares) / (groups * (groups - 1) * (groups - 2) * (groups - 3))
    # The component of single groups vanishes between equal distributions, and may come out below 0.
    variance = (4 * (groups - 2) * (one - none).clamp_min(0) + 2 * (both - none)) / (groups * (groups - 1))
    return student_factor(groups - 1) * float(variance.clamp_min(0).sqrt())
