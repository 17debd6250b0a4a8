"""Nearest neighbours among features, exactly, in blocks: products of matrices only choose whom to look at closely.

|x - y|^2 = |x|^2 + |y|^2 - 2 x.y is quick and loses digits where x and y are close. So the right-hand side, with a
bound on its error, only finds candidates, and |x - y|^2 itself decides: copies are at distance zero. Since the bound
is known, the products may as well be taken in bfloat16 where the processor is several times as quick at it; squared
lengths then ride along as further columns, so that what a product of matrices leaves can be compared as it is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

# Values and rows that are looked at closely at a time: few enough to stay in a cache.
_CLOSE_VALUES, _ROWS = 2**18, 256
# Candidates beyond those asked for, which seldom leave anybody out.
_SPARE = 12
# Of a product of rows, in units of |x| |y|: far above what sums in blocks leave. Two bfloat16 have 16 bits.
_ROUNDING, _TWO_BFLOAT16 = {torch.float32: 4e-6, torch.float64: 1e-14}, 2.0**-17
# Widths from which products are what takes time; rough ones serve while they leave so few more to look at closely, for
# a neighbour that is asked for, and are off by so small a share of a distance.
_WIDE, _MORE, _TOLERABLE = 256, 8, 0.05


@final
@dataclass(frozen=True)
class Points:
    """Rows that are neighbours of each other, made ready for products.

    Args:
        rows: (n, d) float32 or float64.
        centred: the same less an origin.
        squares: |x|^2 of the centred rows, (n,) float64.
        short: the centred rows in bfloat16, where that pays, and (level - |x|^2) / 2 in two numbers beside two ones,
            (n, d + 4).
        level: about |x|^2.
        loss: what the shortening took of a row, in units of its length, at most.
        offset: what it took of (level - |x|^2) / 2, at most.

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
    level: float = 0.0
    loss: float = 0.0
    offset: float = 0.0

    @classmethod
    def of(cls, rows: Tensor, origin: Tensor) -> "Points":
        """Makes rows (n, d) ready; points that are compared need one origin (d,), best in the middle of them all."""
        centred = rows - origin
        squares = _squares(centred)
        if rows.dtype != torch.float32 or rows.shape[1] < _WIDE or not quick_bfloat16():
            return cls(rows, centred, squares)
        level = float(squares.mean())
        halves = (level - squares) / 2
        short = torch.ones(len(rows), rows.shape[1] + 4, dtype=torch.bfloat16)
        short[:, :-4] = centred
        short[:, -4] = halves
        short[:, -3] = halves - short[:, -4]
        parts = zip(centred.split(_ROWS), short[:, :-4].split(_ROWS), strict=True)
        lost = torch.cat([_squares(whole - part) for whole, part in parts])
        loss = float((lost / squares.clamp_min(1e-30)).max().sqrt())
        return cls(rows, centred, squares, short, level, loss, _TWO_BFLOAT16 * float(halves.abs().max()))

    def __len__(self) -> int:
        return len(self.rows)


@final
@dataclass(frozen=True)
class Rough:
    """How close some queries roughly are to all points: level - |x - y|^2 / 2, more is closer.

    Args:
        queries: n of them.
        points: m of them.
        first: number of the first query here.
        closeness: (b, m).
        level: closeness of what is at no distance.
        loss: of a product, in units of both lengths, at most.
        offset: error besides, at most.
    """

    queries: Points
    points: Points
    first: int
    closeness: Tensor
    level: float
    loss: float
    offset: float

    def least(self, squares: Tensor, reach: Tensor) -> Tensor:
        """Whoever is within reach of a query or a point has at least this closeness to it.

        Rounding keeps order, so that this may be compared with what was rounded. Whoever is within reach is no longer
        than the row itself and the distance; Cauchy and Schwarz bound the rest.

        Args:
            squares: |x|^2 of queries, or of points.
            reach: squared distances from these.
        """
        return (self.level - reach / 2 - self.error(squares, reach)).to(self.closeness.dtype)

    def surely(self, squares: Tensor, reach: Tensor, far: Tensor) -> Tensor:
        """Whoever is within `far` and closer than this is within reach."""
        return (self.level - reach / 2 + self.error(squares, far)).to(self.closeness.dtype)

    def reaching(self, least: Tensor) -> tuple[Tensor, Tensor]:
        """Rows and columns of whom closeness >= least, broadcast, by rows."""
        if self.closeness.dtype == torch.bfloat16 and bool((least > 0).all()):
            # As whole numbers positive ones keep their order, above negative ones, and are quicker to compare.
            return _places(self.closeness.view(torch.int16) >= least.view(torch.int16))
        return _places(self.closeness >= least)

    def error(self, squares: Tensor, reach: Tensor) -> Tensor:
        """How far off the closeness of those within reach may be, before it is rounded."""
        longest = torch.maximum(self.queries.squares.max(), self.points.squares.max()).sqrt()
        lengths = squares.sqrt()
        others = torch.minimum(longest, lengths + reach.sqrt())
        rounding = _ROUNDING[self.points.rows.dtype] * (squares + others.square())
        return self.loss * lengths * others + rounding + self.offset


def nearest(
    queries: Points, points: Points, k: int, *, skip_self: bool = False, block: int = 1024
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
        squares, index, others = _looked_at(rough(queries, points, first, block, careful=careful), k, skip_self)
        if not careful and len(others) > _MORE * squares.numel():
            careful = True  # for the blocks to come, too: rows come in no order, so that what fails once fails often
            squares, index, others = _looked_at(rough(queries, points, first, block, careful=True), k, skip_self)
        found.append(_merged(queries, points, first, squares, index, others))
    return torch.cat([s for s, _ in found]), torch.cat([i for _, i in found])


def rough(queries: Points, points: Points, first: int, block: int, *, careful: bool = False) -> Rough:
    """How close `block` queries from `first` on are; careful products are never of bfloat16."""
    rows = slice(first, first + block)
    if careful or queries.short is None or points.short is None:
        starts, ends = (part.to(points.rows.dtype) for part in (queries.squares[rows, None], points.squares))
        closeness = torch.addmm(ends, queries.centred[rows], points.centred.T, beta=-0.5)
        return Rough(queries, points, first, closeness.sub_(starts, alpha=0.5), 0.0, 0.0, 0.0)
    short = torch.cat([queries.short[rows, :-4], queries.short[rows, -2:], queries.short[rows, -4:-2]], 1)
    level, offset = (queries.level + points.level) / 2, queries.offset + points.offset
    loss = queries.loss + points.loss * (1 + queries.loss)
    return Rough(queries, points, first, short @ points.short.T, level, loss, offset)


def rough_blocks(queries: Points, points: Points, reach: Tensor, block: int) -> Iterator[Rough]:
    """How close all queries are, as carefully as their reach (squared, (n,)) needs."""
    careful = queries.short is None
    for first in range(0, len(queries), block):
        found = rough(queries, points, first, block, careful=careful)
        near, squares = reach[first : first + block], queries.squares[first : first + block]
        if not careful and (found.error(squares, near) > _TOLERABLE * near).double().mean() > _TOLERABLE:
            careful = True
            found = rough(queries, points, first, block, careful=True)
        yield found


def between(queries: Tensor, points: Tensor, i: Tensor, j: Tensor) -> Tensor:
    """|x_i - y_j|^2 of pairs i (p,) and j (p,), float64, from differences in the rows' own dtype.

    Few numbers are summed in float64. Many are in their own dtype, several times as quickly, as each of them was
    rounded as much; but not so many that threads would share a sum, in another order than beside other rows.
    """
    wide = queries.shape[1]
    size, own = max(1, _CLOSE_VALUES // wide), _WIDE <= wide < 2**15
    found = torch.empty(len(i), dtype=torch.float64)
    for at in range(0, len(i), size):
        part = slice(at, at + size)
        apart = points.index_select(0, j[part]).sub_(queries.index_select(0, i[part])).square_()
        found[part] = apart.sum(-1) if own else apart.sum(-1, dtype=torch.float64)
    return found


def quick_bfloat16() -> bool:
    """True where the processor multiplies matrices of bfloat16 several times as quickly as those of float32."""
    known = (getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"))
    return torch.backends.mkldnn.is_available() and any(supported() for supported in known if supported is not None)


def _squares(rows: Tensor) -> Tensor:
    """|x|^2, summed in float64."""
    parts = [part.square().sum(-1, dtype=torch.float64) for part in rows.split(_ROWS)]
    return torch.cat(parts)


def _places(mask: Tensor) -> tuple[Tensor, Tensor]:
    """What mask.nonzero().unbind(1) is, found eight at a time, for few are true."""
    flat = mask.flatten()
    words = len(flat) // 8
    found = flat[: 8 * words].view(torch.int64).nonzero()[:, 0]
    word, byte = flat[: 8 * words].view(-1, 8)[found].nonzero().unbind(1)
    places = torch.cat([8 * found[word] + byte, 8 * words + flat[8 * words :].nonzero()[:, 0]])
    return places // mask.shape[1], places % mask.shape[1]


def _topk(values: Tensor, k: int, groups: int = 8) -> tuple[Tensor, Tensor]:
    """What values.topk(k) is: the largest lie in those groups of columns whose largest are the largest."""
    if values.dtype == torch.bfloat16:
        found, index = _topk(values.view(torch.int16), k, groups)
        if bool((found > 0).all()):  # these are in one order either way, and whole numbers are quicker
            return found.view(torch.bfloat16), index
    width = values.shape[1] // groups
    if width < 4 * k:
        return values.topk(k, dim=1)
    best = values[:, : width * groups].unflatten(1, (groups, width)).amax(1).topk(k, dim=1).indices
    every = torch.arange(groups) * width
    rest = torch.arange(width * groups, values.shape[1]).expand(len(values), -1)
    columns = torch.cat([(best[:, :, None] + every).flatten(1), rest], 1)
    found, at = values.gather(1, columns).topk(k, dim=1)
    return found, columns.gather(1, at)


def _looked_at(found: Rough, k: int, skip_self: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Squares and positions of k points that may be the nearest, (b, k), and who else might be nearer, (p, 2)."""
    closeness, own = found.closeness, torch.arange(len(found.closeness)) + found.first
    if skip_self:
        closeness[own - found.first, own] = -torch.inf
    most = min(k + _SPARE, closeness.shape[1])
    values, index = _topk(closeness, most)
    nearest, spare = index[:, :k], index[:, k:]
    pairs = own.repeat_interleave(k), nearest.flatten()
    squares = between(found.queries.rows, found.points.rows, *pairs).view_as(nearest)
    reach = squares.amax(1)
    least = found.least(found.queries.squares[own], reach)
    least[reach == 0] = torch.inf  # nobody is nearer than a copy
    i, j = (values[:, k:] >= least[:, None]).nonzero().unbind(1)
    others = torch.stack([i, spare[i, j]], 1)
    crowded = (values[:, -1] >= least).nonzero().flatten()
    if len(crowded) and most < closeness.shape[1]:
        beyond = closeness[crowded].scatter_(1, index[crowded], -torch.inf) >= least[crowded, None]
        i, j = _places(beyond)
        others = torch.cat([others, torch.stack([crowded[i], j], 1)])
        others = others[others[:, 0].argsort(stable=True)]
    return squares, nearest, others


def _merged(
    queries: Points, points: Points, first: int, squares: Tensor, index: Tensor, others: Tensor
) -> tuple[Tensor, Tensor]:
    """Squares and positions of the nearest among those looked at, (b, k), and others, (p, 2), by rows."""
    i, j = others.unbind(1)
    counts = i.bincount(minlength=len(index))
    place = torch.arange(len(i)) - (counts.cumsum(0) - counts)[i]
    most = int(counts.max()) if len(i) else 0
    more = squares.new_full((len(index), most), torch.inf)
    more[i, place] = between(queries.rows, points.rows, i + first, j)
    whose = index.new_zeros((len(index), most))
    whose[i, place] = j
    ordered, order = torch.cat([squares, more], 1).sort(dim=1, stable=True)
    k = index.shape[1]
    return ordered[:, :k], torch.cat([index, whose], 1).gather(1, order[:, :k])
