"""How crowded with real images the places of samples are."""

from typing import ClassVar, Literal, final

from reverie.core.capability import Samples
from reverie.measure.metric import Setting
from reverie.measure.neighbourhood import neighbourhood
from reverie.measure.sets_metric import SetMetric
from reverie.measure.value import Value


@final
class Density(SetMetric):
    """Real images' balls that hold a sample, on average, over five (Naeem et al. 2020).

    1 for a perfect model, more for one that keeps to the crowded places.
    """

    name: ClassVar[str] = "density"
    better: ClassVar[Literal["lower", "higher", "none"]] = "higher"
    summary: ClassVar[str] = "How crowded with real images the places of samples are: 1 as real images themselves."

    def measure(self, model: Samples, setting: Setting) -> dict[str, Value]:
        """`density` and `density_floor`."""
        return neighbourhood(self.name, model, setting)


METRIC = Density()
