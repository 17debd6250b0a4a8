"""From image files to training batches: sources, a fingerprinted cache, a split by content, batches by index.

    source (folder, zip, npz, IDX, built in) -> prepare -> cache folder -> Items -> Batch

No augmentation nets, no metrics. Every public name is loaded on first use: the processes that draw built-in images
need none of torch. Read `dataset.py` next.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reverie.data.cache import cache_root
    from reverie.data.catalogue import dataset_names
    from reverie.data.dataset import Dataset, describe, holds_points, open_dataset, read_image, read_picture
    from reverie.data.items import Items
    from reverie.data.order import batch_index
    from reverie.data.report import Report

_HOMES = {
    "Dataset": "dataset",
    "Items": "items",
    "Report": "report",
    "batch_index": "order",
    "cache_root": "cache",
    "dataset_names": "catalogue",
    "describe": "dataset",
    "holds_points": "dataset",
    "open_dataset": "dataset",
    "read_image": "dataset",
    "read_picture": "dataset",
}

__all__ = [
    "Dataset",
    "Items",
    "Report",
    "batch_index",
    "cache_root",
    "dataset_names",
    "describe",
    "holds_points",
    "open_dataset",
    "read_image",
    "read_picture",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'reverie.data' has no attribute {name!r}")
    return getattr(importlib.import_module(f"reverie.data.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return list(__all__)
