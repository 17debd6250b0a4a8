"""The split by content: copies stay together, order does not matter, sizes are as promised."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reverie.core.errors import DataError
from reverie.data.split import mix, split


def hashes_of(values: list[int]) -> np.ndarray:
    return np.array(values, np.uint64) * np.uint64(0x9E3779B97F4A7C15)


@settings(max_examples=80)
@given(
    values=st.lists(st.integers(0, 400), min_size=16, max_size=600).filter(lambda v: len(set(v)) > 1),
    share=st.floats(0.01, 0.49),
    seed=st.integers(0, 1000),
)
def test_split(values: list[int], share: float, seed: int) -> None:
    hashes = hashes_of(values)
    train, held = split(hashes, share)
    assert sorted([*train, *held]) == list(range(len(values)))
    assert not set(hashes[train]) & set(hashes[held]), "a copy straddles"
    assert 1 <= len(held) <= len(values) // 2 or len(set(values)) == 2
    shuffled = np.random.default_rng(seed).permutation(len(values))
    train_too, held_too = split(hashes[shuffled], share)
    assert set(hashes[shuffled][held_too]) == set(hashes[held]), "order decides"
    assert sorted(hashes[shuffled][train_too]) == sorted(hashes[train])
    assert hashes[shuffled][held_too].tolist() == hashes[held].tolist(), "held-out items come in content's order"


@pytest.mark.parametrize(("num", "expected"), [(16, 8), (100, 50), (128, 64), (1000, 64), (10_000, 500)])
def test_sizes_without_copies(num: int, expected: int) -> None:
    train, held = split(hashes_of(list(range(num))), 0.05)
    assert (len(train), len(held)) == (num - expected, expected)
    assert train.dtype == held.dtype == np.int32


def test_more_images_move_few() -> None:
    """Adding 10 % of new images leaves nearly every held-out image held out: the split is by content, not by count."""
    small, large = hashes_of(list(range(10_000))), hashes_of(list(range(11_000)))
    before, after = set(small[split(small, 0.05)[1]]), set(large[split(large, 0.05)[1]])
    assert len(before - after) < 0.1 * len(before)


def test_a_picture_that_fills_most_of_the_set_stays_in_training() -> None:
    train, held = split(hashes_of([0] * 90 + list(range(1, 11))), 0.05)
    assert len(held) == 10 and len(train) == 90


def test_what_cannot_be_split() -> None:
    with pytest.raises(DataError, match="at least 16"):
        split(hashes_of(list(range(15))), 0.05)
    with pytest.raises(DataError, match="same picture"):
        split(hashes_of([3] * 40), 0.05)


def test_mix_is_a_bijection_that_scatters() -> None:
    values = np.arange(200_000, dtype=np.uint64)
    mixed = mix(values)
    assert len(np.unique(mixed)) == len(values)
    assert abs((mixed < np.uint64(2**63)).mean() - 0.5) < 0.005
