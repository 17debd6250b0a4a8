"""Precision, recall, density and coverage: which points of one set lie within balls around points of the other.

A ball reaches to its centre's k-th nearest neighbour in its own set, border included. Precision is the share of made
points within a ball of a real one, recall the share of real points within a ball of a made one (Kynkaanniemi et al.
2019, eq. 1); density counts balls, coverage asks whether a real point's own ball holds a made one (Naeem et al. 2020,
eqs. 2 and 3).
"""

import math
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor

from reverie.core.errors import UsageError
from reverie.core.rng import key
from reverie.measure.sets.features import Features, checked_pair, student_factor
from reverie.measure.sets.nearest import Points, Rough, between, nearest, rough_blocks
from reverie.measure.value import Value

# Pairs of a centre and a query that are looked at together.
_PAIRS = 2**20
# For errors: parts of a set, points in a part at least, and parts that are looked at in all.
_PARTS, _LEAST_PART, _LOOKS = 10, 24, 20


@dataclass(frozen=True)
class Prdc:
    """Four shares (density may pass 1), each with its error over both sets; n is the number of points it averages."""

    precision: Value
    recall: Value
    density: Value
    coverage: Value


def prdc(
    real: Features,
    fake: Features,
    *,
    k_manifold: int = 3,
    k_coverage: int = 5,
    block: int = 1024,
    errors: bool = True,
) -> Prdc:
    """Precision, recall, density and coverage in one pass over all pairs; memory is `block` rows of distances.

    Values depend on the sizes of both sets: compare at equal n, and with real images against real ones.

    Args:
        real: (n, d).
        fake: (m, d).
        k_manifold: neighbours to a ball, for precision and recall.
        k_coverage: neighbours to a ball, for density and coverage.
        block: centres at a time; never changes a value.
        errors: says how certain the values are, which takes half as long again.

    Raises:
        ReverieError: a set is too small, not finite or of another width, or all real rows are alike.
        UsageError: a k is below 1.

    Example:
        >>> line = torch.arange(40.0)[:, None]
        >>> found = prdc(line, line[:20])
        >>> found.precision.value, found.recall.value, found.coverage.value
        (1.0, 0.575, 0.575)
    """
    parts = _PARTS if errors else 0
    return traced(real, fake, k_manifold=k_manifold, k_coverage=k_coverage, block=block, most_parts=parts).prdc()


@final
@dataclass(frozen=True)
class Looks:
    """Precision, recall, density and coverage of two sets, and of disjoint parts of them.

    Args:
        whole: of everything, (4,) float64.
        parts: of parts with neighbours of their own, dealt anew at each look, (looks, parts, 4); None for a tiny set.
        num_real: real points.
        num_fake: made points.
    """

    whole: Tensor
    parts: Tensor | None
    num_real: int
    num_fake: int

    def prdc(self) -> Prdc:
        """The four values with their errors."""
        return self._values(self.whole, None if self.parts is None else self._error(self.parts, [self]))

    def minus(self, other: "Looks") -> Prdc:
        """The four differences with their errors, where row i of both made sets came from one seed.

        Both sets were dealt into the same parts, beside the same real points: what they share goes out of the error.
        """
        tables = None if self.parts is None or other.parts is None else self.parts - other.parts
        error = None if tables is None else self._error(tables, [self, other])
        return self._values(self.whole - other.whole, error)

    def _values(self, values: Tensor, errors: Tensor | None) -> Prdc:
        n, m = self.num_real, self.num_fake
        given = [None] * 4 if errors is None else errors.tolist()
        return Prdc(*(Value(float(v), e, c, "") for v, e, c in zip(values, given, (m, n, m, n), strict=True)))

    def _error(self, tables: Tensor, sets: list["Looks"]) -> Tensor:
        """Standard errors from the spread between parts.

        Near neighbours decide, so that the variance goes as 1 / n: that of a part of n / p points is p times that of n
        points. (A jackknife would count what neighbours do to each other several times over.) What still changes with
        n is the level, and with it the variance: p (1 - p) for a share, the mean for a count.
        """
        looks, parts, smaller = tables.shape[0], tables.shape[1], min(self.num_real, self.num_fake)
        whole = torch.stack([_spread(one.whole, smaller) for one in sets]).sum(0)
        levels = [one.parts.mean((0, 1)) for one in sets if one.parts is not None]
        ratio = whole / torch.stack([_spread(level, smaller) for level in levels]).sum(0)
        variance = (tables.var(1) / parts).mean(0)
        return student_factor(looks * (parts - 1)) * (variance * ratio).sqrt()


def traced(
    real: Features,
    fake: Features,
    *,
    k_manifold: int = 3,
    k_coverage: int = 5,
    block: int = 1024,
    most_parts: int = _PARTS,
) -> Looks:
    """What `prdc` is made of; sets of one size are dealt into the same parts, so that two of them can be subtracted.

    Args:
        real: (n, d).
        fake: (m, d).
        k_manifold: as for `prdc`.
        k_coverage: likewise.
        block: likewise.
        most_parts: disjoint parts. What two sets share depends on how far neighbours are, so that differences need
            few, large parts; by themselves the four values do with many small ones, which cost little. Fewer than two
            leave no errors.
    """
    if min(k_manifold, k_coverage) < 1:
        raise UsageError(f"prdc: k must be >= 1, got {min(k_manifold, k_coverage)}. The papers use 3 and 5.")
    least = 2 * (max(k_manifold, k_coverage) + 1)
    made, true = checked_pair("prdc", fake, real, least)
    ks = (k_manifold, k_coverage)
    return Looks(_prdc(true, made, ks, block), _parts(true, made, ks, block, most_parts), len(true), len(made))


def expected_coverage(num_real: int, num_fake: int, k: int = 5) -> float:
    """Coverage of two sets from one distribution: 1 - (n-1)...(n-k) / ((m+n-1)...(m+n-k)) (Naeem et al. 2020).

    Example:
        >>> round(expected_coverage(10_000, 10_000), 4)
        0.9688
    """
    ratio = [(num_real - i) / (num_fake + num_real - i) for i in range(1, k + 1)]
    return 1 - math.prod(ratio)


def _parts(real: Tensor, fake: Tensor, ks: tuple[int, int], block: int, most: int) -> Tensor | None:
    """The four values of disjoint parts, each with neighbours of its own, (looks, parts, 4); None for a tiny set."""
    smaller = min(len(real), len(fake))
    parts = min(most, smaller // max(_LEAST_PART, 2 * (max(ks) + 1)))
    if parts < 2:
        return None
    chance, tables = np.random.default_rng(key("prdc", "parts")), []
    for _ in range(-(-_LOOKS // parts)):
        of_real, of_fake = (torch.from_numpy(chance.permutation(len(rows)) % parts) for rows in (real, fake))
        found = [_prdc(real[of_real == p], fake[of_fake == p], ks, block) for p in range(parts)]
        tables.append(torch.stack(found))
    return torch.stack(tables)


def _spread(level: Tensor, n: int) -> Tensor:
    """What the variances of precision, recall, density and coverage are in proportion to, (4,); never 0."""
    share = (level * n + 0.5) / (n + 1)
    return torch.where(torch.tensor([True, True, False, True]), share * (1 - share), level + 0.5 / n)


def _prdc(real: Tensor, fake: Tensor, ks: tuple[int, int], block: int) -> Tensor:
    """Precision, recall, density and coverage, (4,) float64."""
    middle = real.mean(0)
    reals, fakes = Points.of(real, middle), Points.of(fake, middle)
    reach = nearest(reals, reals, max(ks), skip_self=True, block=block)[0]
    of_real = _Balls(reals, reach[:, [k - 1 for k in ks]], fakes)
    of_fake = _Balls(fakes, nearest(fakes, fakes, ks[0], skip_self=True, block=block)[0][:, -1:], reals)
    for found in rough_blocks(reals, fakes, reach[:, 0], block):
        of_real.meet(found, by_columns=False)
        of_fake.meet(found, by_columns=True)
    shares = of_real.around[0] > 0, of_fake.around[0] > 0, of_real.around[1].double() / ks[1], of_real.within[1] > 0
    return torch.stack([share.double().mean() for share in shares])


@final
class _Balls:
    """Balls around centres, of one or more sizes each, and the queries that lie in them.

    Args:
        centres: n of them.
        reach: squared radii, (n, sizes).
        queries: m of them.

    Attributes:
        around: balls that hold a query, (sizes, m) int64.
        within: queries that a ball holds, (sizes, n) int64.
    """

    def __init__(self, centres: Points, reach: Tensor, queries: Points) -> None:
        self._centres, self._queries, self._reach = centres, queries, reach
        self._far, self._near = reach.max(1).values, reach.min(1).values
        self.around = torch.zeros(reach.shape[1], len(queries), dtype=torch.int64)
        self.within = torch.zeros(reach.shape[1], len(centres), dtype=torch.int64)

    def meet(self, found: Rough, *, by_columns: bool) -> None:
        """Takes in how close centres and queries are: rows are centres and columns queries, or the other way round."""
        rows = slice(None) if by_columns else slice(found.first, found.first + len(found.closeness))
        squares, far, near = self._centres.squares[rows], self._far[rows], self._near[rows]
        least, surely = found.least(squares, far), found.surely(squares, near, far)
        places = found.reaching(least if by_columns else least[:, None])
        for row, column in zip(*(part.split(_PAIRS) for part in places), strict=True):
            sure = found.closeness[row, column] > surely[column if by_columns else row]
            i, j = (column, row + found.first) if by_columns else (row + found.first, column)
            # A pair that lies well within every ball needs no closer look.
            exact = torch.zeros(len(row), dtype=torch.float64)
            close = (~sure).nonzero().flatten()
            exact[close] = between(self._queries.rows, self._centres.rows, j[close], i[close])
            inside = (exact[:, None] <= self._reach[i]).long().T
            self.around.index_add_(1, j, inside)
            self.within.index_add_(1, i, inside)
