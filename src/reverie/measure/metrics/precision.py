"""Share of samples that lie among real images."""

from typing import ClassVar, Literal, final

from reverie.core.capability import Samples
from reverie.measure.metric import Setting
from reverie.measure.neighbourhood import neighbourhood
from reverie.measure.sets_metric import SetMetric
from reverie.measure.value import Value


@final
class Precision(SetMetric):
    """Share of samples within the distance of some real image to its third neighbour (Kynkaanniemi et al. 2019).

    One outlier among the real images makes a large ball that anything falls into; `density` is less easily pleased.
    """

    name: ClassVar[str] = "precision"
    better: ClassVar[Literal["lower", "higher", "none"]] = "higher"
    summary: ClassVar[str] = "Share of samples that lie among real images: what is made is believable."

    def measure(self, model: Samples, setting: Setting) -> dict[str, Value]:
        """`precision` and `precision_floor`."""
        return neighbourhood(self.name, model, setting)


METRIC = Precision()
