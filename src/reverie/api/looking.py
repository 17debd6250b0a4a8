"""What is there: runs, data, this machine. Nothing here loads weights."""

import os
import platform
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from reverie import __version__
from reverie.api.showing import facts
from reverie.core.errors import RunError, UsageError
from reverie.core.family import family_names
from reverie.core.recipe import DataRecipe, Recipe
from reverie.core.run import Run
from reverie.core.summary import Summary
from reverie.data import cache_root, describe, open_dataset
from reverie.train.device import pick_device, pick_precision

_UNREADABLE: dict[str, Any] = {
    "family": "",
    "preset": "",
    "data": "",
    "state": "unreadable",
    "images": 0,
    "fraction": 0.0,
    "seconds": 0.0,
    "parameters": 0,
    "device": "",
    "terms": {},
    "probe": {},
    "modified": 0.0,
}


def runs(folder: Path | str = "runs") -> list[dict[str, Any]]:
    """One line a run folder below `folder`, newest first: see `show` for the keys."""
    root = Path(folder)
    if not root.is_dir():
        raise UsageError(f"{root}: is not a folder. `reverie train` makes runs/ here.")
    found = [root] if (root / "recipe.toml").is_file() else [p.parent for p in sorted(root.glob("*/recipe.toml"))]
    rows = [_row(path) for path in found]
    return sorted(rows, key=lambda row: row["modified"], reverse=True)


def _row(path: Path) -> dict[str, Any]:
    """What `show` says, or that the run cannot be read: one damaged folder must not hide the others."""
    try:
        return show(path)
    except RunError as error:
        return _UNREADABLE | {"name": path.name, "path": str(path), "problem": str(error)}


def show(run: Path | str) -> dict[str, Any]:
    """What a run folder says of itself, without loading its weights."""
    here = Run.open(Path(run))
    try:
        made = here.recipe()
    except UsageError as error:
        raise RunError(f"{here.path}: its recipe.toml cannot be used ({error}).") from None
    summary = Summary.of(here)
    return {
        "name": here.name,
        "path": str(here.path),
        **summary.to_dict(made, training=here.is_training()),
        "modified": (here.path / "recipe.toml").stat().st_mtime,
    }


def describe_data(source: str, **fields: Any) -> dict[str, Any]:
    """What is in there: counts, sizes, classes, duplicates, unreadable files."""
    return describe(_data_recipe(source, fields)).to_dict()


def prepare_data(source: str, *, progress: Callable[[int, int], None] | None = None, **fields: Any) -> dict[str, Any]:
    """Builds the cache that a training would build, and says what it holds."""
    dataset = open_dataset(_data_recipe(source, fields), progress=progress)
    return {"source": source, **facts(dataset), **dataset.report.to_dict()}


def info() -> dict[str, Any]:
    """Versions, devices and folders: what a bug report needs."""
    names = ("torch", "numpy", "pillow", "safetensors", "pydantic", "scikit-learn", "matplotlib")
    devices = ["cpu"] + [f"cuda:{i} {torch.cuda.get_device_name(i)}" for i in range(torch.cuda.device_count())]
    device = pick_device()
    return {
        "reverie": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "versions": {name: _version(name) for name in names},
        "devices": devices + (["mps"] if torch.backends.mps.is_available() else []),
        "device": str(device),
        "precision": pick_precision("auto", device),
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
        "cache": str(cache_root()),
        "families": family_names(),
    }


def _data_recipe(source: str, fields: dict[str, Any]) -> DataRecipe:
    """The data section with these values; what is wrong with them is said as for a whole recipe."""
    return Recipe.from_dict({"family": family_names()[0], "data": {"source": source, **fields}}).data


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
