"""Mixtures of Gaussians in the plane: modes found, shares of good points, by the protocol of PacGAN (Lin et al. 2018).

A perfect sampler has 98.89 % of high-quality points, and some reverse KL by chance: see `expected_reverse_kl`.
"""

import math
from dataclasses import dataclass

import torch

from reverie.core.errors import ReverieError
from reverie.measure.sets.features import Features, checked, proportion
from reverie.measure.value import Value

# A point is of high quality within this many sigma of its nearest mode.
REACH = 3.0
# Share of a perfect sampler's points that are: 1 - exp(-4.5).
HIGH_QUALITY = 1 - math.exp(-(REACH**2) / 2)


@dataclass(frozen=True)
class PointReport:
    """How samples fit a mixture of equally likely, round Gaussians.

    Args:
        modes: those with at least one high-quality point.
        high_quality: share of points within 3 sigma of their nearest mode; more than 0.9889 means modes too tight.
        reverse_kl: ln K less the entropy of the histogram of high-quality points over modes, nats; ln K without any.
        mode_spread: standard deviation within modes over sigma, corrected for the cut at 3 sigma: 1 for the mixture
            itself; 0 without high-quality points.
        histogram: high-quality points of each mode.
    """

    modes: Value
    high_quality: Value
    reverse_kl: Value
    mode_spread: Value
    histogram: tuple[int, ...]


def point_report(samples: Features, modes: Features, sigma: float) -> PointReport:
    """Counts points by mode.

    Args:
        samples: (n, 2).
        modes: centres, (k, 2).
        sigma: standard deviation of each Gaussian, along either axis.

    Raises:
        ReverieError: the samples are not finite points of the plane.

    Example:
        >>> import numpy as np
        >>> two = np.array([[0.0, 0.0], [1.0, 0.0]])
        >>> found = point_report(np.array([[0.0, 0.01], [0.0, -0.01], [0.5, 0.0]]), two, 0.02)
        >>> found.modes.value, round(found.high_quality.value, 3), round(found.reverse_kl.value, 3)
        (1, 0.667, 0.693)
    """
    points, centres = checked(samples, "modes: the samples", 1).double(), torch.as_tensor(modes).double()
    if points.shape[1] != centres.shape[1]:
        raise ReverieError(f"modes: the samples have {points.shape[1]} coordinates, not 2. Measure a model of points.")
    squares = (points[:, None] - centres).square().sum(2)
    nearest, index = squares.min(1)
    good = nearest <= (REACH * sigma) ** 2
    n, k, count = len(points), len(centres), int(good.sum())
    histogram = torch.bincount(index[good], minlength=k).double()
    kl, kl_error = _reverse_kl(histogram)
    spread, spread_error = _spread(nearest[good] / sigma**2)
    return PointReport(
        modes=Value(int((histogram > 0).sum()), None, n, f"of {k}"),
        high_quality=proportion(good),
        reverse_kl=Value(kl, kl_error, count, "nats"),
        mode_spread=Value(spread, spread_error, count, "sigma"),
        histogram=tuple(int(c) for c in histogram),
    )


def expected_reverse_kl(num_modes: int, num_points: int) -> float:
    """What a perfect sampler's histogram shows by chance, nats: (K - 1) / 2N (Miller 1955).

    Example:
        >>> round(expected_reverse_kl(25, 2500), 4)
        0.0048
    """
    return (num_modes - 1) / (2 * num_points)


def _reverse_kl(histogram: torch.Tensor) -> tuple[float, float | None]:
    """ln K - H, and its error by the delta method and, where that vanishes, of its chi-square distribution."""
    n, k = float(histogram.sum()), len(histogram)
    if not n:
        return math.log(k), None
    shares = histogram / n
    surprise = -torch.where(shares > 0, shares, 1).log()
    entropy = float((shares * surprise).sum())
    variance = float((shares * surprise.square()).sum()) - entropy**2
    return math.log(k) - entropy, math.sqrt(max(0.0, variance) / n + (k - 1) / (2 * n**2))


def _spread(squares: torch.Tensor) -> tuple[float, float | None]:
    """Deviation within modes along an axis from squared distances to modes, both in sigma, and its error.

    The mean square of a round Gaussian's points within r sigma is 2 (1 - (r^2 / 2) e / (1 - e)), with
    e = exp(-r^2 / 2): the cut is taken out by that factor.
    """
    if not len(squares):
        return 0.0, None
    outside = math.exp(-(REACH**2) / 2)
    whole = 2 * (1 - REACH**2 / 2 * outside / (1 - outside))
    mean = float(squares.mean()) / whole
    error = float(squares.std()) / whole / math.sqrt(len(squares)) if len(squares) > 1 else None
    root = math.sqrt(mean)
    return root, None if error is None or not root else error / (2 * root)
