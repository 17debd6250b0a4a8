"""What was found while reading a source: for `reverie data show`, manifests and model cards."""

from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict


class Report(BaseModel):
    """Counts, sizes and troubles of a source.

    Args:
        source: what was read.
        images: readable images.
        shape: (channels, height, width) that they are brought to.
        classes: images in each class; empty without labels.
        widths: smallest, median and largest width of the originals, in pixels.
        heights: the same of heights.
        modes: images of each Pillow mode ("L" grey, "P" palette, "RGBA" with alpha, ...).
        unreadable: (name, reason) of images that are left out.
        ignored: other files, passed over.
        duplicates: images that equal an earlier one once they have the shape.
        seconds: what reading took.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    images: int
    shape: tuple[int, int, int]
    classes: dict[str, int] = {}
    widths: tuple[int, int, int] = (0, 0, 0)
    heights: tuple[int, int, int] = (0, 0, 0)
    modes: dict[str, int] = {}
    unreadable: tuple[tuple[str, str], ...] = ()
    ignored: int = 0
    duplicates: int = 0
    seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON has them."""
        return self.model_dump(mode="json")


def class_counts(labels: np.ndarray | None, classes: tuple[str, ...]) -> dict[str, int]:
    """Images in each class, in the order of the classes."""
    if labels is None:
        return {}
    return dict(zip(classes, np.bincount(labels, minlength=len(classes)).tolist(), strict=True))


def spread(values: np.ndarray) -> tuple[int, int, int]:
    """(smallest, median, largest) of whole numbers; zeros when there are none."""
    if not len(values):
        return (0, 0, 0)
    return int(values.min()), int(np.median(values)), int(values.max())


def num_duplicates(hashes: np.ndarray) -> int:
    """Rows that equal an earlier row."""
    return len(hashes) - len(np.unique(hashes))
