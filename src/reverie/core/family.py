"""The seam between the one training loop and every family: what a family supplies and what the loop hands it.

A family is a folder under `reverie/families/` whose `__init__` defines `FAMILY`, or a third party's entry point in the
group `reverie.families`. Nothing is registered by hand.
"""

import importlib
import pkgutil
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, ClassVar

from reverie.core.errors import UsageError
from reverie.core.recipe import Recipe
from reverie.core.spec import DataSpec

if TYPE_CHECKING:  # `reverie --help` lists families and must not pay for torch
    from torch import Tensor, nn

    from reverie.core.rng import Rng


@dataclass(frozen=True)
class Batch:
    """Items of the training set: images (b, c, h, w) float in [-1, 1], labels (b,) int64 or None."""

    images: "Tensor"
    labels: "Tensor | None" = None

    def __len__(self) -> int:
        return len(self.images)

    def slice(self, first: int, count: int) -> "Batch":
        """Items `first : first + count`."""
        labels = None if self.labels is None else self.labels[first : first + count]
        return Batch(self.images[first : first + count], labels)


@dataclass(frozen=True)
class Moment:
    """When a step happens: training images seen, the fraction of the budget spent in [0, 1], and its chance."""

    images: int
    fraction: float
    rng: "Rng"


@dataclass(frozen=True)
class Terms:
    """What one evaluation of an objective says.

    Args:
        loss: scalars by name, already weighted; their sum is minimised.
        watch: further scalars by name, detached, for people and probes only.
    """

    loss: "dict[str, Tensor]"
    watch: "dict[str, Tensor]" = field(default_factory=lambda: {})


@dataclass(frozen=True)
class Phase:
    """One objective and the parameters that it updates.

    Args:
        name: "elbo", "critic", "generator"; the prefix of its terms in `events.jsonl`.
        params: what the step updates; nothing else receives gradients from it.
        terms: (batch, moment) -> Terms. Means over the batch, so that ranks and micro-batches average.
        every: the phase runs at every n-th step.
    """

    name: str
    params: "Sequence[nn.Parameter]"
    terms: "Callable[[Batch, Moment], Terms]"
    every: int = 1


class Family(ABC):
    """A way to model images.

    Attributes:
        name: that of its folder.
        summary: what it gives and what it costs, in a line.
        recipe: its recipes' class.
        can: names of the capabilities that its models have, for those who list runs and must not pay for torch.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    recipe: ClassVar[type[Recipe]]
    can: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def presets(self) -> dict[str, Callable[[], Recipe]]:
        """Recipes by name; each function's docstring says what to expect and how long it takes. Has "default"."""

    @abstractmethod
    def build(self, recipe: Any, spec: DataSpec) -> "nn.Module":
        """The untrained model: an nn.Module that implements the capabilities of `reverie.core.capability`.

        Weights depend on `recipe.seed` alone. Raises UsageError when the recipe cannot serve data of this shape.
        """

    @abstractmethod
    def phases(self, model: Any, recipe: Any, num_items: int) -> "tuple[Phase, ...]":
        """The objectives, in the order in which a step runs them; `num_items` is the size of the training set.

        Where `recipe.train.compile` is set a family compiles what it can of them, by
        `reverie.nets.compiling.compile_function`, or its recipe refuses.
        """

    def prepare(self, model: Any, batch: Batch, recipe: Any) -> None:  # noqa: B027  (doing nothing is the default)
        """Sets initial values that depend on data, once, before the first step, from training items alone."""


def family_names() -> list[str]:
    """Names of every family that is installed, without importing any."""
    import reverie.families

    built_in = [m.name for m in pkgutil.iter_modules(reverie.families.__path__) if m.ispkg]
    return sorted({*built_in, *_third_party(tuple(sys.path))})


def get_family(name: str) -> Family:
    """The family of that name.

    Raises:
        UsageError: no such family; the message lists those there are.

    Example:
        >>> get_family("vae").name
        'vae'
    """
    if name not in family_names():
        raise UsageError(f"family: {name!r} is not a family. Use one of: {', '.join(family_names())}.")
    third_party = _third_party(tuple(sys.path))
    if name in third_party:
        return third_party[name].load()
    return importlib.import_module(f"reverie.families.{name}").FAMILY


@cache
def _third_party(path: tuple[str, ...]) -> dict[str, EntryPoint]:
    """Read once for a search path: it looks through all that is installed, and a list of runs asks for every run."""
    return {entry.name: entry for entry in entry_points(group="reverie.families")}
