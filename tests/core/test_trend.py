"""Whether a signal repeats itself: told from noise, from a drift and from a walk."""

import numpy as np
import pytest

from reverie.core.trend import autocorrelation

AT = np.arange(64)


@pytest.mark.parametrize("period", [4, 8, 12.8])
def test_a_cycle_has_the_share_of_the_window_that_it_repeats_in(period: float) -> None:
    found = autocorrelation(np.sin(2 * np.pi * AT / period) + 0.1 * AT)
    assert found == pytest.approx(1 - period / 64, abs=0.06)


def test_noise_and_what_wanders_off_do_not_repeat_themselves() -> None:
    rng = np.random.default_rng(0)
    noise = [autocorrelation(rng.standard_normal(64)) for _ in range(200)]
    walks = [autocorrelation(rng.standard_normal(64).cumsum()) for _ in range(200)]
    assert np.quantile(noise, 0.95) < 0.3 and np.quantile(walks, 0.9) < 0.3
    assert autocorrelation(3.0 - 2.0 * AT) == 0 and autocorrelation(np.zeros(64)) == 0
    assert autocorrelation(1e300 * np.sin(AT)) == pytest.approx(autocorrelation(np.sin(AT)))


def test_a_cycle_is_found_in_noise() -> None:
    rng = np.random.default_rng(1)
    noisy = [autocorrelation(np.sin(2 * np.pi * AT / 10) + 0.5 * rng.standard_normal(64)) for _ in range(50)]
    assert min(noisy) > 0.4


def test_too_few_values_or_broken_ones_have_no_number() -> None:
    assert np.isnan(autocorrelation(np.ones(15))) and np.isnan(autocorrelation(np.array([*AT, np.nan])))
