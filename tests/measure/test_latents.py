"""Latent dimensions that are used, and whether their distribution is the prior."""

import math

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

from reverie.core.errors import ReverieError, UsageError
from reverie.measure import measure
from reverie.measure.metrics.posterior_gap import energy_gap
from reverie.measure.statistics import Moments, jackknife, mean_value


def test_moments_in_batches_are_moments_of_all() -> None:
    rows = torch.randn(101, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64) + 1e6
    seen = Moments()
    for part in rows.split([1, 50, 7, 43]):
        seen.add(part)
    np.testing.assert_allclose(seen.mean, rows.mean(0), rtol=1e-14)
    np.testing.assert_allclose(seen.variance, rows.var(0), rtol=1e-8)
    assert mean_value(rows[:, 0].numpy(), "dB").se == pytest.approx(float(rows[:, 0].std()) / math.sqrt(101))


def test_jackknife_removes_bias_and_gives_the_error_of_a_mean() -> None:
    x = np.random.default_rng(0).normal(2, 3, 400)
    groups = np.arange(400) % 20
    without = [x[groups != g] for g in range(20)]
    _, error = jackknife(x.mean(), np.array([w.mean() for w in without]))
    assert error == pytest.approx(3 / 20, rel=0.35)
    # The variance with divisor n is low by a factor 1 - 1/n; the jackknife leaves O(1/n^2) of that.
    corrected, _ = jackknife(x.var(), np.array([w.var() for w in without]))
    assert corrected == pytest.approx(x.var(ddof=1), rel=3e-4)
    assert abs(x.var() - x.var(ddof=1)) > 5 * abs(corrected - x.var(ddof=1))


def test_active_units_are_those_that_vary(linear_gaussian, tensor_items) -> None:
    model = linear_gaussian()
    with torch.no_grad():
        model.w[:, 1] *= 1e-3
    found = measure(model, tensor_items(model.generate(500, 0)), metrics=["active_units"])["active_units"]
    assert (found.value, found.se, found.n, found.unit) == (1, None, 500, "units")
    # Var E[z|x] = 1 - posterior variance, where the data is the model's.
    assert found.per is not None
    assert found.per[0] == pytest.approx(1 - float(model.variance[0].detach()), rel=0.2)
    assert found.per[1] < 0.01


def test_kl_per_dimension_is_the_mutual_information_of_an_exact_posterior(linear_gaussian, tensor_items) -> None:
    model = linear_gaussian()
    found = measure(model, tensor_items(model.generate(4000, 1)), metrics=["kl_per_dimension"], batch=77)
    kl = found["kl_per_dimension"]
    truth = (-0.5 * model.variance.log()).detach().numpy()
    assert abs(kl.value - truth.sum()) < 3 * (kl.se or 0)
    np.testing.assert_allclose(kl.per, truth, rtol=0.1)
    assert sum(kl.per or ()) == pytest.approx(kl.value)


def test_no_gap_where_the_aggregate_posterior_is_the_prior(linear_gaussian, tensor_items) -> None:
    model = linear_gaussian()
    found = measure(model, tensor_items(model.generate(1000, 2)), metrics=["posterior_gap"])
    assert found["posterior_gap"].value < found["posterior_gap_floor"].value < 0.01
    assert abs(found["posterior_gap_nats"].value) < 3 * (found["posterior_gap_nats"].se or 0)


@pytest.mark.parametrize(("shift", "stretch"), [(0.5, 1.0), (0.0, 2.5), (-0.3, 0.2)])
def test_gap_in_nats_is_the_kl_of_the_two_normals(linear_gaussian, tensor_items, shift: float, stretch: float) -> None:
    model = linear_gaussian(shift, stretch)
    found = measure(model, tensor_items(model.generate(1500, 3)), metrics=["posterior_gap"])
    variance = model.variance.detach().numpy()
    aggregate = (1 - variance) + stretch**2 * variance
    truth = 0.5 * (aggregate + shift**2 - 1 - np.log(aggregate)).sum()
    nats = found["posterior_gap_nats"]
    assert abs(nats.value - truth) < 3 * (nats.se or 0)
    assert found["posterior_gap"].value > 2 * found["posterior_gap_floor"].value
    assert len(nats.per or ()) == 2


def test_gap_does_not_depend_on_the_batch(linear_gaussian, tensor_items) -> None:
    model = linear_gaussian(0.2, 1.2)
    items = tensor_items(model.generate(100, 4))
    one, other = (measure(model, items, metrics=["posterior_gap"], batch=batch) for batch in (7, 100))
    assert one["posterior_gap"].value == pytest.approx(other["posterior_gap"].value, abs=1e-12)
    assert one["posterior_gap_nats"].per == pytest.approx(other["posterior_gap_nats"].per, abs=1e-12)


def test_energy_distance_against_plain_sums() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(0, 1, (40, 3)), rng.normal(0.5, 1.5, (40, 3))
    gap, error, floor = energy_gap(x, y, np.arange(40) % 20, seed=0)
    across, inside = cdist(x, y).mean(), (cdist(x, x).sum() + cdist(y, y).sum()) / (40 * 39)
    assert gap == pytest.approx((2 * across - inside) / (2 * across), rel=1e-9)
    left_out = []
    for g in range(20):
        u, v = (t[np.arange(40) % 20 != g] for t in (x, y))
        across, inside = cdist(u, v).mean(), (cdist(u, u).sum() + cdist(v, v).sum()) / (38 * 37)
        left_out.append((2 * across - inside) / (2 * across))
    assert error == pytest.approx(math.sqrt(19 / 20 * ((np.array(left_out) - np.mean(left_out)) ** 2).sum()), rel=1e-6)
    assert floor < gap


def test_five_percent_of_equal_sets_pass_the_floor() -> None:
    rng, passed = np.random.default_rng(1), 0
    for repeat in range(200):
        gap, _, floor = energy_gap(rng.normal(size=(40, 2)), rng.normal(size=(40, 2)), np.arange(40) % 20, seed=repeat)
        passed += gap > floor
    assert 2 <= passed <= 22


def test_energy_error_is_the_spread_over_repeats() -> None:
    rng = np.random.default_rng(2)
    runs = [
        energy_gap(rng.normal(0.4, 1, (200, 2)), rng.normal(size=(200, 2)), np.arange(200) % 20, seed=r)[:2]
        for r in range(60)
    ]
    spread = np.std([gap for gap, _ in runs], ddof=1)
    assert np.mean([error for _, error in runs]) == pytest.approx(spread, rel=0.35)


def test_too_few_images_for_a_gap(linear_gaussian, tensor_items) -> None:
    model = linear_gaussian()
    with pytest.raises(UsageError, match="posterior_gap needs at least 40 images, got 12. Measure on a larger split"):
        measure(model, tensor_items(model.generate(12, 0)), metrics=["posterior_gap"])
    with pytest.raises(UsageError, match="posterior_gap needs at least 40 images, got 12. Ask for more"):
        measure(model, tensor_items(model.generate(60, 0)), metrics=["posterior_gap"], num=12)


def test_latents_that_are_not_finite_are_an_error(linear_gaussian, tensor_items) -> None:
    model = linear_gaussian()
    items = tensor_items(model.generate(50, 0))
    with torch.no_grad():
        model.w[0, 0] = math.nan
    for metric, what in (
        ("active_units", "latents"),
        ("posterior_gap", "latents"),
        ("kl_per_dimension", "KL terms"),
        ("psnr", "reconstructions"),
        ("ssim", "reconstructions"),
    ):
        with pytest.raises(ReverieError, match=f"{metric}: the {what} of 50 of 50 images are not finite"):
            measure(model, items, metrics=[metric])


def test_a_posterior_without_spread_is_an_error_and_no_number(linear_gaussian, tensor_items) -> None:
    model = linear_gaussian()
    model.encode = lambda images, labels=None: torch.ones(len(images), 2, dtype=torch.float64)
    model.stretch = 0.0
    with pytest.raises(ReverieError, match="posterior_gap: dimension 0 of the real images' latents never varies"):
        measure(model, tensor_items(model.generate(50, 0)), metrics=["posterior_gap"])
