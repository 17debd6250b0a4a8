"""Vendi score: the effective number of different rows in a set (Friedman and Dieng 2023)."""

import math
from typing import Literal

import torch
from torch import Tensor

from reverie.core.errors import ReverieError, UsageError
from reverie.measure.sets.features import Features, checked, dealt, jackknife_error
from reverie.measure.value import Value

_LEAST = 4


def vendi(features: Features, *, kernel: Literal["cosine", "linear"] = "cosine", order: float = 1.0) -> Value:
    """exp of the entropy of the eigenvalues of K / n: 1 when all rows are alike, n when each differs from all others.

    It grows with n, so compare sets of one size. The d x d side of the problem is solved where it is the smaller one.
    The error is that of the score at this n.

    Args:
        features: (n, d).
        kernel: cosine, of which the score is made, or linear, which also sees lengths; its trace is divided out.
        order: of the entropy (Renyi's); 1 is Shannon's, larger ones weigh common rows more, infinity only those.

    Raises:
        ReverieError: the rows are too few or not finite, or have no direction.
        UsageError: the order is negative.

    Example:
        >>> round(vendi(torch.eye(6)).value, 6), round(vendi(torch.ones(6, 3)).value, 6)
        (6.0, 1.0)
    """
    return traced(features, kernel=kernel, order=order)[0]


def traced(
    features: Features, *, kernel: Literal["cosine", "linear"] = "cosine", order: float = 1.0
) -> tuple[Value, Tensor]:
    """`vendi`, and the scores without each of some groups, (G,) float64, that its error comes from."""
    if order < 0:
        raise UsageError(f"vendi: order must be >= 0, got {order}. 1 is the usual one.")
    rows = checked(features, "vendi: the features", _LEAST).double()
    lengths = torch.linalg.vector_norm(rows, dim=1, keepdim=True)
    if not bool((lengths > 0).all() if kernel == "cosine" else (lengths > 0).any()):
        bad = int((lengths == 0).sum())
        raise ReverieError(
            f"vendi: {bad} of {len(rows)} rows are all zeros and have no direction. Use another extractor."
        )
    # The scale goes out before squaring, so that no features are too small or too large for it.
    rows = rows / (lengths if kernel == "cosine" else lengths.max())
    group = dealt(len(rows))
    if len(rows) > rows.shape[1]:
        parts = [rows[group == g] for g in range(int(group.max()) + 1)]
        squares = [part.T @ part for part in parts]
        whole = torch.stack(squares).sum(0)
        left_out = [_effective(whole - square, order) for square in squares]
    else:
        whole = rows @ rows.T
        kept = [(group != g).nonzero().flatten() for g in range(int(group.max()) + 1)]
        left_out = [_effective(whole[index][:, index], order) for index in kept]
    without = torch.tensor(left_out, dtype=torch.float64)
    return Value(_effective(whole, order), float(jackknife_error(without)), len(rows), ""), without


def _effective(matrix: Tensor, order: float) -> float:
    """The exponential of the Renyi entropy of a symmetric matrix's eigenvalues, as shares of their sum."""
    values = torch.linalg.eigvalsh(matrix).clamp_min(0)
    shares = values / values.sum()
    if order == 1:
        return float(torch.special.entr(shares).sum().exp())
    if math.isinf(order):
        return float(1 / shares.max())
    return float(shares[shares > 1e-14].pow(order).sum().pow(1 / (1 - order)))
