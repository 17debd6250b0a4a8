"""The stream of batches, as a property: every epoch visits every item once, and position alone decides."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reverie.data import batch_index, order


@settings(max_examples=60)
@given(num=st.integers(1, 50), seed=st.integers(0, 2**31 - 1), start=st.integers(0, 300), batch=st.integers(0, 120))
def test_stream(num: int, seed: int, start: int, batch: int) -> None:
    stream = batch_index(num, seed, 0, start + batch)
    assert np.array_equal(batch_index(num, seed, start, batch), stream[start:]), "position does not decide alone"
    for epoch in range(len(stream) // num):
        assert sorted(stream[epoch * num : (epoch + 1) * num]) == list(range(num))


def test_epochs_and_seeds_differ() -> None:
    first, second = batch_index(1000, 0, 0, 1000), batch_index(1000, 0, 1000, 1000)
    other = batch_index(1000, 1, 0, 1000)
    for a, b in ((first, second), (first, other), (second, other)):
        assert (a == b).mean() < 0.01, "two permutations of 1000 items agree in about one place"


def test_positions_are_even() -> None:
    """Over many epochs an item is as likely to come early as late: within 5 standard errors of the mean position."""
    epochs, num = 400, 20
    places = np.argsort(batch_index(num, 7, 0, epochs * num).reshape(epochs, num), axis=1)
    error = np.sqrt((num**2 - 1) / 12 / epochs)
    assert np.abs(places.mean(0) - (num - 1) / 2).max() < 5 * error


def test_memory_stays_compact() -> None:
    order._permutation.cache_clear()
    for epoch in range(5):
        batch_index(100, 0, 100 * epoch, 150)
    assert order._permutation.cache_info().currsize == 2
    assert order._permutation(100, 0, 0).dtype == np.int32


def test_senseless_arguments() -> None:
    for bad in ((0, 0, 0, 1), (5, 0, -1, 1), (5, 0, 0, -1)):
        with pytest.raises(ValueError, match="needed"):
            batch_index(*bad)
