"""Batches: what the training view draws anew, what the evaluation view keeps, and where rows come from."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from reverie.core.errors import DataError
from reverie.core.rng import Rng
from reverie.core.spec import DataSpec
from reverie.data import Items
from reverie.data.items import Style
from reverie.data.rows import Rows

SPEC = DataSpec(channels=1, height=4, width=6)


def items_of(pixels: np.ndarray, **style: object) -> Items:
    hashes = np.arange(len(pixels), dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return Items(Rows.of(pixels), np.arange(len(pixels)), SPEC, hashes=hashes, style=Style(**style))  # type: ignore[arg-type]


def greys(num: int, value: int) -> np.ndarray:
    return np.full((num, *SPEC.shape), value, np.uint8)


@pytest.mark.parametrize("value", [0, 1, 64, 128, 200, 255])
def test_dynamic_binarisation_is_bernoulli(value: int) -> None:
    num = 2000
    items = items_of(greys(num, value), binarize="dynamic")
    p, count = value / 255, num * SPEC.num_values
    error = 4 * np.sqrt(p * (1 - p) / count) + 1e-12
    views = [items.batch(np.arange(num), rng).images for rng in (None, Rng(0, 1, count=num), Rng(0, 2, count=num))]
    for images in views:
        assert set(images.unique().tolist()) <= {-1.0, 1.0}
        assert abs((images == 1).double().mean().item() - p) <= error
    if 0 < value < 255:
        for a, b in ((0, 1), (1, 2)):  # independent draws agree with probability p^2 + (1 - p)^2
            agree = (views[a] == views[b]).double().mean().item()
            expected = p**2 + (1 - p) ** 2
            assert abs(agree - expected) <= 4 * np.sqrt(expected * (1 - expected) / count)
    if 64 <= value <= 200:
        columns = views[0].flatten(1)
        assert torch.corrcoef(columns.T).fill_diagonal_(0).abs().max() < 6 / np.sqrt(num), "pixels are not independent"


def test_the_evaluation_view_belongs_to_the_item() -> None:
    items = items_of(np.random.default_rng(0).integers(0, 256, (50, *SPEC.shape), dtype=np.uint8), binarize="dynamic")
    whole = items.batch(np.arange(50)).images
    for index in ([3], [49, 3, 3, 0]):
        assert torch.equal(items.batch(index).images, whole[index])


def test_the_training_view_belongs_to_its_place_in_the_global_batch() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (8, *SPEC.shape), dtype=np.uint8)
    items = items_of(pixels, binarize="dynamic", mirror=True)
    whole = items.batch(np.arange(8), Rng(0, 640, count=8)).images
    part = items.batch(np.arange(4, 8), Rng(0, 640, count=4, first=4, total=8)).images
    assert torch.equal(whole[4:], part)


def test_mirroring_is_a_coin_for_each_image() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (400, *SPEC.shape), dtype=np.uint8)
    items = items_of(pixels, mirror=True)
    plain, seen = items.batch(np.arange(400)).images, items.batch(np.arange(400), Rng(0, 0, count=400)).images
    same = (seen == plain).flatten(1).all(1)
    turned = (seen == plain.flip(3)).flatten(1).all(1)
    assert (same | turned).all() and 150 < turned.sum() < 250


def test_threshold() -> None:
    pixels = np.arange(256, dtype=np.uint8).repeat(SPEC.num_values).reshape(256, *SPEC.shape)
    images = items_of(pixels, binarize="threshold").batch(np.arange(256)).images[:, 0, 0, 0]
    assert (images[:128] == -1).all() and (images[128:] == 1).all()


def test_rows_from_the_file_equal_rows_in_memory(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (100, 3, 5, 4), dtype=np.uint8)
    path = tmp_path / "images.u8"
    path.write_bytes(pixels.tobytes())
    held, read = (Rows(path, 100, (3, 5, 4), in_memory_bytes=most) for most in (10**6, 100))
    for index in ([], [7], [99, 0, 99, 50, 1], list(range(100))):
        at = np.array(index, np.int64)
        assert np.array_equal(held.gather(at), pixels[at]) and np.array_equal(read.gather(at), pixels[at])
    held.gather(np.array([1]))[:] = 0
    assert np.array_equal(held.gather(np.array([1])), pixels[[1]]), "a batch is a copy"
    for rows in (held, read):
        with pytest.raises(IndexError):
            rows.gather(np.array([100]))
    os.truncate(path, 60 * 99)
    with pytest.raises(DataError, match="shorter than its manifest"):
        read.gather(np.array([3, 99]))
    with pytest.raises(DataError, match="shorter than its manifest"):
        Rows(path, 100, (3, 5, 4))
