"""How many latent dimensions react to the image."""

from typing import ClassVar, Literal, final

from reverie.core.capability import Encodes
from reverie.measure.metric import Metric, Setting
from reverie.measure.statistics import Moments
from reverie.measure.value import Value

# Burda et al. 2016, appendix C: the histogram of variances is bimodal, and this lies between its modes.
_THRESHOLD = 0.01


@final
class ActiveUnits(Metric):
    """Latent dimensions u with Var_x(E[u | x]) > 0.01 (Burda et al. 2016, section 4.2); `per` has the variances.

    The threshold is in the units of a prior of variance 1.
    """

    name: ClassVar[str] = "active_units"
    unit: ClassVar[str] = "units"
    needs: ClassVar[tuple[type, ...]] = (Encodes,)
    better: ClassVar[Literal["lower", "higher", "none"]] = "none"
    summary: ClassVar[str] = "Latent dimensions whose mean varies with the image (variance above 0.01)."

    def measure(self, model: Encodes, setting: Setting) -> dict[str, Value]:
        """`active_units`."""
        codes = Moments()
        for _, batch in setting.batches():
            codes.add(setting.check(model.encode(batch.images, labels=batch.labels), "the latents"))
        per = tuple(float(variance) for variance in codes.variance)
        return {"active_units": Value(sum(v > _THRESHOLD for v in per), None, codes.n, self.unit, per)}


METRIC = ActiveUnits()
