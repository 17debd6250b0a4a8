"""Nearest neighbours among features, exactly, in blocks: products of matrices only choose whom to look at closely.

|x - y|^2 = |x|^2 + |y|^2 - 2 x.y is quick and loses digits where x and y are close. So the right-hand side finds
candidates, with a bound on its error, and |x - y|^2 itself decides: copies are at distance zero. Since the bound is
known, the products may as well be taken in bfloat16 where the processor is several times as quick at it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

# Candidates beyond those asked for, and values that are looked at closely at a time: few enough to stay in a cache.
_SPARE, _CLOSE_VALUES = 12, 2**18
# Of a product of rows, in units of |x| |y|: far above what sums in blocks leave. A bfloat16 has 8 bits.
_ROUNDING, _BFLOAT16 = {torch.float32: 4e-6, torch.float64: 1e-14}, 2.0**-8
# Widths from which products are what takes time, and the share of a distance that rough ones may be off by.
_WIDE, _TOLERABLE = 256, 0.05


@final
@dataclass(frozen=True)
class Points:
    """Rows that are neighbours of each other, made ready for products.

    Args:
        rows: (n, d) float32 or float64.
        centred: the same less an origin.
        squares: |x|^2 of the centred rows, (n,) float64.
        short: the centred rows in bfloat16, where that pays.
        loss: what the shortening took of a row, in units of its length, at most.

    Example:
        >>> line = Points.of(torch.tensor([[0.0], [1.0], [3.0]]), torch.tensor([1.0]))
        >>> squares, index = nearest(line, line, 1, skip_self=True)
        >>> squares.tolist(), index.tolist()
        ([[1.0], [1.0], [4.0]], [[1], [0], [1]])
    """

    rows: Tensor
    centred: Tensor
    squares: Tensor
    short: Tensor | None = None
    loss: float = 0.0

    @classmethod
    def of(cls, rows: Tensor, origin: Tensor) -> "Points":
        """Makes rows (n, d) ready; points that are compared need one origin (d,), best in the middle of them all."""
        centred = rows - origin
        squares = torch.linalg.vector_norm(centred, dim=1, dtype=torch.float64).square()
        if rows.dtype != torch.float32 or rows.shape[1] < _WIDE or not quick_bfloat16():
            return cls(rows, centred, squares)
        short = centred.bfloat16()
        lost = torch.linalg.vector_norm(centred - short, dim=1, dtype=torch.float64).square()
        return cls(rows, centred, squares, short, float((lost / squares.clamp_min(1e-30)).max().sqrt()))

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True)
class Rough:
    """Squared distances of some queries to all points, and how far off they may be.

    Args:
        first: number of the first query.
        squares: (b, m), in the rows' dtype.
        loss: error of a product, in units of both lengths.
        rounding: error of a square besides, at most.
    """

    first: int
    squares: Tensor
    loss: float
    rounding: float

    def slack(self, lengths: Tensor, reach: Tensor) -> Tensor:
        """How far off the squares of points within reach may be, in the shape of both, float64.

        Such a point is no longer than the row it is near to plus the distance; Cauchy and Schwarz bound the rest.

        Args:
            lengths: |x| of centred rows.
            reach: squared distances from these rows.
        """
        return (
            2 * self.loss * lengths * (lengths + reach.sqrt())
            + self.rounding
            + 2 * _ROUNDING[self.squares.dtype] * (lengths + reach.sqrt()).square()
        )


def nearest(
    queries: Points, points: Points, k: int, *, skip_self: bool = False, block: int = 512
) -> tuple[Tensor, Tensor]:
    """The k nearest points of each query.

    Args:
        queries: n of them.
        points: m of them, k at least besides the query itself.
        k: neighbours.
        skip_self: query i is point i, which is not its own neighbour.
        block: queries at a time; memory is block x m numbers.

    Returns:
        squared distances (n, k), ascending, float64, and positions (n, k) int64.
    """
    found: list[tuple[Tensor, Tensor]] = []
    careful = queries.short is None
    for first in range(0, len(queries), block):
        products = rough(queries, points, first, block, careful=careful)
        squares, index, unsure = _candidates(products, queries, points, k, skip_self)
        if not careful and unsure.double().mean() > _TOLERABLE:
            careful = True  # for the blocks to come, too: rows come in no order, so that what fails once fails often
            products = rough(queries, points, first, block, careful=True)
            squares, index, unsure = _candidates(products, queries, points, k, skip_self)
        for row in unsure.nonzero().flatten().tolist():
            squares[row], index[row] = _afresh(queries, points, first + row, k, skip_self)
        found.append((squares, index))
    return torch.cat([s for s, _ in found]), torch.cat([i for _, i in found])


def rough(queries: Points, points: Points, first: int, block: int, *, careful: bool = False) -> Rough:
    """Rough squared distances of `block` queries from `first` on; careful ones are never in bfloat16."""
    rows = slice(first, first + block)
    starts, ends = (part.to(points.rows.dtype) for part in (queries.squares[rows, None], points.squares))
    if careful or queries.short is None or points.short is None:
        squares = torch.addmm(ends, queries.centred[rows], points.centred.T, alpha=-2)
        return Rough(first, squares.add_(starts), 0.0, 0.0)
    products = queries.short[rows] @ points.short.T
    low, high = products.aminmax()
    squares = torch.add(ends, products, alpha=-2).add_(starts)
    loss = queries.loss + points.loss * (1 + queries.loss)
    return Rough(first, squares, loss, 2 * _BFLOAT16 * float(max(-low, high)))


def rough_blocks(queries: Points, points: Points, reach: Tensor, block: int) -> Iterator[Rough]:
    """Rough squared distances of all queries, as careful as their reach (squared, (n,)) needs."""
    careful = queries.short is None
    for first in range(0, len(queries), block):
        found, near = rough(queries, points, first, block, careful=careful), reach[first : first + block]
        lengths = queries.squares[first : first + block].sqrt()
        if not careful and (found.slack(lengths, near) > _TOLERABLE * near).double().mean() > _TOLERABLE:
            careful = True
            found = rough(queries, points, first, block, careful=True)
        yield found


def between(queries: Tensor, points: Tensor, i: Tensor, j: Tensor) -> Tensor:
    """|x_i - y_j|^2 of pairs i (p,) and j (p,), float64, from differences in the rows' own dtype."""
    size = max(1, _CLOSE_VALUES // queries.shape[1])
    parts = zip(i.split(size), j.split(size), strict=True)
    found = [_length(points[b].sub_(queries[a])) for a, b in parts]
    return torch.cat(found) if found else torch.empty(0, dtype=torch.float64)


def quick_bfloat16() -> bool:
    """True where the processor multiplies matrices of bfloat16 several times as quickly as those of float32."""
    known = (getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"))
    return torch.backends.mkldnn.is_available() and any(supported() for supported in known if supported is not None)


def _length(rows: Tensor) -> Tensor:
    """|x|^2 over the last axis, summed in float64."""
    return rows.square_().sum(-1, dtype=torch.float64)


def _candidates(
    found: Rough, queries: Points, points: Points, k: int, skip_self: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Squared distances (b, k) and positions of the nearest, and for which queries others might be nearer, (b,)."""
    at = torch.arange(found.first, found.first + len(found.squares))
    others = len(points) - skip_self
    wanted = min(k + _SPARE, others)
    if skip_self:
        found.squares[at - found.first, at] = torch.inf
    last, index = found.squares.topk(wanted, dim=1, largest=False)
    size = max(1, _CLOSE_VALUES // (wanted * queries.rows.shape[1]))
    parts = zip(at.split(size), index.split(size), strict=True)
    squares = torch.cat([_length(points.rows[j].sub_(queries.rows[i][:, None])) for i, j in parts])
    squares, order = squares.sort(dim=1, stable=True)
    squares, index = squares[:, :k], index.gather(1, order)[:, :k]
    if wanted == others:
        return squares, index, torch.zeros(len(at), dtype=torch.bool)
    # A point that was passed over is roughly no nearer than the last candidate.
    reach = squares[:, -1]
    return squares, index, last[:, -1] - found.slack(queries.squares[at].sqrt(), reach) < reach


def _afresh(queries: Points, points: Points, row: int, k: int, skip_self: bool) -> tuple[Tensor, Tensor]:
    """The neighbours of one query by differences alone: for those with more near-ties than there are candidates."""
    size = max(1, _CLOSE_VALUES // points.rows.shape[1])
    squares = torch.cat([_length(part - queries.rows[row]) for part in points.rows.split(size)])
    if skip_self:
        squares[row] = torch.inf
    return squares.topk(k, largest=False)
