"""Stacked digits: how many of the thousand numbers 000 to 999 a model makes, and how evenly (Metz et al. 2017).

The divergence of a perfect sampler is not 0 but depends on the number of samples: tables of different n do not compare
unless its floor is taken off.
"""

import math
from dataclasses import dataclass

import numpy as np

from reverie.core.errors import ReverieError
from reverie.core.rng import key
from reverie.measure.sets.features import Features, checked
from reverie.measure.statistics import Floats
from reverie.measure.value import Value

_DIGITS, _CHANNELS, _SURE, _DRAWS = 10, 3, 0.99, 200
NUMBERS = _DIGITS**_CHANNELS


@dataclass(frozen=True)
class StackedReport:
    """What a classifier reads from stacked digits.

    Args:
        modes: numbers that some sample shows, by the likeliest digit of each channel; the literature's count.
        sure_modes: those that some sample shows with at least 99 % confidence in every digit.
        kl: KL(histogram || uniform over 1000), nats.
        kl_floor: its mean and its deviation for a perfect sampler of as many samples.
        kl_excess: the difference, with the error of `kl`.
        histogram: samples of each number, (1000,).
    """

    modes: Value
    sure_modes: Value
    kl: Value
    kl_floor: Value
    kl_excess: Value
    histogram: Floats


def stacked_modes(probabilities: Features, *, seed: int = 0) -> StackedReport:
    """Counts numbers.

    Args:
        probabilities: of the digits 0 to 9 in each channel, (n, 3, 10), as a classifier gives them.
        seed: decides the draws behind the floor.

    Raises:
        ReverieError: they are of another shape, or not finite.

    Example:
        >>> report = stacked_modes(np.eye(10)[[[1, 2, 3], [1, 2, 3], [0, 0, 7]]])
        >>> report.modes.value, report.sure_modes.value, np.flatnonzero(report.histogram).tolist()
        (2, 2, [7, 123])
    """
    if probabilities.ndim != 3 or tuple(probabilities.shape[1:]) != (_CHANNELS, _DIGITS):
        raise ReverieError(
            f"stacked_modes: needs probabilities of shape (n, {_CHANNELS}, {_DIGITS}), got "
            f"{tuple(probabilities.shape)}. Read each channel with a classifier of digits."
        )
    rows = checked(probabilities.reshape(-1, _CHANNELS * _DIGITS), "stacked_modes: the probabilities", 1)
    best, digits = rows.view(-1, _CHANNELS, _DIGITS).max(2)
    numbers = (digits.numpy() * np.array([100, 10, 1])).sum(1)
    sure = (best >= _SURE).all(1).numpy()
    histogram, n = np.bincount(numbers, minlength=NUMBERS).astype(np.float64), len(rows)
    kl, (floor, deviation) = divergence(histogram), sampling_floor(n, seed)
    error = _error(histogram, deviation)
    return StackedReport(
        modes=Value(int((histogram > 0).sum()), None, n, f"of {NUMBERS}"),
        sure_modes=Value(len(np.unique(numbers[sure])), None, n, f"of {NUMBERS}"),
        kl=Value(kl, error, n, "nats"),
        kl_floor=Value(floor, deviation, n, "nats"),
        kl_excess=Value(kl - floor, error, n, "nats"),
        histogram=histogram,
    )


def divergence(histogram: Floats) -> float:
    """KL(histogram || uniform) over its bins, nats.

    Example:
        >>> divergence(np.array([5.0, 5.0])), round(divergence(np.array([5.0, 0.0])), 4)
        (0.0, 0.6931)
    """
    shares = histogram[histogram > 0] / histogram.sum()
    return math.log(len(histogram)) + float((shares * np.log(shares)).sum())


def sampling_floor(n: int, seed: int = 0, numbers: int = NUMBERS) -> tuple[float, float]:
    """Mean and standard deviation of the divergence of n uniform draws, from 200 multinomial draws."""
    chance = np.random.default_rng(key(seed, "stacked", "floor", n))
    found = [divergence(row.astype(np.float64)) for row in chance.multinomial(n, np.full(numbers, 1 / numbers), _DRAWS)]
    return float(np.mean(found)), float(np.std(found, ddof=1))


def _error(histogram: Floats, deviation: float) -> float:
    """By the delta method, and of a perfect sampler's divergence, where the first vanishes."""
    n, shares = histogram.sum(), histogram[histogram > 0] / histogram.sum()
    surprise = -np.log(shares)
    variance = float((shares * surprise**2).sum() - (shares * surprise).sum() ** 2) / n
    return math.sqrt(max(0.0, variance) + deviation**2)
