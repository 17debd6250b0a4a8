"""Planted copies, honest images, and ranks by scipy."""

import numpy as np
import pytest
import torch
from scipy.stats import mannwhitneyu

from reverie.measure.sets.copies import Copies, mann_whitney

D = 24


def real(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, D)) * np.linspace(2, 0.2, D)


def test_planted_copies_are_found_and_named() -> None:
    train = real(1500, 0)
    calibrated = Copies.fit(train, real(800, 1))
    made = real(600, 2)
    made[::10] = train[100:160] + 1e-3
    report = calibrated.score(made)
    assert report.share.value == pytest.approx(0.1 + 0.9 * report.false_alarms, abs=0.02)
    assert report.excess.se is not None and report.excess.value > 5 * report.excess.se
    assert {(made_, train_) for made_, train_, _ in report.pairs} <= {(10 * i, 100 + i) for i in range(60)}
    assert [ratio for _, _, ratio in report.pairs] == sorted(report.ratios)[:16]
    all_copies = calibrated.score(train[:200])
    assert all_copies.share.value == 1 and all_copies.authentic.value == 0 and all_copies.c_t < -5
    far = calibrated.score(real(300, 3) * 3)
    assert far.c_t > 5 and far.authentic.value > calibrated.authentic.value + 0.2


def test_false_alarms() -> None:
    """Fresh real images are flagged as often as the report says, over calibrations too."""
    rates, excess = [], 0
    for seed in range(12):
        report = Copies.fit(real(800, seed), real(499, 100 + seed)).score(real(1000, 200 + seed))
        assert report.false_alarms == pytest.approx(0.01)
        rates.append(report.share.value)
        excess += abs(report.excess.value) > 1.96 * (report.excess.se or 0)
        assert abs(report.c_t) < 3 and abs(report.authentic.value - report.authentic_real.value) < 0.1
    assert np.mean(rates) == pytest.approx(0.01, abs=0.005)
    assert excess <= 3


def test_few_held_out_images_calibrate_what_they_can() -> None:
    calibrated = Copies.fit(real(300, 5), real(64, 6))
    assert calibrated.false_alarms == pytest.approx(1 / 65)
    assert calibrated.threshold == calibrated.held_ratios[0]


def test_a_kind_of_equal_images_is_no_copy() -> None:
    train = np.concatenate([real(500, 7), np.zeros((60, D))])
    report = Copies.fit(train, real(200, 8)).score(np.zeros((5, D)))
    assert report.share.value == 0 and report.ratios.tolist() == [1.0] * 5


def test_ratios_by_hand() -> None:
    train, made = real(90, 9), real(7, 10)
    distances = np.sort(np.linalg.norm(made[:, None] - train, axis=2), axis=1)[:, :50]
    report = Copies.fit(train, real(30, 11)).score(made)
    np.testing.assert_allclose(report.ratios, distances[:, 0] / distances.mean(1), rtol=1e-12)
    own = np.sort(np.linalg.norm(train[:, None] - train, axis=2), axis=1)[:, 1]
    nearest = np.linalg.norm(made[:, None] - train, axis=2).argmin(1)
    assert report.authentic.value == pytest.approx((distances[:, 0] > own[nearest]).mean())


@pytest.mark.parametrize("high", [4, 10_000])
def test_ranks(high: int) -> None:
    chance = np.random.default_rng(12)
    a, b = chance.integers(0, high, 30), chance.integers(1, high + 2, 50)
    found = mannwhitneyu(a, b, use_continuity=False, method="asymptotic")
    z = mann_whitney(torch.from_numpy(a).double(), torch.from_numpy(b).double())
    p = 2 * float(torch.special.ndtr(torch.tensor(-abs(z), dtype=torch.float64)))
    assert p == pytest.approx(found.pvalue, rel=1e-9)
    assert (z > 0) == (found.statistic > 750)
    assert mann_whitney(torch.ones(9), torch.ones(9)) == 0
