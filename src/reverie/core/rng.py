"""Chance as a function: every draw is decided by (seed, images seen), and belongs to the global batch.

A batch that is split over ranks or micro-batches takes slices of one global draw, so neither changes the result.
"""

from collections.abc import Sequence
from functools import cached_property
from hashlib import blake2b

import torch
from torch import Tensor


def key(*parts: int | str) -> int:
    """A 63-bit number that depends on every part; the same on every machine and in every process."""
    digest = blake2b("|".join(str(p) for p in parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


class Rng:
    """Draws for items `first : first + count` of a batch of `total`; draws come in sequence, batch axis first.

    Args:
        *parts: what the draws depend on, such as (seed, images_seen) or (seed, "probe").
        count: items in this slice.
        first: where the slice starts in the whole batch.
        total: items in the whole batch; `count` when the batch is not split.
        device: where the numbers are wanted; they are drawn on the CPU, so that devices agree.

    Example:
        >>> whole, half = Rng(0, 128, count=4), Rng(0, 128, count=2, first=2, total=4)
        >>> bool((whole.normal(3)[2:] == half.normal(3)).all())
        True
    """

    def __init__(
        self,
        *parts: int | str,
        count: int,
        first: int = 0,
        total: int | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        self.parts, self.count, self.first, self.device = parts, count, first, torch.device(device)
        self.total = count if total is None else total

    @cached_property
    def _generator(self) -> torch.Generator:
        """Made at the first draw: many a stream is only there to spawn others."""
        return torch.Generator().manual_seed(key(*self.parts))

    def normal(self, *shape: int) -> Tensor:
        """Standard normal, (count, *shape), float32."""
        return self._slice(torch.randn(self.total, *shape, generator=self._generator))

    def uniform(self, *shape: int) -> Tensor:
        """Uniform on [0, 1), (count, *shape), float32."""
        return self._slice(torch.rand(self.total, *shape, generator=self._generator))

    def integers(self, high: int, *shape: int) -> Tensor:
        """Integers in [0, high), (count, *shape), int64."""
        return self._slice(torch.randint(high, (self.total, *shape), generator=self._generator))

    def spawn(self, name: str) -> "Rng":
        """A stream of its own for one purpose, so that adding a draw elsewhere does not shift it."""
        return Rng(*self.parts, name, count=self.count, first=self.first, total=self.total, device=self.device)

    def slice(self, first: int, count: int) -> "Rng":
        """The stream of items `first : first + count` of this slice (a micro-batch)."""
        return Rng(*self.parts, count=count, first=self.first + first, total=self.total, device=self.device)

    def _slice(self, whole: Tensor) -> Tensor:
        part = whole if self.count == self.total else whole[self.first : self.first + self.count]
        return part.to(self.device, non_blocking=True)


def normal_by_seed(seeds: Sequence[int], *shape: int) -> Tensor:
    """Standard normal draws (n, *shape), row i decided by seeds[i] alone."""
    if not seeds:
        return torch.empty(0, *shape)
    return torch.cat([Rng("sample", int(seed), count=1).normal(*shape) for seed in seeds])
