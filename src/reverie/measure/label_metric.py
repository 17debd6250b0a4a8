"""What the metrics that read labels from codes have in common."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal

from torch import Tensor

from reverie.core.capability import Encodes, Samples
from reverie.core.spec import DataSpec
from reverie.measure.coded import Coded, Labelled, coded
from reverie.measure.metric import Comparison, Metric, Setting
from reverie.measure.sets.features import share
from reverie.measure.value import Value


class LabelMetric(Metric, ABC):
    """The share of unseen images whose label a simple rule reads from their codes, after seeing training images.

    Beside `NAME` stand `NAME_pixels`, `NAME_pca` (as many components of the pixels as the code has dimensions),
    `NAME_random` (the same net, untrained) and `NAME_supervised` (the same net, taught the labels for about a minute of
    one core, where its encoder lets gradients through). At most 20,000 training images are seen.
    """

    unit: ClassVar[str] = ""
    needs: ClassVar[tuple[type, ...]] = (Encodes,)
    better: ClassVar[Literal["lower", "higher", "none"]] = "higher"
    least: ClassVar[int] = 20
    trained: ClassVar[bool] = True

    def unfit(self, spec: DataSpec) -> str | None:
        """Items without labels, and points."""
        if spec.kind != "images":
            return f"{spec.kind} are not images"
        return None if spec.num_classes > 1 else "the images have no labels"

    def unasked(self, model: Any) -> bool:
        """Only of models that make no images: of others it would double the time of a measurement."""
        return not isinstance(model, Samples)

    def problem(self, comparison: Comparison, count: int) -> str | None:
        """No training split."""
        if comparison.train is not None:
            return None
        return f"{self.name} needs the training images, and none are at hand. Measure a run on its own data."

    @abstractmethod
    def guesses(self, codes: Coded, known: Labelled) -> Tensor:
        """The classes of the unseen images, (n,) int64."""

    def measure(self, model: Encodes, setting: Setting) -> dict[str, Value]:
        """The accuracy under the metric's name, and those of the comparisons."""
        known, values = coded(model, setting), dict[str, Value]()
        for whose, codes in known.codes.items():
            right = int((self.guesses(codes, known) == known.labels).sum())
            values[f"{self.name}_{whose}" if whose else self.name] = share(right, len(known.labels))
        return values
