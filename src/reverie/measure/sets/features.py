"""What the statistics of sets agree on: which features they take, and how rows are dealt into groups."""

import math

import numpy as np
import torch
from torch import Tensor

from reverie.core.errors import ReverieError
from reverie.measure.statistics import Floats
from reverie.measure.value import Value

Features = np.ndarray | Tensor

GROUPS = 20


def checked(features: Features, what: str, least: int = 2) -> Tensor:
    """Features as a CPU tensor (n, d), float64 if they were and float32 otherwise, once they are seen to be sound.

    Args:
        features: (n, d) numbers.
        what: whose they are, for messages: "kid: the samples".
        least: rows without which the statistic makes no sense.

    Raises:
        ReverieError: they are not a table, too few, or not finite.

    Example:
        >>> checked(np.zeros((1, 3)), "kid: the samples", 10)
        Traceback (most recent call last):
        ...
        reverie.core.errors.ReverieError: kid: the samples are 1, at least 10 are needed. Ask for more images.
    """
    rows = features.detach().cpu() if isinstance(features, Tensor) else torch.from_numpy(np.ascontiguousarray(features))
    if rows.ndim != 2 or not rows.shape[1]:
        raise ReverieError(f"{what} are of shape {tuple(rows.shape)}, not (n, d). Pass one row of features an image.")
    if len(rows) < least:
        raise ReverieError(f"{what} are {len(rows)}, at least {least} are needed. Ask for more images.")
    rows = (rows if rows.dtype == torch.float64 else rows.float()).contiguous()
    low, high = rows.aminmax()  # a NaN is both, and this is quicker than to ask every number
    if not bool(low.isfinite() & high.isfinite()):
        finite = rows.isfinite().all(1)
        bad, first = int(finite.logical_not().sum()), int(finite.int().argmin())
        raise ReverieError(
            f"{what}: {bad} of {len(rows)} rows are not finite, row {first} the first. Look at the images behind them."
        )
    return rows


def checked_pair(name: str, made: Features, real: Features, least: int = 2) -> tuple[Tensor, Tensor]:
    """Features of samples and of real images, as `checked`, in one dtype and of one width.

    Raises:
        ReverieError: one of them is not sound, they differ in width, or all real rows are the same.
    """
    x, y = checked(made, f"{name}: the samples", least), checked(real, f"{name}: the real images", least)
    if x.shape[1] != y.shape[1]:
        raise ReverieError(
            f"{name}: the samples have {x.shape[1]} features, the real images {y.shape[1]}. Use one extractor for both."
        )
    if all(bool((part == y[0]).all()) for part in y.split(256)):
        raise ReverieError(f"{name}: the real images all have the same features. Use other data or another extractor.")
    dtype = torch.promote_types(x.dtype, y.dtype)
    return x.to(dtype), y.to(dtype)


def dealt(n: int, groups: int = GROUPS) -> Tensor:
    """The group of each of n rows, dealt like cards, (n,) int64; fewer groups where they would hold a single row.

    Example:
        >>> dealt(7, 20).tolist()
        [0, 1, 2, 0, 1, 2, 0]
    """
    return torch.arange(n) % max(1, min(groups, n // 2))


def jackknife_error(left_out: Tensor | Floats) -> Tensor:
    """Standard errors of statistics from their values without each of G groups, (G, ...) to (...).

    Delete-a-group jackknife (Shao and Tu 1995, section 2.3), widened by Student's factor.
    """
    values = torch.as_tensor(left_out, dtype=torch.float64)
    groups = len(values)
    return student_factor(groups - 1) * ((values - values.mean(0)).square().sum(0) * ((groups - 1) / groups)).sqrt()


def student_factor(degrees: int) -> float:
    """How much wider an interval must be when its error has so many degrees of freedom, for 95 %.

    Errors are widened by it where they come from a few groups, so that 1.96 of them either way cover 95 %: the 97.5 %
    quantile of Student's t over the normal one, by its expansion in 1 / degrees (Fisher 1925).

    Example:
        >>> [round(1.96 * student_factor(degrees), 3) for degrees in (4, 9, 19)]
        [2.769, 2.262, 2.093]
    """
    z = 1.959964
    first, second = (z**3 + z) / 4, (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return 1 + (first / degrees + second / degrees**2 + third / degrees**3) / z


def proportion(flags: Tensor) -> Value:
    """The share of flags (n,) that are set, with the interval of Agresti and Coull 1998, which never vanishes.

    Example:
        >>> sure = proportion(torch.tensor([True, True, True, True]))
        >>> sure.value, round(sure.low, 2)
        (1.0, 0.45)
    """
    return share(int(flags.sum()), len(flags))


def share(count: int, n: int) -> Value:
    """A share of n images, with the interval of Agresti and Coull 1998: two more of each kind.

    Example:
        >>> from reverie.measure.value import format_value
        >>> format_value(share(90, 100)), format_value(share(100, 100))
        ('0.90 ± 0.03 (n 100)', '1.000 ± 0.013 (n 100)')
    """
    softened = (count + 2) / (n + 4)
    return Value(count / n, math.sqrt(softened * (1 - softened) / (n + 4)), n, "", middle=softened)
