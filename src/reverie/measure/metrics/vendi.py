"""How many different images there are, in effect."""

from typing import ClassVar, Literal, final

from reverie.core.capability import Samples
from reverie.core.spec import DataSpec
from reverie.measure.metric import Setting, not_pixels
from reverie.measure.passes import sides
from reverie.measure.sets.vendi import vendi
from reverie.measure.sets_metric import SetMetric
from reverie.measure.value import Value


@final
class Vendi(SetMetric):
    """Exponential of the entropy of the eigenvalues of the samples' similarities (Friedman and Dieng 2023): 1 when all
    are alike, n when each differs from all others.

    It looks at samples alone, so noise scores high. `vendi_floor` is that of as many real images: far below it a model
    repeats itself, far above it it makes what does not exist.
    """

    name: ClassVar[str] = "vendi"
    better: ClassVar[Literal["lower", "higher", "none"]] = "none"
    summary: ClassVar[str] = "Effective number of different samples; compare with that of real images, its floor."

    def unfit(self, spec: DataSpec) -> str | None:
        """The angle between points in the plane says nothing of how different they are."""
        return not_pixels(spec)

    def measure(self, model: Samples, setting: Setting) -> dict[str, Value]:
        """`vendi` and `vendi_floor`."""
        found = sides(model, setting)
        return {"vendi": vendi(found.made), "vendi_floor": vendi(found.other)}


METRIC = Vendi()
