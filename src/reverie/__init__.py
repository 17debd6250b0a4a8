"""Reverie: train image generators on your own images, know when they go wrong, and measure what they are worth.

    import reverie as rv
    for event in rv.train(rv.recipe("vae", data="faces", minutes=3), run="runs/faces"):
        ...
    rv.sample("runs/faces", n=16)

Every public name is loaded on first use, so that importing this package costs nothing.
"""

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from reverie.api import (
        bakeoff,
        choose,
        compare,
        diagnose,
        fit,
        interpolate,
        load,
        measure,
        recipe,
        resume,
        sample,
        train,
        treat,
    )
    from reverie.core.errors import ReverieError
    from reverie.core.recipe import Recipe
    from reverie.core.run import Run

_HOMES = {
    "Recipe": "reverie.core.recipe",
    "ReverieError": "reverie.core.errors",
    "Run": "reverie.core.run",
}

__all__ = [
    "Recipe",
    "ReverieError",
    "Run",
    "bakeoff",
    "choose",
    "compare",
    "diagnose",
    "fit",
    "interpolate",
    "load",
    "measure",
    "recipe",
    "resume",
    "sample",
    "train",
    "treat",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'reverie' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES.get(name, "reverie.api")), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


class _Package(ModuleType):
    """Keeps `reverie.train` the function: importing the package of that name would put itself in its place."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (isinstance(value, ModuleType) and name in __all__):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
