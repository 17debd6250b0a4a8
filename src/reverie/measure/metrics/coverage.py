"""Share of real images with a sample nearby."""

from typing import ClassVar, Literal, final

from reverie.core.capability import Samples
from reverie.measure.metric import Setting
from reverie.measure.neighbourhood import neighbourhood
from reverie.measure.sets_metric import SetMetric
from reverie.measure.value import Value


@final
class Coverage(SetMetric):
    """Share of real images with a sample within the distance to their fifth nearest neighbour (Naeem et al. 2020).

    A perfect model reaches about 0.97, not 1: compare with its floor.
    """

    name: ClassVar[str] = "coverage"
    better: ClassVar[Literal["lower", "higher", "none"]] = "higher"
    summary: ClassVar[str] = "Share of real images with a sample nearby: what the model leaves out lowers it."

    def measure(self, model: Samples, setting: Setting) -> dict[str, Value]:
        """`coverage` and `coverage_floor`."""
        return neighbourhood(self.name, model, setting)


METRIC = Coverage()
