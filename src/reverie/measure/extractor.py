"""Images to features: what an extractor is, what it is handed to open itself with, and how it is found by name.

An extractor is a file in `reverie/measure/extractors/` that defines `KIND`; its file name, with "-" for "_", is its
name, and what follows a colon is its argument (`classifier:mnist`). Files are listed without being imported.
"""

import difflib
import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reverie.core.errors import UsageError
from reverie.core.recipe import DataRecipe
from reverie.core.spec import DataSpec

if TYPE_CHECKING:
    import torch
    from torch import Tensor


class Extractor(ABC):
    """Maps images to vectors whose distances mean something.

    Attributes:
        name: as the user gave it, argument included.
        fingerprint: hex digits that depend on the weights and on the preprocessing: equal ones give equal features.
        dim: numbers in a feature vector.
        dear: True when features of real images are worth keeping on disk.
        about: further facts for the protocol, such as a classifier's accuracy.
    """

    name: str
    fingerprint: str
    dim: int
    dear: bool
    about: dict[str, Any]

    @abstractmethod
    def features(self, images: "Tensor") -> "Tensor":
        """Features of images, each decided by its image alone.

        Args:
            images: (n, c, h, w) in [-1, 1].
        Returns:
            (n, dim) float32, on the images' device.
        """

    def protocol(self) -> dict[str, Any]:
        """What a protocol must say of the extractor."""
        facts = {"features": self.name, "features_fingerprint": self.fingerprint, "features_dim": self.dim}
        return facts | {f"features_{name}": value for name, value in self.about.items()}


@dataclass(frozen=True)
class Means:
    """What an extractor may open itself with.

    Args:
        spec: of the images that it will be shown.
        device: where they will be.
        data: how the measured images became tensors; a labelled set that an extractor learns from is viewed alike.
        weights_dir: where downloaded weights lie; None for REVERIE_WEIGHTS.
        load: (path of a run) -> (its model in evaluation mode, what its items look like), handed down by `api`.
        progress: called with (what, done, total) while an extractor is trained.
    """

    spec: DataSpec
    device: "torch.device"
    data: DataRecipe | None = None
    weights_dir: Path | None = None
    load: Callable[[str], tuple[Any, DataSpec]] | None = None
    progress: Callable[[str, int, int], None] | None = None


@dataclass(frozen=True)
class Kind:
    """A way to come by features.

    Args:
        usage: how it is named: "pixels", "classifier:DATA".
        summary: one sentence for lists.
        open: (argument, means) -> the extractor; the argument is empty where the usage has none.
    """

    usage: str
    summary: str
    open: Callable[[str, Means], Extractor]


def extractor_names() -> list[str]:
    """Names of every kind of extractor, arguments left out, without importing any.

    Example:
        >>> extractor_names()
        ['classifier', 'dinov2-b14', 'dinov2-s14', 'inception-tf', 'pixels', 'run']
    """
    from reverie.measure import extractors

    return sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(extractors.__path__))


def get_kind(name: str) -> Kind:
    """The kind of extractor of that name, which comes without an argument.

    Raises:
        UsageError: there is none; the message names the nearest, or all.

    Example:
        >>> get_kind("classifier").usage
        'classifier:DATA'
    """
    if name not in extractor_names():
        near = difflib.get_close_matches(name, extractor_names(), 1)
        usages = ", ".join(get_kind(other).usage for other in extractor_names())
        hint = f"Did you mean {get_kind(near[0]).usage!r}?" if near else f"Use one of: {usages}."
        raise UsageError(f"--features: {name!r} is not an extractor. {hint}")
    return importlib.import_module(f"reverie.measure.extractors.{name.replace('-', '_')}").KIND


def open_extractor(name: str, means: Means) -> Extractor:
    """Opens an extractor by its whole name, such as "classifier:mnist".

    Raises:
        UsageError: there is no such extractor, its argument is missing or wrong, its weights are not there, or it does
            not take images of this shape.

    Example:
        >>> import torch
        >>> open_extractor("pixels", Means(DataSpec(channels=3, height=64, width=64), torch.device("cpu"))).dim
        3072
    """
    word, _, argument = name.partition(":")
    kind = get_kind(word)
    if bool(argument) != (":" in kind.usage):
        raise UsageError(f"--features {name}: must look like {kind.usage}. {kind.summary}")
    return kind.open(argument, means)
