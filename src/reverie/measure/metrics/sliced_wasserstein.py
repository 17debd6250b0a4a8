"""Transport distance between samples and real images."""

from typing import ClassVar, Literal, final

from reverie.core.capability import Samples
from reverie.measure.metric import Setting
from reverie.measure.passes import sides
from reverie.measure.sets import sliced
from reverie.measure.sets_metric import SetMetric
from reverie.measure.value import Value


@final
class SlicedWasserstein(SetMetric):
    """Squared distance between sorted projections on random directions (Rabin et al. 2012), averaged.

    No shape of distribution is assumed, unlike `frechet`. It shrinks as images grow in number: compare with its floor.
    """

    name: ClassVar[str] = "sliced_wasserstein"
    better: ClassVar[Literal["lower", "higher", "none"]] = "lower"
    summary: ClassVar[str] = "Distance of samples from real images along random directions of their features."

    def measure(self, model: Samples, setting: Setting) -> dict[str, Value]:
        """`sliced_wasserstein` and `sliced_wasserstein_floor`."""
        found = sides(model, setting)
        value, floor = (sliced.distance(rows, found.real, seed=setting.seed) for rows in (found.made, found.other))
        return {"sliced_wasserstein": value, "sliced_wasserstein_floor": floor}


METRIC = SlicedWasserstein()
