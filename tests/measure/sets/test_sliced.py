"""Sorted projections by hand, normal distributions in closed form, and no bias."""

import numpy as np
import pytest
import torch

from reverie.core.errors import UsageError
from reverie.measure.sets.sliced import _transport, distance, orthogonal_directions

CHANCE = np.random.default_rng(0)


def by_copies(x: np.ndarray, y: np.ndarray) -> float:
    """Squared 2-Wasserstein distance on the line, of as many copies of each point as make the sets equal in size."""
    size = np.lcm(len(x), len(y))
    many = [np.sort(np.repeat(v, size // len(v))) for v in (x - x.mean(), y - y.mean())]
    return float(((many[0] - many[1]) ** 2).mean())


@pytest.mark.parametrize("n,m", [(5, 5), (4, 6), (7, 5), (1, 9), (8, 2)])
def test_transport_on_the_line(n: int, m: int) -> None:
    x, y = CHANCE.standard_normal(n), CHANCE.exponential(size=m)
    sides = [torch.from_numpy(np.sort(v))[None] for v in (x, y)]
    assert float(_transport(sides[0], sides[1])) == pytest.approx(by_copies(x, y), rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("dim,count", [(3, 7), (7, 3), (5, 5)])
def test_directions(dim: int, count: int) -> None:
    found = orthogonal_directions(dim, count, 0)
    assert found.shape == (dim, count)
    for first in range(0, count, dim):
        part = found[:, first : first + dim]
        torch.testing.assert_close(part.T @ part, torch.eye(part.shape[1], dtype=torch.float64))
    assert not torch.equal(found, orthogonal_directions(dim, count, 1))


def test_a_shift_costs_its_square() -> None:
    x = CHANCE.standard_normal((50, 6))
    shift = np.arange(6.0)
    assert distance(x + shift, x, seed=0, directions=4).value == pytest.approx(shift @ shift, rel=1e-6)


@pytest.mark.parametrize("n,m,scale", [(400, 400, 1.0), (400, 300, 1.0), (400, 400, 1.5), (300, 500, 1.5)])
def test_normal_distributions(n: int, m: int, scale: float) -> None:
    """d (s - 1)^2 for round ones; the plain value at this n is off by 40 times what is allowed here."""
    d, found = 4, []
    for seed in range(60):
        x, y = CHANCE.standard_normal((n, d)) * scale, CHANCE.standard_normal((m, d))
        found.append(distance(x, y, seed=seed, directions=16))
    values = np.array([v.value for v in found])
    spread = values.std(ddof=1)
    truth = d * (scale - 1) ** 2
    assert values.mean() == pytest.approx(truth, abs=0.004 + 2.5 * spread / np.sqrt(60))
    errors = np.sqrt(np.mean([v.se**2 for v in found if v.se is not None]))
    assert 0.75 * spread < errors < (2.0 if scale == 1 else 1.4) * spread


def test_too_few_directions() -> None:
    with pytest.raises(UsageError, match="directions must be >= 2, got 1"):
        distance(np.eye(20), np.eye(20), seed=0, directions=1)
