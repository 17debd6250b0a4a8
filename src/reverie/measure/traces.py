"""Statistics of sets of samples with what the error of a difference comes from: their traces.

Two contestants that are compared with the same real images, one image a seed each, are subtracted part by part: without
each group (`frechet`, `vendi`, `sliced_wasserstein`), pair of groups by pair (`kid`), in each disjoint part (precision
and its kin), image by image (`sharpness`, `copies`) or bin by bin (`ndb`). The spread of these differences is the error
of the difference. Where that is another one between equal models, it comes from exchanging their samples, seed by seed
or group by group: for equals this turns signs and nothing else, so that the sum of squares is the variance (Fisher
1935, section 21).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast, final

import torch
from torch import Tensor

from reverie.measure.sets import frechet, kid, neighbours, sliced, vendi
from reverie.measure.sets.bins import Bins, bins_for
from reverie.measure.sets.copies import Copies
from reverie.measure.sets.features import jackknife_error
from reverie.measure.sets.nearest import Points, nearest
from reverie.measure.spectrum import detail_ratio
from reverie.measure.value import Value

_GROUPS = 20
# Disjoint parts for precision and its kin: of 2 to 10, three leave intervals of differences nearest to 95 %.
_PARTS = 3


@dataclass(frozen=True)
class Reference:
    """What every contestant is compared with.

    Args:
        real: features of the first half of the real images, (n, d).
        other: of the second half, which plays a perfect model.
        trained: of training images, (m, d); None where contestants did not all learn from them.
        seed: decides bins and directions.
        spectra: `spectrum.energies` of the first half, (n, 5); None where images are too small.
    """

    real: Tensor
    other: Tensor
    trained: Tensor | None = None
    spectra: Tensor | None = None
    seed: int = 0

    @cached_property
    def groups(self) -> frechet.Groups:
        """Moments of the first half."""
        return _grouped(self.real)

    @cached_property
    def copies(self) -> Copies:
        """What counts as a copy, calibrated on the first half."""
        return Copies.fit(cast(Tensor, self.trained), self.real)

    @cached_property
    def bins(self) -> Bins:
        """Kinds of training images, as many as the samples of a contestant, which are as many as `real`, allow."""
        return bins_for(cast(Tensor, self.trained), len(self.real), self.seed)


@dataclass(frozen=True)
class Side:
    """One contestant.

    Args:
        reference: what it is compared with.
        made: features of its samples, (n, d), row i of seed i.
        spectra: `spectrum.energies` of its samples, (n, 5); None where images are too small.
    """

    reference: Reference
    made: Tensor
    spectra: Tensor | None = None

    @cached_property
    def looks(self) -> neighbours.Looks:
        """Precision, recall, density and coverage."""
        return neighbours.traced(self.reference.real, self.made, most_parts=_PARTS)

    @cached_property
    def kernels(self) -> kid.Kernels:
        """Sums of the kernel of `kid`."""
        return kid.kernels(self.made, self.reference.real)

    def alike(self, other: "Side") -> bool:
        """Whether chance alone may be between the samples of the two."""
        return self.kernels.alike(other.kernels)

    def nearest_training(self, count: int) -> Tensor:
        """Positions in `reference.trained` of the image nearest to each of the first samples, (count,) int64."""
        trained = cast(Tensor, self.reference.trained)
        points, middle = self.made[:count].to(trained.dtype), trained.mean(0)
        return nearest(Points.of(points, middle), Points.of(trained, middle), 1)[1][:, 0]


# Standard errors of a difference: of any two models, and of two that are equal; None where there is none, or no other.
Errors = tuple[float | None, float | None]


@final
@dataclass(frozen=True)
class Trace:
    """A number of one contestant.

    Args:
        value: the number with its own error.
        behind: what its error comes from.
        subtract: (behind of a, behind of b) -> the errors of a - b.
    """

    value: Value
    behind: Any
    subtract: Callable[[Any, Any], Errors]

    def minus(self, other: "Trace") -> Value:
        """The difference with its error."""
        error, null = self.subtract(self.behind, other.behind)
        return Value(self.value.value - other.value.value, error, self.value.n, self.value.unit, null=null)


def _frechet(side: Side) -> Trace:
    value, left_out = frechet.traced(_grouped(side.made), side.reference.groups)

    def subtract(x: tuple[Tensor, Side], y: tuple[Tensor, Side]) -> Errors:
        error, (a, b) = float(jackknife_error(x[0] - y[0])), (x[1], y[1])
        if not a.alike(b):
            return error, None
        between = frechet.moments_of(torch.cat([a.made, b.made])), a.reference.groups.moments()
        swaps = frechet.influence(a.made, *between) - frechet.influence(b.made, *between)
        return error, float(swaps.square().sum().sqrt()) / len(swaps)

    return Trace(value, (left_out, side), subtract)


def _kid(side: Side) -> Trace:
    def subtract(x: kid.Kernels, y: kid.Kernels) -> Errors:
        null = float(x.swaps(y).square().sum().sqrt()) if x.alike(y) else None
        return kid.pairs_errors(x.pairs() - y.pairs())[0], null

    return Trace(side.kernels.estimate(), side.kernels, subtract)


def _sliced(side: Side) -> Trace:
    value, projected = sliced.traced(side.made, side.reference.real, seed=side.reference.seed)

    def subtract(x: tuple[sliced.Projected, Side], y: tuple[sliced.Projected, Side]) -> Errors:
        return x[0].difference_errors(y[0], equals=x[1].alike(y[1]))

    return Trace(value, (projected, side), subtract)


def _vendi(side: Side) -> Trace:
    value, left_out = vendi.traced(side.made)
    return Trace(value, left_out, lambda x, y: (float(jackknife_error(x - y)), None))


def _neighbourhood(name: str) -> Callable[[Side], Trace]:
    def take(side: Side) -> Trace:
        value: Value = getattr(side.looks.prdc(), name)
        return Trace(value, side.looks, subtract)

    def subtract(x: neighbours.Looks, y: neighbours.Looks) -> Errors:
        error: float | None = getattr(x.minus(y), name).se
        # No finer than one discordant point either way: parts that all agree are no proof that all points would.
        return None if error is None else max(error, math.sqrt(2) / (x.num_fake + 2)), None

    return take


def _sharpness(side: Side) -> Trace:
    made, real = cast(Tensor, side.spectra), cast(Tensor, side.reference.spectra)
    ratio = detail_ratio("sharpness", made.numpy(), real.numpy(), paired=False)
    # The influence of sample i on the ratio, and that of real image i, which all contestants share (delta method).
    real_share, made_share = (float(e[:, 0].sum() / e[:, 1].sum()) for e in (real, made))
    of_made = (made[:, 0] - made_share * made[:, 1]) / made[:, 1].mean() / real_share
    of_real = (real[:, 0] - real_share * real[:, 1]) / real[:, 1].mean() * made_share / real_share**2
    return Trace(ratio, torch.stack([of_made, of_real]), _of_rows)


def _of_rows(x: Tensor, y: Tensor) -> Errors:
    """Errors of a difference of sums of two independent means, from influences (2, n)."""
    gaps = x - y
    return math.sqrt(float(gaps.var(1).sum()) / gaps.shape[1]), None


def _copies(side: Side) -> Trace:
    calibrated = side.reference.copies
    report = calibrated.score(side.made)
    flags = torch.from_numpy(report.ratios <= calibrated.threshold).double()
    return Trace(report.share, flags, _of_flags)


def _ndb(side: Side) -> Trace:
    report = side.reference.bins.compare(side.made)
    return Trace(report.share(len(side.made)), torch.from_numpy(report.different).double(), _of_flags)


def _of_flags(x: Tensor, y: Tensor) -> Errors:
    """Errors of a difference of paired shares, half a discordant pair added either way so that the first never vanishes
    (Agresti and Min 2005); between equals each discordant pair is a coin (McNemar 1947)."""
    gaps, n = x - y, len(x) + 2
    mean, square = float(gaps.sum()) / n, float(gaps.square().sum())
    return math.sqrt(((square + 1) / n - mean**2) / n), math.sqrt(square) / len(x)


def _grouped(features: Tensor) -> frechet.Groups:
    groups = frechet.Groups(features.shape[1], _GROUPS)
    groups.add(features)
    return groups


# Metrics of sets, each as a function of one side. Those that look at spectra have no floor: real against real is 1.
SETS: dict[str, Callable[[Side], Trace]] = {
    "frechet": _frechet,
    "kid": _kid,
    "sliced_wasserstein": _sliced,
    **{name: _neighbourhood(name) for name in ("precision", "recall", "density", "coverage")},
    "vendi": _vendi,
    "sharpness": _sharpness,
    "copies": _copies,
    "ndb": _ndb,
}
