"""What each latent dimension costs."""

from typing import ClassVar, Literal, final

import numpy as np

from reverie.core.capability import Scores
from reverie.measure.metric import Metric, Setting
from reverie.measure.statistics import Moments
from reverie.measure.value import Value


@final
class KlPerDimension(Metric):
    """KL(q(z | x) || p(z)), mean over the images: the sum over dimensions, and `per` dimension.

    A dimension near 0 nats carries nothing: its posterior is the prior whatever the image.
    """

    name: ClassVar[str] = "kl_per_dimension"
    unit: ClassVar[str] = "nats"
    needs: ClassVar[tuple[type, ...]] = (Scores,)
    better: ClassVar[Literal["lower", "higher", "none"]] = "none"
    summary: ClassVar[str] = "Information that the latents carry, in all and for each dimension; nats per image."

    def measure(self, model: Scores, setting: Setting) -> dict[str, Value]:
        """`kl_per_dimension`."""
        dimensions, totals = Moments(), Moments()
        for _, batch in setting.batches():
            kl = setting.check(model.kl_per_dimension(batch.images, labels=batch.labels), "the KL terms").double()
            dimensions.add(kl)
            totals.add(kl.sum(1))
        per = tuple(float(mean) for mean in np.atleast_1d(dimensions.mean))
        return {"kl_per_dimension": Value(float(totals.mean), float(totals.standard_error), totals.n, self.unit, per)}


METRIC = KlPerDimension()
