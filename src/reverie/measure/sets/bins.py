"""Number of statistically different bins: which kinds of real images are made too rarely, or too often.

Richardson and Weiss 2018: k-means cells of the training images, and a test of two proportions in each.
"""

import math
import warnings
from dataclasses import dataclass, replace
from typing import final

import numpy as np
import torch
from torch import Tensor

from reverie.core.errors import ReverieError, UsageError
from reverie.core.rng import key
from reverie.measure.sets.features import Features, checked, proportion
from reverie.measure.sets.nearest import Points, nearest
from reverie.measure.statistics import Floats
from reverie.measure.value import Value

_LEVEL, _FACTOR = 0.05, 2.0
_LEAST_A_BIN, _ITERATIONS = 2, 100
_MOST_BINS, _IMAGES_A_BIN, MOST_FITTED = 100, 20, 20_000


@dataclass(frozen=True)
class BinReport:
    """How the made images fill the bins.

    Args:
        js: Jensen-Shannon divergence between the two histograms, bits, 0 to 1; chance alone leaves about
            (k - 1) / (8 ln 2) (1/n + 1/m) of it.
        missing: bins with less than half of the images that were due, beyond what chance does to any bin (Bonferroni,
            5 %), those with most real images first.
        over: likewise bins with more than twice as many, the most crowded first.
        z: of the difference in each bin, positive where too many were made, (k,).
        made: images in each bin, (k,).
    """

    js: float
    missing: list[int]
    over: list[int]
    z: Floats
    made: Floats

    @property
    def different(self) -> np.ndarray:
        """Which bins' proportions differ at the 5 % level, (k,) bool."""
        return np.abs(self.z) > _two_sided(_LEVEL)

    @property
    def share_different(self) -> float:
        """Of the bins, NDB / K; about 0.05 by chance."""
        return float(self.different.mean())

    def share(self, n: int) -> Value:
        """`share_different` with the error of a share of as many independent bins, and every z.

        Args:
            n: made images, which the value is said to come from.
        """
        found = proportion(torch.from_numpy(self.different))
        return replace(found, n=n, per=tuple(self.z.tolist()))


@final
@dataclass(frozen=True)
class Bins:
    """K-means cells of training images.

    Args:
        centres: (k, d).
        counts: training images in each, (k,).
        medoids: position of the training image nearest to each centre, (k,).

    Example:
        >>> real = np.repeat(np.eye(3), 100, axis=0)
        >>> bins = Bins.fit(real + 1e-3 * np.random.default_rng(0).standard_normal(real.shape), 3, seed=0)
        >>> report = bins.compare(real[:200])
        >>> len(report.missing), report.share_different, int(bins.medoids[report.missing[0]]) >= 200
        (1, 1.0, True)
    """

    centres: Tensor
    counts: Floats
    medoids: np.ndarray

    @classmethod
    def fit(cls, train_features: Features, k: int, seed: int) -> "Bins":
        """Clusters training images.

        Args:
            train_features: (n, d), two a bin at least.
            k: bins, at most; equal images leave fewer.
            seed: decides where the search begins.

        Raises:
            ReverieError: there are too few images, or some features are not finite.
            UsageError: k is below 2.
        """
        from sklearn.cluster import KMeans
        from sklearn.exceptions import ConvergenceWarning

        if k < 2:
            raise UsageError(f"ndb: bins must be >= 2, got {k}. 100 are usual.")
        rows = checked(train_features, "ndb: the training images", _LEAST_A_BIN * k)
        state = key(seed, "bins") % 2**32
        means = KMeans(k, n_init=1, max_iter=_ITERATIONS, random_state=state)  # pyright: ignore[reportArgumentType]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # of fewer kinds than bins: the empty ones go below
            centres = torch.from_numpy(means.fit(rows.numpy()).cluster_centers_).to(rows.dtype)
        centre, image = (Points.of(part, rows.mean(0)) for part in (centres, rows))
        counts = np.bincount(nearest(image, centre, 1)[1][:, 0], minlength=k).astype(np.float64)
        if (filled := counts > 0).sum() < 2:
            raise ReverieError("ndb: the training images all have the same features. Use another extractor.")
        medoids = nearest(centre, image, 1)[1][:, 0].numpy()
        return cls(centres[torch.from_numpy(filled)], counts[filled], medoids[filled])

    def assign(self, features: Features) -> np.ndarray:
        """The bin of each image, (n,) int64."""
        rows = checked(features, "ndb: the images", 1).to(self.centres.dtype)
        if rows.shape[1] != self.centres.shape[1]:
            raise ReverieError(
                f"ndb: the images have {rows.shape[1]} features, the bins {self.centres.shape[1]}. "
                "Use one extractor for both."
            )
        middle = self.centres.mean(0)
        return nearest(Points.of(rows, middle), Points.of(self.centres, middle), 1)[1][:, 0].numpy()

    def compare(self, features: Features) -> BinReport:
        """Counts made images and tests every bin.

        Args:
            features: (m, d) of made images.

        Raises:
            ReverieError: they are too few, not finite or of another width.
        """
        rows = checked(features, "ndb: the samples", _LEAST_A_BIN)
        made, k = np.bincount(self.assign(rows), minlength=len(self.counts)).astype(np.float64), len(self.counts)
        n, m = self.counts.sum(), made.sum()
        real_share, made_share, pooled = self.counts / n, made / m, (self.counts + made) / (n + m)
        error = np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
        z = (made_share - real_share) / np.where(error > 0, error, 1)
        sure = np.abs(z) > _two_sided(_LEVEL / k)
        missing = np.flatnonzero(sure & (_FACTOR * made_share < real_share))
        over = np.flatnonzero(sure & (made_share > _FACTOR * real_share))
        mixed = np.maximum(real_share + made_share, 1e-300) / 2
        js = sum((p * np.log2(np.where(p > 0, p, mixed) / mixed)).sum() / 2 for p in (real_share, made_share))
        return BinReport(
            js=float(js),
            missing=missing[np.argsort(-self.counts[missing], kind="stable")].tolist(),
            over=over[np.argsort(-z[over], kind="stable")].tolist(),
            z=z,
            made=made,
        )


def bins_for(train_features: Tensor, made: int, seed: int) -> Bins:
    """As many bins as so many samples can fill with 20 each, 100 at most, of up to 20,000 training images."""
    rows = train_features[:: max(1, math.ceil(len(train_features) / MOST_FITTED))]
    return Bins.fit(rows, max(2, min(_MOST_BINS, made // _IMAGES_A_BIN, len(rows) // _IMAGES_A_BIN)), seed)


def _two_sided(level: float) -> float:
    """The z that chance passes, either way, with this probability."""
    return float(torch.special.ndtri(torch.tensor(1 - level / 2, dtype=torch.float64)))
