"""Made images against the training split, as sets: what a probe sees of samples, and what it would see in health.

The statistics themselves are in `sets/`, the features in `projection.py`.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import final

import numpy as np
import torch
from torch import Tensor

from reverie.core.family import Batch
from reverie.core.rng import key
from reverie.measure.metric import Items
from reverie.measure.projection import Projection, pool, pooled_side
from reverie.measure.sets import frechet
from reverie.measure.sets.bins import Bins
from reverie.measure.sets.copies import Copies
from reverie.measure.sets.diversity import diversity
from reverie.measure.sets.neighbours import expected_coverage, prdc
from reverie.measure.sets.vendi import vendi
from reverie.measure.spectrum import energies, unfit

# Training images that are read, and values in them: beyond these a training would wait for seconds before it starts.
_POOL, _POOL_VALUES, _LEAST_POOL = 8192, 2**27, 2048
_FITTED, _CALIBRATION, _SPECTRA, _READ_VALUES = 2048, 1024, 256, 2**21
_NEIGHBOURS, _IMAGES_A_BIN, _MOST_BINS, _GROUPS = 5, 20, 50, 10
# Healthy ranges: repetitions, half their width, and what is drawn for those in closed form.
_REPEATS, _DEVIATIONS, _DRAWS, _HIGH = 24, 4.0, 20_000, 0.995
# Of the bins' test; share of its due below which a bin is missing; held-out images that calibrate copies, at least.
_ERROR, _MISSING, _LEAST_HELD = 0.05, 0.2, 20
# As near as this, in shares of the mean distance between two real images, are images of one kind: clusters of points
# are cut into bins far smaller than that, whose tails a sampler may lack that fills every cluster.
_ONE_KIND = 0.05
_LEAST = 4  # images on a side, without which nothing can be said
# Bins on each side of the picture, in rows of how many.
_SHOWN, _ACROSS = 16, 4
_SETS = ("coverage", "density", "diversity", "vendi", "frechet")


@dataclass(frozen=True)
class Comparison:
    """Samples beside the training split.

    Args:
        values: numbers by name; not-a-number when the samples are not finite.
        missing: numbers of the bins that the samples lack, most common ones first.
        over: numbers of the bins that they have too much of, most crowded ones first.
    """

    values: dict[str, float]
    missing: list[int]
    over: list[int]


@final
class Likeness:
    """What is known of the training split, fitted once and compared with samples as often as needed.

    Args:
        train: the training split; everything is fitted to a part of it.
        held_out: held-out images; they calibrate what counts as a copy, and nothing is fitted to them.
        num: samples to compare at a time, at most a third of the training images that are read.
        seed: decides which images are read, and every draw.

    Raises:
        ReverieError: the training images that were read are all alike.

    Attributes:
        num: how many samples `compare` wants.
        labels: classes of the reference images, (num,) int64, for models that take them; None without.
    """

    def __init__(self, train: Items, held_out: Items, *, num: int, seed: int) -> None:
        spec = train.spec
        self._train, self._seed, self._side = train, seed, pooled_side(spec)
        count = min(len(train), _POOL, max(_LEAST_POOL, _POOL_VALUES // spec.num_values))
        self._index = np.sort(self._chance("pool").permutation(len(train))[:count])
        pooled, labels = self._read(train, self._index)
        order = self._chance("reference").permutation(count)
        self.num = max(_LEAST, min(num, count // 3))
        # Components look larger and bins fuller on the images that they were fitted to than on any others, samples
        # included: so the real images that samples are compared with are others too.
        fitted = order[min(2 * self.num, count - max(_LEAST, count // 3)) :][-_FITTED:]
        self._apart = order[: max(2 * self.num, count - len(fitted))]
        self._reference = order[: self.num]
        self.labels = None if labels is None else labels[self._reference]
        projection = Projection.fit(pooled[fitted], spec)
        self._projection, self._features = projection, projection.project(pooled)
        bins = Bins.fit(self._features[fitted], max(2, min(_MOST_BINS, self.num // _IMAGES_A_BIN)), seed)
        counts = np.bincount(bins.assign(self._features[self._apart]), minlength=len(bins.counts)).astype(np.float64)
        self._bins = replace(bins, counts=counts, medoids=fitted[bins.medoids])
        self._reach = _ONE_KIND * diversity(self._features[self._reference], seed).value
        self._due_around = self._around(self._features[self._apart])
        self._copies: Copies | None = None
        if len(held_out) >= _LEAST_HELD:
            held, _ = self._read(held_out, np.arange(min(len(held_out), _CALIBRATION)))
            self._copies = Copies.fit(self._features, projection.project(held))
        self._spectra: Tensor | None = None
        if unfit(spec) is None:
            few = np.sort(self._index[order[: 2 * min(_SPECTRA, self.num)]])
            self._spectra = torch.cat([energies(batch.images) for batch in _batches(train, few)])

    def compare(self, images: Tensor) -> Comparison:
        """The statistics of samples.

        Args:
            images: (num, c, h, w) in [-1, 1], on any device.
        """
        if not bool(images.isfinite().all()):
            return Comparison(dict.fromkeys(self._names(), math.nan), [], [])
        parts = images.split(max(1, _READ_VALUES // images[0].numel()))
        features = self._projection.project(torch.cat([pool(part, self._side) for part in parts]))
        report = self._bins.compare(features)
        due = self._bins.counts / self._bins.counts.sum() * len(features)
        lacking = (report.made < _MISSING * due) & (self._around(features) <= _MISSING * self._due_around)
        missing = [b for b in report.missing if lacking[b]]
        values = _against(self._features[self._reference], features, self._seed)
        values |= {"ndb": report.share_different, "missing_bins": float(len(missing))}
        if self._copies is not None:
            values["copies"] = self._copies.score(features).share.value
        if self._spectra is not None:
            made = torch.cat([energies(part.float()).cpu() for part in images[:_SPECTRA].split(len(parts[0]))])
            values["sharpness"] = detail_ratio(made, self._spectra)
        return Comparison(values, missing, report.over)

    def nulls(self) -> dict[str, tuple[float, float]]:
        """What a perfect sampler's numbers lie between, (low, high) by name.

        From disjoint random halves of training images, and in closed form where these would depend on what the
        statistic was fitted to. A range is 4 standard deviations wide to either side: Student's t of 24 repetitions for
        99.5 % is 2.8, and a training is looked at a dozen times, with statistics that are not all symmetrical.
        """
        rows: list[dict[str, float]] = []
        for repeat in range(_REPEATS):
            chance = self._chance(f"null {repeat}")
            order = chance.permutation(self._apart)
            real, other = order[: self.num], order[self.num : 2 * self.num]
            row = _against(self._features[real], self._features[other], self._seed)
            if self._spectra is not None:
                order = chance.permutation(len(self._spectra))
                half = len(order) // 2
                row["sharpness"] = detail_ratio(self._spectra[order[:half]], self._spectra[order[half:]])
            rows.append(row)
        ranges = {name: _range(name, np.array([row[name] for row in rows])) for name in rows[0]}
        ranges["coverage"] = self._coverage_range(np.array([row["coverage"] for row in rows]))
        # A missing bin is beyond what chance does to any (see `BinReport.missing`).
        ranges |= {"ndb": self._ndb_range(), "missing_bins": (0.0, 0.0), "copies": self._copies_range()}
        return {name: ranges[name] for name in self._names() if math.isfinite(ranges[name][1])}

    def medoids(self, bins: list[int]) -> Tensor:
        """The training image nearest to the middle of each of these bins, (k, c, h, w) in [-1, 1]."""
        return self._train.batch(self._index[self._bins.medoids[bins]]).images.float()

    def picture(self, missing: list[int], over: list[int]) -> Tensor | None:
        """Medoids of missing bins, left, beside those of crowded ones, right: (1, c, h, w); None without any.

        Args:
            missing: bins, the most important first; the first 16 are shown.
            over: likewise.
        """
        if not missing or self._train.spec.kind != "images":
            return None
        sides = [_mosaic(self.medoids(bins[:_SHOWN])) for bins in (missing, over) if bins]
        tallest = max(side.shape[1] for side in sides)
        gap = torch.ones(len(sides[0]), tallest, max(2, self._train.spec.width // 4))
        parts: list[Tensor] = []
        for side in sides:
            room = torch.ones(len(side), tallest - side.shape[1], side.shape[2])
            parts += [torch.cat([side, room], 1), gap]
        return torch.cat(parts[:-1], 2)[None]

    def _chance(self, purpose: str) -> np.random.Generator:
        return np.random.default_rng(key(self._seed, "likeness", purpose))

    def _read(self, items: Items, index: np.ndarray) -> tuple[Tensor, Tensor | None]:
        """Pooled images (n, v), and their labels."""
        pooled: list[Tensor] = []
        labels: list[Tensor] = []
        for batch in _batches(items, index):
            pooled.append(pool(batch.images, self._side))
            labels += [] if batch.labels is None else [batch.labels]
        return torch.cat(pooled), torch.cat(labels) if labels else None

    def _around(self, features: Tensor) -> np.ndarray:
        """Of these, the share that is of one kind with the middle of each bin, (bins,)."""
        centres = self._bins.centres
        return (torch.cdist(centres, features.to(centres.dtype)) < self._reach).double().mean(1).numpy()

    def _coverage_range(self, values: np.ndarray) -> tuple[float, float]:
        """About the expectation, which is the same for all data; it spreads more than if balls were independent."""
        mean = expected_coverage(self.num, self.num, _ball(self.num))
        deviation = max(float(values.std(ddof=1)), math.sqrt(mean * (1 - mean) / self.num))
        return max(0.0, mean - _DEVIATIONS * deviation), min(1.0, mean + _DEVIATIONS * deviation)

    def _ndb_range(self) -> tuple[float, float]:
        """Bins that differ by chance: each does with the test's own error, 5 % (a binomial count, one bin to spare)."""
        bins = len(self._bins.centres)
        counts = self._chance("ndb").binomial(bins, _ERROR, _DRAWS)
        return 0.0, min(1.0, (float(np.quantile(counts, _HIGH)) + 1) / bins)

    def _copies_range(self) -> tuple[float, float]:
        """Samples that pass for copies by chance.

        The threshold is an order statistic of m held-out images, so that a fresh image is below it with a probability
        that is Beta distributed (David and Nagaraja 2003, section 2.5). Ties pass too: data may repeat themselves.
        """
        if self._copies is None:
            return 0.0, 1.0
        chance, ratios = self._chance("copies"), self._copies.held_ratios
        place = int((ratios <= self._copies.threshold).sum())
        below = chance.beta(place, len(ratios) + 1 - place, _DRAWS)
        return 0.0, float(np.quantile(chance.binomial(self.num, below) / self.num, _HIGH))

    def _names(self) -> list[str]:
        """What can be said of these data."""
        names = [*_SETS, "ndb", "missing_bins"]
        names += ["copies"] * (self._copies is not None) + ["sharpness"] * (self._spectra is not None)
        return names


def detail_ratio(made: Tensor, real: Tensor) -> float:
    """Share of energy that is fine detail, in made images over that in real ones; 0 for flat images.

    Args:
        made: `energies` of the model's images, (n, 5).
        real: `energies` of real images, (m, 5); without detail to compare with, the ratio is not-a-number.
    """
    (made_fine, made_all), (real_fine, real_all) = (e[:, :2].double().sum(0).tolist() for e in (made, real))
    if not math.isfinite(made_all) or real_fine <= 1e-6 * real_all:
        return math.nan
    return made_fine / made_all / (real_fine / real_all) if made_all > 1e-9 * len(made) else 0.0


def _against(real: Tensor, made: Tensor, seed: int) -> dict[str, float]:
    """The statistics of two equal numbers of feature vectors; not-a-number where real images are all alike."""
    if bool((real == real[0]).all()):
        return dict.fromkeys(_SETS, math.nan)
    k = _ball(len(real))
    near = prdc(real, made, k_manifold=k, k_coverage=k, errors=False)
    spread = diversity(real, seed).value
    return {
        "coverage": near.coverage.value,
        "density": near.density.value,
        "diversity": diversity(made, seed).value / spread,
        "vendi": vendi(_directed(made)).value / vendi(_directed(real)).value,
        "frechet": frechet.distance(_grouped(real), _grouped(made)).value,
    }


def _directed(features: Tensor) -> Tensor:
    """Rows at the very middle have no direction; they get the first one."""
    nowhere = ~features.any(1)
    if bool(nowhere.any()):
        features = features.clone()
        features[nowhere, 0] = 1.0
    return features


def _ball(num: int) -> int:
    """Neighbours that a ball reaches to."""
    return min(_NEIGHBOURS, num // 2 - 1)


def _grouped(features: Tensor) -> frechet.Groups:
    groups = frechet.Groups(features.shape[1], min(_GROUPS, len(features) // 2))
    groups.add(features)
    return groups


def _range(name: str, values: np.ndarray) -> tuple[float, float]:
    """Between what limits the next value lies."""
    reach = _DEVIATIONS * float(values.std(ddof=1))
    low, high = float(values.mean()) - reach, float(values.mean()) + reach
    return low if name == "frechet" else max(0.0, low), high


def _mosaic(images: Tensor) -> Tensor:
    """Images (n, c, h, w) in rows of four, as one (c, rows x h, columns x w); empty places are white."""
    columns = min(_ACROSS, len(images))
    spare = -len(images) % columns
    filled = torch.cat([images, torch.ones(spare, *images.shape[1:])])
    rows = filled.unflatten(0, (-1, columns))
    return torch.cat([torch.cat(list(row), 2) for row in rows], 1)


def _batches(items: Items, index: np.ndarray) -> Iterator[Batch]:
    """The items of these positions, a few at a time."""
    size = max(1, _READ_VALUES // items.spec.num_values)
    for first in range(0, len(index), size):
        yield items.batch(index[first : first + size])
