"""Share of real images that lie among samples."""

from typing import ClassVar, Literal, final

from reverie.core.capability import Samples
from reverie.measure.metric import Setting
from reverie.measure.neighbourhood import neighbourhood
from reverie.measure.sets_metric import SetMetric
from reverie.measure.value import Value


@final
class Recall(SetMetric):
    """Share of real images within the distance of some sample to its third neighbour (Kynkaanniemi et al. 2019).

    Scattered samples have large balls, so that noise recalls much; `coverage` measures by real images' balls instead.
    """

    name: ClassVar[str] = "recall"
    better: ClassVar[Literal["lower", "higher", "none"]] = "higher"
    summary: ClassVar[str] = "Share of real images that lie among samples: what exists can be made."

    def measure(self, model: Samples, setting: Setting) -> dict[str, Value]:
        """`recall` and `recall_floor`."""
        return neighbourhood(self.name, model, setting)


METRIC = Recall()
