"""All pairs by two loops, and what chance does to the estimate."""

import numpy as np
import pytest

from reverie.measure.sets.kid import kid


def by_loops(x: np.ndarray, y: np.ndarray) -> float:
    def kernel(a: np.ndarray, b: np.ndarray) -> float:
        return (float(a @ b) / len(a) + 1) ** 3

    n, m = len(x), len(y)
    within_x = sum(kernel(x[i], x[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    within_y = sum(kernel(y[i], y[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    return within_x + within_y - 2 * sum(kernel(a, b) for a in x for b in y) / (n * m)


@pytest.mark.parametrize("n,m", [(40, 40), (67, 45), (10, 99)])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_all_pairs(n: int, m: int, dtype: type) -> None:
    chance = np.random.default_rng(n)
    x, y = chance.standard_normal((n, 6)).astype(dtype), (chance.standard_normal((m, 6)) * 1.3 + 0.2).astype(dtype)
    found = kid(x, y)
    assert found.value == pytest.approx(
        by_loops(x.astype(float), y.astype(float)), abs=1e-10 if dtype is float else 1e-6
    )
    assert kid(x, y, block=1).value == pytest.approx(found.value, rel=1e-5)
    assert found.n == n


@pytest.mark.parametrize("shift", [0.0, 0.3])
def test_no_bias_and_an_honest_error(shift: float) -> None:
    """The population's MMD^2 under a cubic kernel, d = 1, x ~ N(s, 1), y ~ N(0, 1), from moments up to the third."""
    chance, found = np.random.default_rng(1), []
    for _ in range(400):
        found.append(kid(chance.standard_normal((60, 1)) + shift, chance.standard_normal((60, 1))))
    gaps = [shift, shift**2, shift**3 + 3 * shift]  # of E x, E x^2, E x^3
    truth = 3 * gaps[0] ** 2 + 3 * gaps[1] ** 2 + gaps[2] ** 2  # (xy + 1)^3 = x^3 y^3 + 3 x^2 y^2 + 3 xy + 1
    values = np.array([v.value for v in found])
    spread = values.std(ddof=1)
    assert values.mean() == pytest.approx(truth, abs=3 * spread / 20)
    errors = np.sqrt(np.mean([v.se**2 for v in found if v.se is not None]))
    assert 0.85 * spread < errors < 1.45 * spread


def test_every_set_is_nearest_to_itself() -> None:
    chance = np.random.default_rng(2)
    x, y = chance.standard_normal((2000, 16)), chance.standard_normal((2000, 16))
    near, far = kid(x, y), kid(x * 1.3, y)
    assert near.se is not None and far.se is not None
    assert abs(near.value) < 3 * near.se and far.value > 10 * far.se
