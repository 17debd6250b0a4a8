"""Kinds of images that a model makes too rarely or too often."""

from typing import ClassVar, Literal, final

from reverie.core.capability import Samples
from reverie.measure.metric import Setting
from reverie.measure.passes import sides, training_features
from reverie.measure.sets.bins import MOST_FITTED, bins_for
from reverie.measure.sets_metric import SetMetric
from reverie.measure.value import Value


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
        found = sides(model, setting)
        bins = bins_for(training_features(setting, MOST_FITTED), len(found.made), setting.seed)
        values: dict[str, Value] = {}
        for rows, suffix in ((found.made, ""), (found.other, "_floor")):
            report = bins.compare(rows)
            values |= {
                f"ndb{suffix}": report.share(len(rows)),
                f"ndb_js{suffix}": Value(report.js, None, len(rows), "bits"),
                f"ndb_missing{suffix}": Value(len(report.missing), None, len(rows), f"of {len(report.z)} bins"),
            }
        return values


METRIC = Ndb()
