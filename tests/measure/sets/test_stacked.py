"""The floor of a perfect sampler, and what counts as a mode."""

import math

import numpy as np
import pytest

from reverie.core.errors import ReverieError
from reverie.measure.sets.stacked import divergence, sampling_floor, stacked_modes


def certain(numbers: np.ndarray, confidence: float = 1.0) -> np.ndarray:
    digits = np.stack([numbers // 100, numbers // 10 % 10, numbers % 10], axis=1)
    rest = (1 - confidence) / 9
    return rest + (confidence - rest) * np.eye(10)[digits]


def test_the_floor_of_a_perfect_sampler() -> None:
    """0.0194 +- 0.0008 at 26,000, and about (K - 1) / 2N where every number is seen often."""
    mean, deviation = sampling_floor(26_000)
    assert mean == pytest.approx(0.0194, abs=0.0003) and deviation == pytest.approx(0.0008, abs=0.0002)
    assert sampling_floor(25_600)[0] == pytest.approx(0.0197, abs=0.0003)
    assert sampling_floor(100_000)[0] == pytest.approx(999 / 200_000, rel=0.02)
    assert sampling_floor(26_000) == (mean, deviation) != sampling_floor(26_000, seed=1)


def test_a_perfect_sampler() -> None:
    report = stacked_modes(certain(np.random.default_rng(0).integers(1000, size=26_000)))
    assert report.modes.value == report.sure_modes.value == 1000
    assert report.kl_excess.se is not None and abs(report.kl_excess.value) < 3 * report.kl_excess.se
    assert report.kl_excess.value == pytest.approx(report.kl.value - report.kl_floor.value)


def test_dropped_and_unsure_numbers() -> None:
    report = stacked_modes(certain(np.repeat(np.arange(0, 1000, 4), 50)))
    assert report.modes.value == 250 and report.kl.value == pytest.approx(math.log(4))
    unsure = stacked_modes(certain(np.arange(1000), 0.98))
    assert (unsure.modes.value, unsure.sure_modes.value) == (1000, 0)
    assert stacked_modes(certain(np.arange(1000), 0.995)).sure_modes.value == 1000
    one = np.concatenate([certain(np.arange(500)), certain(np.arange(500, 1000), 0.5)])
    assert stacked_modes(one).sure_modes.value == 500


def test_divergence_and_its_error() -> None:
    assert divergence(np.ones(1000)) == pytest.approx(0)
    assert divergence(np.eye(1000)[3]) == pytest.approx(math.log(1000))
    chance, weights = np.random.default_rng(1), np.random.default_rng(2).dirichlet(np.full(1000, 0.3))
    found = [stacked_modes(certain(chance.choice(1000, 3000, p=weights))).kl for _ in range(30)]
    spread = np.std([v.value for v in found], ddof=1)
    assert 0.7 * spread < np.mean([v.se for v in found if v.se is not None]) < 1.6 * spread


@pytest.mark.parametrize("shape", [(5, 30), (5, 1, 10), (5, 3, 11), (0, 3, 10)])
def test_other_shapes(shape: tuple[int, ...]) -> None:
    with pytest.raises(ReverieError, match="stacked_modes"):
        stacked_modes(np.zeros(shape))


def test_not_finite() -> None:
    with pytest.raises(ReverieError, match="not finite"):
        stacked_modes(np.full((2, 3, 10), np.nan))
