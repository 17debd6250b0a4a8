"""A folder of images that some model made, in the place of the model."""

from collections.abc import Sequence
from typing import final

import numpy as np
import torch
from torch import Tensor

from reverie.core.capability import Samples
from reverie.core.errors import UsageError
from reverie.measure.metric import Items


@final
class Pictures(Samples):
    """Images that exist, given out as samples: which one a seed gets is fixed, and as many seeds in a row as there are
    images get a different one each.

    Args:
        parts: the images, in one or more splits.
    """

    def __init__(self, *parts: Items) -> None:
        self._parts = parts
        self._starts = np.cumsum([0, *(len(part) for part in parts)])
        self._order = np.random.default_rng(0).permutation(len(self))

    def __len__(self) -> int:
        """How many there are."""
        return int(self._starts[-1])

    def sample(self, seeds: Sequence[int], *, labels: Tensor | None = None, truncation: float = 1.0) -> Tensor:
        """The pictures of these seeds; labels mean nothing to them.

        Raises:
            UsageError: a truncation is asked for.
        """
        if truncation != 1:
            raise UsageError(f"sample: pictures that exist cannot be truncated, got {truncation}. Leave it at 1.")
        place = self._order[np.asarray(seeds, np.int64) % len(self)]
        part = np.searchsorted(self._starts, place, side="right") - 1
        images = [
            self._parts[p].batch(np.array([i - self._starts[p]])).images for p, i in zip(part, place, strict=True)
        ]
        return torch.cat(images)
