"""Closed forms, scipy's square root of a matrix, and the bias that the jackknife takes."""

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm

from reverie.core.errors import ReverieError
from reverie.measure.sets.frechet import Groups, Moments, distance, frechet, frechet_of_features, moments_of, warning

D = 24


def rotation(d: int, seed: int) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((d, d)))[0]


def moments(mean: np.ndarray, covariance: np.ndarray) -> Moments:
    return Moments(1000, torch.from_numpy(mean), torch.from_numpy(covariance))


def grouped(rows: np.ndarray, groups: int = 20) -> Groups:
    found = Groups(rows.shape[1], groups)
    found.add(rows)
    return found


@pytest.mark.parametrize("rank_a,rank_b", [(D, D), (D, 5), (5, D), (5, 9), (9, 5), (1, 1), (0, D), (0, 0)])
def test_commuting_covariances(rank_a: int, rank_b: int) -> None:
    chance, basis = np.random.default_rng(rank_a + 100 * rank_b), rotation(D, 1)
    a, b = (chance.uniform(0.1, 3, D) * (np.arange(D) < rank) for rank in (rank_a, rank_b))
    shift = chance.standard_normal(D)
    found = frechet(moments(shift, basis * a @ basis.T), moments(np.zeros(D), basis * b @ basis.T))
    truth = shift @ shift + ((np.sqrt(a) - np.sqrt(b)) ** 2).sum()
    assert found == pytest.approx(truth, rel=1e-9)


@pytest.mark.parametrize("decay", [0.0, 2.0, 6.0, 12.0])
def test_scipy(decay: float) -> None:
    """Also with eigenvalues over twelve powers of ten, where the quick route would lose digits."""
    scale = 10 ** -np.linspace(0, decay, D)
    a = rotation(D, 2) * scale @ rotation(D, 2).T
    b = rotation(D, 3) * scale @ rotation(D, 3).T
    a, b = (a + a.T) / 2, (b + b.T) / 2
    half = sqrtm(b)
    by_scipy = np.trace(a + b) - 2 * np.trace(sqrtm(half @ a @ half)).real
    assert frechet(moments(np.zeros(D), a), moments(np.zeros(D), b)) == pytest.approx(by_scipy, rel=1e-6)


def test_deficient_covariances_that_do_not_commute() -> None:
    """tr (XX' YY')^(1/2) is the nuclear norm of X'Y."""
    chance = np.random.default_rng(4)
    x, y = chance.standard_normal((D, 3)), chance.standard_normal((D, 7))
    root = np.linalg.norm(x.T @ y, "nuc")
    truth = (x**2).sum() + (y**2).sum() - 2 * root
    assert frechet(moments(np.zeros(D), x @ x.T), moments(np.zeros(D), y @ y.T)) == pytest.approx(truth, rel=1e-9)


@pytest.mark.parametrize("n,m", [(10, 8), (10, 300), (300, 10), (300, 200), (2, 2)])
def test_fewer_rows_than_features(n: int, m: int) -> None:
    chance = np.random.default_rng(5)
    x, y = chance.standard_normal((n, D)), chance.standard_normal((m, D)) @ rotation(D, 6) + 0.3
    values = np.linalg.eigvals(np.cov(x.T) @ np.cov(y.T)).real.clip(1e-13)
    truth = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(np.cov(x.T)) + np.trace(np.cov(y.T))
    assert frechet_of_features(x, y) == pytest.approx(truth - 2 * np.sqrt(values).sum(), rel=1e-5)
    assert frechet_of_features(x, y) == pytest.approx(frechet(moments_of(x), moments_of(y)), rel=1e-7)


def test_the_distance_of_a_set_to_itself_is_nothing() -> None:
    x = np.random.default_rng(7).standard_normal((500, D)) * np.geomspace(1, 1e-5, D)
    assert abs(frechet_of_features(x, x)) < 1e-9
    assert distance(grouped(x), grouped(x)).value == pytest.approx(0, abs=1e-7)


def test_sums_are_those_of_numpy_however_rows_come() -> None:
    rows = (np.random.default_rng(8).standard_normal((6001, 5)) * [1, 2, 3, 4, 5] + 1e4).astype(np.float32)
    whole = Groups(5, 4)
    for part in np.split(rows, [1, 2, 700, 700, 5000]):
        held = part.copy()
        whole.add(held)
        held[:] = 0  # the caller's array is the caller's
    exact = rows.astype(np.float64)
    for without in (None, 2):
        kept = exact if without is None else exact[np.arange(len(rows)) % 4 != without]
        found = whole.moments(without)
        assert found.n == len(kept)
        np.testing.assert_allclose(found.mean.numpy(), kept.mean(0), rtol=1e-12)
        np.testing.assert_allclose(found.covariance.numpy(), np.cov(kept.T), rtol=1e-9, atol=1e-9)


def test_memory_does_not_grow_with_rows() -> None:
    seen, rows = Groups(4, 3), np.ones((500, 4), np.float32)
    for _ in range(20):
        seen.add(rows)
        assert sum(map(len, seen._waiting)) <= 3 * 256 + 500
    assert seen.n == 10_000


def test_the_error_and_the_bias_are_the_jackknifes() -> None:
    chance = np.random.default_rng(9)
    x, y = chance.standard_normal((203, 6)), chance.standard_normal((150, 6)) * 1.5
    plain = frechet_of_features(x, y)
    left = np.array([frechet_of_features(x[np.arange(203) % 10 != g], y[np.arange(150) % 10 != g]) for g in range(10)])
    found = distance(grouped(x, 10), grouped(y, 10))
    assert found.value == pytest.approx(10 * plain - 9 * left.mean(), rel=1e-9)
    assert found.se == pytest.approx(np.sqrt(0.9 * ((left - left.mean()) ** 2).sum()) * 2.2622 / 1.96, rel=1e-3)
    assert found.n == 203


@pytest.mark.parametrize("scale", [1.0, 1.4])
def test_bias_goes(scale: float) -> None:
    """At five rows a feature the plain value is far above the truth; the corrected one is within 5 % of that bias."""
    chance, n, d = np.random.default_rng(10), 160, 32
    plain, corrected = [], []
    for _ in range(40):
        x, y = chance.standard_normal((n, d)) * scale, chance.standard_normal((n, d))
        plain.append(frechet_of_features(x, y))
        corrected.append(distance(grouped(x), grouped(y)).value)
    truth = d * (scale - 1) ** 2
    bias = np.mean(plain) - truth
    chance_of_mean = np.std(corrected, ddof=1) / np.sqrt(40)
    assert bias > 2.5
    assert abs(np.mean(corrected) - truth) < 0.05 * bias + 2 * chance_of_mean


def test_collapse_is_measured() -> None:
    real = np.random.default_rng(11).standard_normal((400, 8)) * 2 + 1
    found = distance(grouped(np.zeros((400, 8))), grouped(real))
    assert found.value == pytest.approx((real.mean(0) ** 2).sum() + np.trace(np.cov(real.T)), rel=0.02)


def test_too_few() -> None:
    rows = np.random.default_rng(12).standard_normal((60, 32))
    with pytest.raises(ReverieError, match=r"needs at least 64 images for 32 features, got 60\. Ask for more"):
        distance(grouped(rows), grouped(rows))
    with pytest.raises(ReverieError, match="at least 40 images"):
        distance(grouped(rows[:39, :2]), grouped(rows[:, :2]))
    with pytest.raises(ReverieError, match="20 and 10 groups"):
        distance(grouped(rows[:, :2]), grouped(rows[:, :2], 10))
    with pytest.raises(ReverieError, match="too few for a covariance"):
        Groups(3).moments()
    assert warning(95, 32) is not None and warning(96, 32) is None
