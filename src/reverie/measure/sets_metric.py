"""What the metrics that compare a set of samples with a set of real images have in common."""

from abc import ABC
from typing import ClassVar

from reverie.core.capability import Samples
from reverie.core.spec import DataSpec
from reverie.measure.metric import Comparison, Metric
from reverie.measure.passes import MOST_VALUES


class SetMetric(Metric, ABC):
    """A number about a set of samples, in the features of some extractor.

    Half of the real images are the reference and as many samples are taken; the other half gives `NAME_floor`, what a
    perfect model would score at the same number of images. A value within its floor's error is as good as it gets.

    Attributes:
        least: real images, both halves together, below which it makes no sense.
        in_memory: False when sums of features are all that it keeps.
    """

    needs: ClassVar[tuple[type, ...]] = (Samples,)
    unit: ClassVar[str] = ""
    least: ClassVar[int] = 80
    in_memory: ClassVar[bool] = True

    def default_num(self, spec: DataSpec) -> int:
        """20,000: 10,000 a half."""
        return 20_000

    def num_samples(self, count: int) -> int:
        """As many as half of the images."""
        return count // 2

    def problem(self, comparison: Comparison, count: int) -> str | None:
        """No training split, or features of more images than memory holds."""
        if self.trained and comparison.train is None:
            return f"{self.name} needs the training images, and none are at hand. Measure a run on its own data."
        most = 2 * MOST_VALUES // (3 * comparison.extractor.dim)
        if self.in_memory and count > most:
            return (
                f"{self.name}: {count:,} images of {comparison.extractor.dim:,} features each do not fit into memory. "
                f"Ask for at most {most:,} with --num, or use an extractor with fewer features."
            )
        return None
