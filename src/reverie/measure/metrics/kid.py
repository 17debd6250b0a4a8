"""Kernel distance between samples and real images."""

from typing import ClassVar, Literal, final

from reverie.core.capability import Samples
from reverie.measure.metric import Setting
from reverie.measure.passes import sides
from reverie.measure.sets.kid import kid
from reverie.measure.sets_metric import SetMetric
from reverie.measure.value import Value


@final
class Kid(SetMetric):
    """Squared maximum mean discrepancy with a cubic kernel (Binkowski et al. 2018), over all pairs.

    Unbiased at any number of images, so that it may be trusted where there are too few for `frechet`.
    """

    name: ClassVar[str] = "kid"
    better: ClassVar[Literal["lower", "higher", "none"]] = "lower"
    summary: ClassVar[str] = "Distance of samples from real images by a kernel; unbiased, also for few images."

    def measure(self, model: Samples, setting: Setting) -> dict[str, Value]:
        """`kid` and `kid_floor`."""
        found = sides(model, setting)
        return {"kid": kid(found.made, found.real), "kid_floor": kid(found.other, found.real)}


METRIC = Kid()
