"""Features of real images on disk, so that a dear extractor looks at each image once.

    features/AB/KEY.f32     below the cache's root: 16 bytes of digest, then raw little-endian float32

A file holds one block of images; its key depends on the extractor, the data, the split and the positions in the split.
Blocks are written whole or not at all, so that an interrupted pass goes on where it stopped and two processes agree.
"""

import contextlib
from hashlib import blake2b
from pathlib import Path
from typing import final

import numpy as np
import torch
from torch import Tensor

from reverie.core.run import atomic_write
from reverie.data.source import digest
from reverie.measure.extractor import Extractor

BLOCK = 1024
_DIGEST = 16


@final
class FeatureStore:
    """The stored features of one split of one data set.

    Args:
        root: the folder; it is made when the first block is kept.
        data: the data set's fingerprint.
        split: "train", "held-out" or "test".
    """

    def __init__(self, root: Path, data: str, split: str) -> None:
        self._root, self._data, self._split = root, data, split

    def of(self, split: str) -> "FeatureStore":
        """The same data's other split."""
        return FeatureStore(self._root, self._data, split)

    def load(self, extractor: Extractor, index: np.ndarray) -> Tensor | None:
        """Features of these positions, (len(index), dim) float32, or None where there are none or they are damaged."""
        try:
            content = self._path(extractor, index).read_bytes()
        except OSError:
            return None
        values = content[_DIGEST:]
        if len(values) != 4 * len(index) * extractor.dim or content[:_DIGEST] != _checksum(values):
            return None
        return torch.from_numpy(np.frombuffer(values, "<f4").reshape(len(index), extractor.dim).copy())

    def keep(self, extractor: Extractor, index: np.ndarray, features: Tensor) -> None:
        """Stores features; a disk that is full or read-only costs time at the next pass and nothing else."""
        values = features.numpy().astype("<f4").tobytes()
        path = self._path(extractor, index)
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            atomic_write(path, _checksum(values) + values)

    def _path(self, extractor: Extractor, index: np.ndarray) -> Path:
        places = blake2b(index.astype("<i8").tobytes(), digest_size=16).hexdigest()
        key = digest(extractor.fingerprint, extractor.dim, self._data, self._split, places)
        return self._root / key[:2] / f"{key[2:]}.f32"


def _checksum(values: bytes) -> bytes:
    return blake2b(values, digest_size=_DIGEST).digest()
