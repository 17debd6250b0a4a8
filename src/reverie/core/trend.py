"""What symptoms ask of a signal: whether it has been bad for a while, since when, and how surely."""

import numpy as np
from numpy.typing import NDArray

from reverie.core.finding import Record, Series


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
