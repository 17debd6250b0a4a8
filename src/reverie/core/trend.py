"""What symptoms ask of a signal: whether it has been bad for a while, since when, and how surely."""

import numpy as np
from numpy.typing import NDArray

from reverie.core.finding import Record, Series

CYCLE = 16  # values, of which it may be asked whether they repeat themselves


def bad_run(series: Series, bad: NDArray[np.bool_]) -> tuple[int, int]:
    """(length, images): how many of the last points are bad in a row, and when the first of them was taken.

    Example:
        >>> points = Series(np.array([1.0, 2, 3, 4]), np.zeros(4))
        >>> bad_run(points, np.array([True, False, True, True]))
        (2, 3)
    """
    good = np.flatnonzero(~bad)
    length = len(bad) - (int(good[-1]) + 1 if len(good) else 0)
    return length, int(series.images[len(bad) - length]) if length else 0


def sureness(length: int, least: int) -> float:
    """Confidence in (0, 1): 0.6 at the `least` bad points in a row that a finding needs, and nearer to 1 with more.

    Example:
        >>> sureness(3, 3), round(sureness(9, 3), 2)
        (0.6, 0.95)
    """
    return 1 - 0.4 * 2 ** (-(length - least) / 2)


def together(record: Record, *names: str) -> list[Series] | None:
    """Signals of the same event, cut to their common length; None when one is missing."""
    found = [record.series(name) for name in names]
    least = min(map(len, found))
    return [Series(s.images[-least:], s.values[-least:]) for s in found] if least else None


def autocorrelation(values: NDArray[np.float64]) -> float:
    """How nearly a signal repeats itself: its highest autocorrelation beyond the first negative one.

    A straight line is taken out first, so that a drift counts for nothing. Of 64 values noise has 0.1 to 0.3, a sine
    that goes round twice 0.4, four times 0.7 and sixteen times 0.9 (the estimator with the divisor n; Box and Jenkins
    1976, section 2.1.5).

    Args:
        values: (n,), evenly spaced; not-a-number for fewer than `CYCLE` of them, or where some are not finite.

    Example:
        >>> turns = np.arange(64) / 8
        >>> round(autocorrelation(np.sin(2 * np.pi * turns)), 2), autocorrelation(turns)
        (0.87, 0.0)
    """
    if len(values) < CYCLE or not np.isfinite(values).all():
        return float("nan")
    values = values / max(float(np.abs(values).max()), 1e-300)  # squares of a game that runs away have no room
    at = np.arange(len(values)) - (len(values) - 1) / 2
    rest = values - values.mean() - at * (at @ values) / (at @ at)
    power = float(rest @ rest)
    if power <= 1e-20 * len(values):
        return 0.0
    lags = np.array([rest[: len(rest) - k] @ rest[k:] for k in range(1, 3 * len(rest) // 4)]) / power
    negative = np.flatnonzero(lags < 0)
    return max(0.0, float(lags[negative[0] :].max())) if len(negative) else 0.0
