"""What a metric is, what it is handed, and how the metrics are found.

A metric is a file in `reverie/measure/metrics/` that defines `METRIC`; its file name is its name. Files are listed
without being imported, so that `--help` stays quick.
"""

import difflib
import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

import numpy as np

from reverie.core.errors import DataError, ReverieError, UsageError
from reverie.core.family import Batch
from reverie.core.spec import DataSpec
from reverie.measure.extractor import Extractor
from reverie.measure.value import Value

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from reverie.measure.store import FeatureStore

Precision = Literal["fp32", "bf16"]
DIVERGED = "The weights may have diverged: run `reverie diagnose` on the run, or measure an earlier checkpoint."


class Items(Protocol):
    """A split of a data set, read by index."""

    @property
    def spec(self) -> DataSpec:
        """Shape of one item, and the names of the classes."""
        ...

    def __len__(self) -> int:
        """How many items there are."""
        ...

    def batch(self, index: np.ndarray) -> Batch:
        """The items of these positions, the same whenever they are asked for."""
        ...


@dataclass(frozen=True)
class Comparison:
    """What sets of images are compared by.

    Args:
        extractor: turns images into features.
        train: the training split of the measured data, for metrics that look for copies or for missing kinds.
        store: keeps features of the measured split's images.
        twin: builds the measured model's net anew, untrained, for metrics that ask what training gave it.
        fingerprint: of the data.
    """

    extractor: Extractor
    train: Items | None = None
    store: "FeatureStore | None" = None
    twin: "Callable[[], torch.nn.Module] | None" = None
    fingerprint: str = ""


@dataclass(frozen=True)
class Setting:
    """The images that a metric looks at, and the terms on which it does.

    Args:
        name: the metric at work, for messages and progress.
        items: the split.
        index: positions in the split, ascending, (n,) int64.
        samples: importance samples per image.
        seed: decides every draw.
        batch: images at a time; never changes a result.
        device: where the model is.
        progress: called with (metric, done, total).
        memo: what metrics of one `measure` call share, by key.
        comparison: what sets of images are compared by; left out: their pixels.
        precision: of the matrix products and convolutions of a likelihood; nothing else heeds it.
        compiled: whether a likelihood is compiled first; nothing else heeds it.
    """

    name: str
    items: Items
    index: np.ndarray
    samples: int
    seed: int
    batch: int
    device: "torch.device"
    progress: Callable[[str, int, int], None] | None = None
    memo: dict[Any, Any] = field(default_factory=lambda: {})
    comparison: Comparison | None = None
    precision: Precision = "fp32"
    compiled: bool = False

    @property
    def spec(self) -> DataSpec:
        """Shape of one item."""
        return self.items.spec

    @property
    def num(self) -> int:
        """How many images are looked at."""
        return len(self.index)

    def batches(self, size: int | None = None, *, report: bool = True) -> Iterator[tuple[int, Batch]]:
        """The images on the model's device, with the place in `index` where each batch starts.

        Args:
            size: images at a time; `batch` when left out.
            report: tell `progress` after every batch.

        Raises:
            DataError: an image holds values that are not finite.
        """
        size = size or self.batch
        for first in range(0, self.num, size):
            index = self.index[first : first + size]
            batch = self.items.batch(index)
            images = batch.images.to(self.device, non_blocking=True)
            finite = images.isfinite().flatten(1).all(1)
            if not bool(finite.all()):
                worst = int(index[int(finite.logical_not().int().argmax())])
                raise DataError(
                    f"{self.name}: image {worst} of the split holds values that are not finite. "
                    "Leave it out of the data, or measure on another split."
                )
            labels = None if batch.labels is None else batch.labels.to(self.device, non_blocking=True)
            yield first, Batch(images, labels)
            if report:
                self.report(first + len(index), self.num)

    def seeds(self, purpose: str) -> list[int]:
        """One seed per image for draws of one kind, apart from the small seeds that people choose."""
        from reverie.core.rng import key

        first = key(self.seed, "measure", purpose) % 2**40
        return list(range(first, first + self.num))

    def check(self, numbers: "Tensor", what: str) -> "Tensor":
        """The same numbers (n, ...), once all of them are seen to be finite.

        Raises:
            ReverieError: some are not; the message counts the images concerned.
        """
        finite = numbers.isfinite().flatten(1).all(1)
        if not bool(finite.all()):
            bad = int(finite.logical_not().sum())
            raise ReverieError(f"{self.name}: {what} of {bad} of {len(finite)} images are not finite. {DIVERGED}")
        return numbers

    def report(self, done: int, total: int) -> None:
        """Tells `progress`, where there is one."""
        if self.progress is not None:
            self.progress(self.name, done, total)


class Metric(ABC):
    """A number that can be taken of a model.

    Attributes:
        name: the name of its file.
        unit: of the value that carries its name.
        needs: classes of which the model must be an instance: capabilities.
        better: which way is up.
        summary: one sentence for lists and tables.
        least: images below which it makes no sense; 0 when it looks at none.
        timed: True when it is about the making of images, and so means nothing for images that exist.
        trained: True when it needs the training split.
        companions: numbers that come with it and are compared as it is, and which way is up for each.
    """

    name: ClassVar[str]
    unit: ClassVar[str]
    needs: ClassVar[tuple[type, ...]] = ()
    better: ClassVar[Literal["lower", "higher", "none"]]
    summary: ClassVar[str]
    least: ClassVar[int] = 2
    timed: ClassVar[bool] = False
    trained: ClassVar[bool] = False
    companions: ClassVar[Mapping[str, Literal["lower", "higher", "none"]]] = {}

    def unfit(self, spec: DataSpec) -> str | None:
        """Why items of this shape cannot be measured, as the end of a sentence; None when they can."""
        return None

    def unasked(self, model: Any) -> bool:
        """Whether it is taken of this model when nobody names metrics."""
        return True

    def default_num(self, spec: DataSpec) -> int:
        """Images to look at when nobody says how many; fewer when the split has fewer."""
        return 10_000

    def num_samples(self, count: int) -> int:
        """Samples that it asks a model for when it looks at `count` images, at most."""
        return count

    def problem(self, comparison: Comparison, count: int) -> str | None:
        """Why `count` images cannot be compared like this, as a sentence with a next step; None when they can."""
        return None

    def truths(self, spec: DataSpec, num: int) -> dict[str, Value]:
        """What `num` real items score by themselves and in its companions, where that is known without looking."""
        return {}

    @abstractmethod
    def measure(self, model: Any, setting: Setting) -> dict[str, Value]:
        """The number under the metric's name, and those that come with it under names of their own."""


def metric_names() -> list[str]:
    """Names of every metric, without importing any.

    Example:
        >>> "nll" in metric_names()
        True
    """
    from reverie.measure import metrics

    return sorted(module.name for module in pkgutil.iter_modules(metrics.__path__))


def get_metric(name: str) -> Metric:
    """The metric of that name.

    Raises:
        UsageError: there is none; the message names the nearest, or all.

    Example:
        >>> get_metric("psnr").unit
        'dB'
    """
    names = metric_names()
    if name not in names:
        near = difflib.get_close_matches(name, names, 1)
        hint = f"Did you mean {near[0]!r}?" if near else f"Use any of: {', '.join(names)}."
        raise UsageError(f"metrics: {name!r} is not a metric. {hint}")
    return importlib.import_module(f"reverie.measure.metrics.{name}").METRIC


def not_pixels(spec: DataSpec) -> str | None:
    """The reason that metrics of pixels give for points in the plane."""
    return None if spec.kind == "images" else f"{spec.kind} are not pixels"


def words(names: Sequence[str]) -> str:
    """The names as they stand in a sentence: "a, b and c"."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else "nothing"
