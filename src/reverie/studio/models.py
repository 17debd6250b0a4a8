"""Trained models and data sets that pages ask for: opened once, kept while they are in use, never on the event loop.

Routes that call this are plain functions, which the server runs in threads. Torch is imported at the first call. What
is computed of a model is in `exploring.py`, `attributes.py` and `nearest.py`.
"""

import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from reverie.core.recipe import DataRecipe, Recipe
from reverie.core.spec import DataSpec
from reverie.studio.faults import Fault
from reverie.studio.files import within
from reverie.studio.shelf import Entry

if TYPE_CHECKING:
    from reverie.data import Dataset

MOST_MODELS, MOST_SETS = 3, 3
LARGEST_WEIGHTS = 4 << 30  # bytes


@dataclass
class Loaded:
    """A model of a run.

    Args:
        name: of the run.
        version: changes whenever the weights do.
        model: in evaluation mode, on the CPU.
        spec: of what it makes.
        recipe: that it was trained by.
        images: training images that its weights have seen.
        id: of the run.
        path: of the run folder.
        weights: the file.
        memo: what was found out about it, by name.
    """

    name: str
    version: str
    model: Any
    spec: DataSpec
    recipe: Recipe
    images: int
    id: str
    path: Path
    weights: Path
    memo: dict[str, Any] = field(default_factory=lambda: {}, repr=False)

    def is_current(self) -> bool:
        """True while the run's weights are still these."""
        return self.weights.exists() and _version(self.weights, self.recipe) == self.version

    @property
    def can(self) -> list[str]:
        """Names of its capabilities."""
        from reverie.tasks.require import CAPABILITIES

        return [c.__name__ for c in CAPABILITIES if isinstance(self.model, c)]

    def need(self, what: str, *capabilities: str) -> None:
        """Does nothing when it has one of the capabilities.

        Raises:
            Fault: it has none of them.
        """
        if not set(capabilities) & set(self.can):
            wanted, has = " or ".join(capabilities), ", ".join(self.can)
            raise Fault(409, f"{self.name}: cannot {what}, which needs {wanted} (it has {has}). Open another run.")


class Models:
    """The models that were asked for last, and their data sets.

    Attributes:
        quick: held while a model works for a moment, so that answers do not fight for the processor.
        slow: held by what takes seconds.
    """

    def __init__(self) -> None:
        self._models: OrderedDict[Path, Loaded] = OrderedDict()
        self._sets: OrderedDict[str, Dataset] = OrderedDict()
        self._loading, self._opening = threading.Lock(), threading.Lock()
        self.quick, self.slow = threading.Lock(), threading.Lock()
        self._known: dict[tuple[str, str], Any] = {}
        self._newest: dict[str, int] = {}
        self._counting = threading.Lock()

    def get(self, entry: Entry) -> Loaded:
        """The model of a run with its best weights, or the last while there are no best.

        Raises:
            Fault: it has no weights yet, or they are too large.
            ReverieError: they are damaged, or do not fit the recipe.
        """
        recipe, path = entry.sound(), _weights(entry)
        version = _version(path, recipe)
        with self._loading:
            kept = self._models.get(entry.path)
            if kept is None or kept.version != version:
                kept = _load(entry, recipe, path, version)
                self._models[entry.path] = kept
            self._models.move_to_end(entry.path)
            while len(self._models) > MOST_MODELS:
                self._models.popitem(last=False)
            return kept

    def dataset(self, recipe: Recipe) -> "Dataset":
        """What a run was trained on; a set that was never prepared is prepared now, which may take a while.

        Raises:
            ReverieError: it is gone, or cannot be read.
        """
        from reverie.data import open_dataset

        data: DataRecipe = recipe.data
        key = json.dumps(data.model_dump(mode="json"), sort_keys=True)
        with self._opening:
            if key not in self._sets:
                self._sets[key] = open_dataset(data)
            self._sets.move_to_end(key)
            while len(self._sets) > MOST_SETS:
                self._sets.popitem(last=False)
            return self._sets[key]

    def once(self, loaded: Loaded, name: str, make: Callable[[], Any]) -> Any:
        """What `make` gives, computed once for these weights."""
        if name not in loaded.memo:
            with self.slow:
                if name not in loaded.memo:
                    loaded.memo[name] = make()
        return loaded.memo[name]

    def once_of(self, dataset: "Dataset", name: str, make: Callable[[], Any]) -> Any:
        """What `make` gives, computed once for a data set."""
        key = (dataset.fingerprint, name)
        if key not in self._known:
            with self.slow:
                if key not in self._known:
                    self._known[key] = make()
        return self._known[key]

    @contextmanager
    def latest(self, what: str) -> Iterator[None]:
        """Slow work of which only the newest request counts: those that waited while another came are refused.

        Raises:
            Fault: a newer request of this kind came.
        """
        with self._counting:
            mine = self._newest[what] = self._newest.get(what, 0) + 1
        with self.slow:
            if self._newest[what] != mine:
                raise Fault(409, "A newer picture took this one's place. Only the last one is answered.")
            yield


def _weights(entry: Entry) -> Path:
    for name in ("best", "last"):
        path = within(entry.path, f"weights/{name}.safetensors")
        if path is not None:
            if path.stat().st_size > LARGEST_WEIGHTS:
                raise Fault(
                    409, f"{entry.name}: its weights have more than 4 GiB. Use `reverie sample` for such a model."
                )
            return path
    raise Fault(409, f"{entry.name}: has no weights yet. Wait for its first checkpoint.")


def _version(path: Path, recipe: Recipe) -> str:
    found = path.stat()
    stamp = (str(path), found.st_ino, found.st_size, found.st_mtime_ns, recipe.to_toml())
    return sha256(repr(stamp).encode()).hexdigest()[:16]


def _load(entry: Entry, recipe: Recipe, path: Path, version: str) -> Loaded:
    from reverie.api.using import load
    from reverie.train.checkpoint import load_weights

    tensors, spec, images = load_weights(path)
    _check_size(entry, recipe, spec, sum(tensor.nbytes for tensor in tensors.values()))
    model = load(entry.run, weights=cast(Any, path.stem), device="cpu")
    return Loaded(entry.name, version, model, spec, recipe, images, entry.id, entry.path, path)


def _check_size(entry: Entry, recipe: Recipe, spec: DataSpec, stored: int) -> None:
    """Stops before a net is built that is larger than its weights: a recipe of few bytes can ask for any memory."""
    import torch

    from reverie.core.family import get_family

    with torch.device("meta"):
        planned = get_family(recipe.family).build(recipe, spec).state_dict()
    if sum(tensor.nbytes for tensor in planned.values()) > stored + (1 << 20):
        raise Fault(409, f"{entry.name}: its weights do not fit its recipe.toml. Was the recipe edited? Put it back.")
