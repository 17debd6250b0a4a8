"""Items of one part of a data set, as batches: gathered by index, made float in [-1, 1], binarised, mirrored.

With an `Rng` a batch is the training view, whose coins are drawn anew at every visit. Without one it is the evaluation
view: the same item looks the same whenever and in whatever company it is asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from reverie.core.family import Batch
from reverie.core.rng import Rng
from reverie.core.spec import DataSpec
from reverie.data.rows import Rows
from reverie.data.split import mix


@dataclass(frozen=True)
class Style:
    """What happens to an item between its row and its batch.

    Args:
        binarize: "no", "dynamic" (a coin for each value) or "threshold" (at one half).
        mirror: half of the training items, chosen by coin, are flipped left to right.
    """

    binarize: str = "no"
    mirror: bool = False


class Items:
    """One part (training, held out or test) of a data set.

    Args:
        rows: where values come from, shared between parts.
        index: the row of each item, (n,).
        spec: what an item is.
        labels: of every row, or None.
        hashes: of every row; an item's own key for the evaluation view.
        factors: known properties of every row.
        style: how rows become batches.

    Example:
        >>> from reverie.data.rows import Rows
        >>> rows, spec = Rows.of(np.full((2, 1, 2, 2), 255, np.uint8)), DataSpec(1, 2, 2)
        >>> Items(rows, np.arange(2), spec, hashes=np.zeros(2, np.uint64)).batch([1]).images.tolist()
        [[[[1.0, 1.0], [1.0, 1.0]]]]
    """

    def __init__(
        self,
        rows: Rows,
        index: np.ndarray,
        spec: DataSpec,
        *,
        hashes: np.ndarray,
        labels: np.ndarray | None = None,
        factors: dict[str, np.ndarray] | None = None,
        style: Style | None = None,
    ) -> None:
        self.spec, self._rows, self._index = spec, rows, index
        self.style = style or Style()
        self.labels = None if labels is None else labels[index]
        self.hashes = hashes[index]
        self.factors = {name: values[index] for name, values in (factors or {}).items()}

    def __len__(self) -> int:
        return len(self._index)

    def raw(self, index: np.ndarray | Sequence[int]) -> np.ndarray:
        """The stored values of these items: (k, c, h, w) uint8 pixels (float32 coordinates, for points).

        Raises:
            IndexError: a number is out of range.
        """
        return self._rows.gather(self._index[np.asarray(index, np.int64)])

    def batch(
        self, index: np.ndarray | Sequence[int], rng: Rng | None = None, device: torch.device | str = "cpu"
    ) -> Batch:
        """These items as a model sees them.

        Args:
            index: item numbers, (k,).
            rng: the batch's chance, of k items, for the training view; None for the evaluation view.
            device: where the tensors go; pixels travel as bytes and become floats there.

        Returns:
            images (k, c, h, w) float32 in [-1, 1], and labels (k,) int64 where there are labels.
        """
        index = np.asarray(index, np.int64)
        raw = torch.from_numpy(self.raw(index)).to(device, non_blocking=True)
        labels = None
        if self.labels is not None:
            labels = torch.from_numpy(self.labels[index].astype(np.int64)).to(device, non_blocking=True)
        if rng is not None and self.style.mirror:
            flip = rng.spawn("mirror").uniform() < 0.5
            raw = torch.where(flip.to(raw.device)[:, None, None, None], raw.flip(3), raw)
        if self.style.binarize == "threshold":
            return Batch((raw >= 128).float().mul_(2).sub_(1), labels)
        if self.style.binarize == "dynamic":
            coins = self._coins(index) if rng is None else rng.spawn("binarise").uniform(*self.spec.shape)
            return Batch((coins.to(raw.device) < raw / 255).float().mul_(2).sub_(1), labels)
        return Batch(raw if raw.is_floating_point() else raw.float().div_(127.5).sub_(1), labels)

    def _coins(self, index: np.ndarray) -> Tensor:
        """Uniform on [0, 1), (k, c, h, w): for each item a SplitMix64 that starts at its (mixed) content hash."""
        step = np.uint64(0x9E3779B97F4A7C15) * np.arange(1, self.spec.num_values + 1, dtype=np.uint64)
        bits = mix(mix(self.hashes[index])[:, None] + step) >> np.uint64(40)
        return torch.from_numpy(bits.astype(np.float32)).mul_(2.0**-24).reshape(-1, *self.spec.shape)
