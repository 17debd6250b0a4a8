"""Kinds of images that a model makes too rarely or too often."""

import math
from typing import ClassVar, Literal, final

from reverie.core.capability import Samples
from reverie.measure.metric import Setting
from reverie.measure.passes import sides, training_features
from reverie.measure.sets.bins import BinReport, Bins
from reverie.measure.sets_metric import SetMetric
from reverie.measure.value import Value

_MOST_BINS, _IMAGES_A_BIN, _MOST_FITTED = 100, 20, 20_000


@final
class Ndb(SetMetric):
    """Share of bins whose share of samples differs from that of real images (Richardson and Weiss 2018).

    Bins are the cells of a k-means clustering of the training images; a perfect model differs in about 5 % of them by
    chance. `ndb_missing` counts bins with less than half of the samples that were due, beyond chance; `ndb_js` is the
    Jensen-Shannon divergence of the two histograms. The value of each part is its bin's z, negative where too few.
    """

    name: ClassVar[str] = "ndb"
    better: ClassVar[Literal["lower", "higher", "none"]] = "lower"
    summary: ClassVar[str] = "Share of kinds of images that are made too rarely or too often."
    trained: ClassVar[bool] = True

    def measure(self, model: Samples, setting: Setting) -> dict[str, Value]:
        """`ndb`, `ndb_js`, `ndb_missing` and their floors."""
        found, fitted = sides(model, setting), training_features(setting, _MOST_FITTED)
        num_bins = max(2, min(_MOST_BINS, len(found.made) // _IMAGES_A_BIN, len(fitted) // _IMAGES_A_BIN))
        bins = Bins.fit(fitted, num_bins, setting.seed)
        values: dict[str, Value] = {}
        for rows, suffix in ((found.made, ""), (found.other, "_floor")):
            report = bins.compare(rows)
            values |= {
                f"ndb{suffix}": _share(report, len(rows)),
                f"ndb_js{suffix}": Value(report.js, None, len(rows), "bits"),
                f"ndb_missing{suffix}": Value(len(report.missing), None, len(rows), f"of {len(report.z)} bins"),
            }
        return values


def _share(report: BinReport, n: int) -> Value:
    """With the error of a share of as many independent bins, which does not vanish at 0 (Agresti and Coull 1998)."""
    num = len(report.z)
    softened = (report.share_different * num + 2) / (num + 4)
    error = math.sqrt(softened * (1 - softened) / (num + 4))
    return Value(report.share_different, error, n, "", tuple(report.z.tolist()))


METRIC = Ndb()
