"""Memorisation: made images that are nearer to one training image than unseen real images are.

The verdict is a share at known false alarms. Two statistics of the literature come with it as evidence; neither tells
copying from poor fit by itself (Stein et al. 2023), so look at the pairs.
"""

import math
from dataclasses import dataclass
from typing import final

import numpy as np
import torch
from torch import Tensor

from reverie.core.errors import ReverieError
from reverie.measure.sets.bins import Bins
from reverie.measure.sets.features import Features, checked, proportion
from reverie.measure.sets.nearest import Points, nearest
from reverie.measure.statistics import Floats
from reverie.measure.value import Value

# Neighbours whose mean distance is the yardstick; the share of honest images that may be taken for copies.
_NEIGHBOURS, _FALSE_ALARMS = 50, 0.01
_LEAST_TRAIN, _LEAST_HELD, _WORST = 4, 20, 16
# Cells of training images for C_T, and images in one below which a test of ranks says nothing.
_CELLS, _LEAST_CELL = 10, 10


@dataclass(frozen=True)
class CopyReport:
    """What speaks for and against copying.

    Args:
        share: of made images at or below the threshold, with a binomial error.
        excess: the share beyond the false alarms, with the calibration's error added.
        false_alarms: share of honest images that the threshold flags in expectation.
        threshold: the ratio at or below which an image counts as a copy.
        ratios: distance to the nearest training image over the mean of those to the 50 nearest, (n,).
        pairs: (made image, training image, ratio) of the 16 lowest ratios, the lowest first.
        authentic: share of made images whose nearest training image has a nearer one among the training images
            (AuthPct; Alaa et al. 2022).
        authentic_real: the same of held-out images: what an honest model shows.
        c_t: weighted z of "made images are farther from the training images than held-out ones"; far below 0 speaks
            for copying, far above for poor fit (Meehan et al. 2020).
    """

    share: Value
    excess: Value
    false_alarms: float
    threshold: float
    ratios: Floats
    pairs: list[tuple[int, int, float]]
    authentic: Value
    authentic_real: Value
    c_t: float


@final
@dataclass(frozen=True)
class Copies:
    """Training images, and what held-out real images look like beside them.

    Args:
        train: the training images.
        own: squared distance of each to its nearest other, (n,).
        cell: of each, (n,) int64.
        held_ratios: of held-out images, ascending, (m,).
        held_cells: (m,) int64.
        held_squares: their squared distances to the nearest training image, (m,).
        authentic: share of held-out images that are authentic.
        threshold: as in the report.
        false_alarms: as in the report.
    """

    train: Points
    own: Tensor
    cell: Tensor
    held_ratios: Floats
    held_cells: Tensor
    held_squares: Tensor
    authentic: Value
    threshold: float
    false_alarms: float

    @classmethod
    def fit(cls, train_features: Features, held_out_features: Features) -> "Copies":
        """Calibrates on held-out images, to 1 % false alarms, or to one in m + 1 where there are fewer than 99.

        Args:
            train_features: (n, d); of the images that the model was trained on.
            held_out_features: (m, d); of real images that no part of the model has seen.

        Raises:
            ReverieError: a set is too small, not finite or of another width, or the training images are all alike.
        """
        train = checked(train_features, "copies: the training images", _LEAST_TRAIN)
        held = checked(held_out_features, "copies: the held-out images", _LEAST_HELD)
        if bool((train == train[0]).all()):
            raise ReverieError("copies: the training images all have the same features. Use another extractor.")
        points = Points.of(train, train.mean(0))
        own = nearest(points, points, 1, skip_self=True)[0][:, 0]
        squares, index, ratios = _ratios(held, points)
        order = np.sort(ratios)
        # The k-th lowest of m: a further honest image falls at or below it with probability k / (m + 1).
        place = max(1, math.floor(_FALSE_ALARMS * (len(held) + 1)))
        cell = _cells(points)
        return cls(
            train=points,
            own=own,
            cell=cell,
            held_ratios=order,
            held_cells=cell[index],
            held_squares=squares,
            authentic=proportion(squares > own[index]),
            threshold=float(order[place - 1]),
            false_alarms=place / (len(held) + 1),
        )

    def score(self, fakes: Features) -> CopyReport:
        """Compares made images with the training images.

        Args:
            fakes: (n, d).

        Raises:
            ReverieError: they are not finite or of another width.
        """
        rows = checked(fakes, "copies: the samples", 1)
        squares, index, ratios = _ratios(rows, self.train)
        share = proportion(torch.from_numpy(ratios <= self.threshold))
        chance, held = self.false_alarms, len(self.held_ratios)
        # Where the threshold lies is chance too: what it lets pass follows a beta distribution.
        spread = (share.se or 0.0) ** 2 + chance * (1 - chance) / (held + 2)
        worst = np.argsort(ratios, kind="stable")[:_WORST]
        return CopyReport(
            share=share,
            excess=Value(share.value - chance, math.sqrt(spread), len(rows), ""),
            false_alarms=chance,
            threshold=self.threshold,
            ratios=ratios,
            pairs=[(int(i), int(index[i]), float(ratios[i])) for i in worst],
            authentic=proportion(squares > self.own[index]),
            authentic_real=self.authentic,
            c_t=self._c_t(squares, self.cell[index]),
        )

    def _c_t(self, squares: Tensor, cells: Tensor) -> float:
        """Mann-Whitney z of distances in every cell, weighted by held-out images; 0 where no cell has enough."""
        total, weight = 0.0, 0
        for cell in range(int(self.cell.max()) + 1):
            made, held = squares[cells == cell], self.held_squares[self.held_cells == cell]
            if min(len(made), len(held)) >= _LEAST_CELL:
                total += len(held) * mann_whitney(made, held)
                weight += len(held)
        return total / weight if weight else 0.0


def mann_whitney(a: Tensor, b: Tensor) -> float:
    """z of "a is larger than b", by ranks, ties counting half (Mann and Whitney 1947).

    Example:
        >>> round(mann_whitney(torch.arange(10.0), torch.arange(10.0)), 6)
        0.0
    """
    n, m = len(a), len(b)
    values, index, count = torch.cat([a, b]).unique(return_inverse=True, return_counts=True)
    last = count.cumsum(0).double()
    rank = (last - (count - 1) / 2)[index]
    u = float(rank[:n].sum()) - n * (n + 1) / 2
    ties = float((count.double() ** 3 - count).sum()) / ((n + m) * (n + m - 1))
    variance = n * m / 12 * (n + m + 1 - ties)
    return (u - n * m / 2) / math.sqrt(variance) if variance > 0 and len(values) > 1 else 0.0


def _ratios(rows: Tensor, train: Points) -> tuple[Tensor, Tensor, Floats]:
    """Squared distance to the nearest training image, which one it is, and that distance over those to the 50 nearest.

    Where the 50 nearest are all at distance 0 the ratio is 1: there are as many such images as that, so it is a kind.
    """
    if rows.shape[1] != train.rows.shape[1]:
        raise ReverieError(
            f"copies: the images have {rows.shape[1]} features, the training images {train.rows.shape[1]}. "
            "Use one extractor for all."
        )
    queries = Points.of(rows.to(train.rows.dtype), train.rows.mean(0))
    squares, index = nearest(queries, train, min(_NEIGHBOURS, len(train)))
    distances = squares.sqrt()
    mean = distances.mean(1)
    ratios = torch.where(mean > 0, distances[:, 0] / mean.clamp_min(1e-300), 1.0)
    return squares[:, 0], index[:, 0], ratios.numpy()


def _cells(train: Points) -> Tensor:
    """Cells of training images for a test within each, (n,): k-means, with at least 20 images a cell on average."""

    cells = min(_CELLS, len(train) // 20)
    if cells < 2:
        return torch.zeros(len(train), dtype=torch.int64)
    return torch.from_numpy(Bins.fit(train.rows, cells, 0).assign(train.rows))
