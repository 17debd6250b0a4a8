"""Planted missing kinds, and chance alone."""

import numpy as np
import pytest

from reverie.core.errors import UsageError
from reverie.measure.sets.bins import Bins

KINDS, D = 12, 6
CENTRES = np.random.default_rng(0).standard_normal((KINDS, D)) * 8


def draw(n: int, seed: int, kinds: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(seed)
    kind = chance.choice(np.arange(KINDS) if kinds is None else kinds, n)
    return CENTRES[kind] + 0.3 * chance.standard_normal((n, D)), kind


def test_planted() -> None:
    train, kind = draw(3000, 1)
    bins = Bins.fit(train, KINDS, 0)
    assert bins.counts.sum() == 3000
    names = kind[bins.medoids]
    assert sorted(names) == list(range(KINDS))
    nearest = np.linalg.norm(train - bins.centres.numpy()[:, None], axis=2).argmin(1)
    np.testing.assert_array_equal(bins.medoids, nearest)
    report = bins.compare(draw(1000, 2, np.array([*range(9), 4, 4]))[0])
    assert {int(names[b]) for b in report.missing} == {9, 10, 11}
    assert [int(names[b]) for b in report.over] == [4]
    assert bins.counts[report.missing].tolist() == sorted(bins.counts[report.missing], reverse=True)
    assert all(report.z[b] < -5 and report.made[b] == 0 for b in report.missing)


def test_z_and_js_by_hand() -> None:
    train = np.repeat([[0.0], [1.0]], [60, 40], axis=0)
    bins = Bins.fit(train, 2, 0)
    report = bins.compare(np.repeat([[0.0], [1.0]], [50, 150], axis=0))
    first = int(bins.centres[:, 0].argmin())
    pooled = 110 / 300
    assert report.z[first] == pytest.approx((0.25 - 0.6) / np.sqrt(pooled * (1 - pooled) * (1 / 100 + 1 / 200)))
    p, q = np.array([0.6, 0.4]), np.array([0.25, 0.75])
    m = (p + q) / 2
    assert report.js == pytest.approx(((p * np.log2(p / m)).sum() + (q * np.log2(q / m)).sum()) / 2)
    assert report.share_different == 1.0
    apart = bins.compare(np.zeros((100, 1)) + 5)
    assert apart.js == pytest.approx(0.6 / 2 * np.log2(2) + 0.4 / 2 * np.log2(0.4 / 0.7) + np.log2(1 / 0.7) / 2)


def test_chance_alone() -> None:
    """Held-out images differ in 5 % of the bins, and no bin is called missing or crowded."""
    shares, named = [], 0
    for seed in range(25):
        train, held = draw(2000, 10 + seed)[0], draw(800, 100 + seed)[0]
        report = Bins.fit(train, 40, seed).compare(held)
        shares.append(report.share_different)
        named += len(report.missing) + len(report.over)
    assert 0.02 < np.mean(shares) < 0.10
    assert named <= 3


def test_odd_data() -> None:
    three = np.repeat(np.eye(3), 30, axis=0)
    bins = Bins.fit(three, 9, 0)
    assert len(bins.centres) == 3 and bins.counts.tolist() == [30, 30, 30]
    with pytest.raises(UsageError, match="bins must be >= 2, got 1"):
        Bins.fit(three, 1, 0)
    a, b = (Bins.fit(draw(500, 3)[0], 20, seed).centres for seed in (4, 4))
    assert bool((a == b).all())
