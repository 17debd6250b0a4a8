"""Small folders of images, made on the spot."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def noise(seed: int, height: int = 12, width: int = 12, channels: int = 3) -> np.ndarray:
    """Pixels that no two seeds share: (h, w, c) uint8, or (h, w) for one channel."""
    shape = (height, width) if channels == 1 else (height, width, channels)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.fixture
def folder_of(tmp_path: Path) -> Callable[..., Path]:
    """Makes a folder of `num` PNG images of noise; `classes` of them take turns as sub-folders."""

    def make(num: int = 200, *, classes: int = 0, name: str = "images", **size: int) -> Path:
        root = tmp_path / name
        for i in range(num):
            at = root / str(i % classes) if classes else root
            at.mkdir(parents=True, exist_ok=True)
            Image.fromarray(noise(i, **size)).save(at / f"{i}.png", compress_level=1)
        return root

    return make
