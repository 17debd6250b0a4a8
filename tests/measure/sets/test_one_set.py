"""Vendi and diversity by second implementations."""

import numpy as np
import pytest
import torch

from reverie.core.errors import ReverieError, UsageError
from reverie.measure.sets.diversity import diversity
from reverie.measure.sets.vendi import vendi

CHANCE = np.random.default_rng(0)


def by_kernel(x: np.ndarray, kernel: str, order: float) -> float:
    if kernel == "cosine":
        x = x / np.linalg.norm(x, axis=1, keepdims=True)
    values = np.linalg.eigvalsh(x @ x.T)
    shares = values[values > 1e-12 * values.max()] / values.sum()
    if order == 1:
        return float(np.exp(-(shares * np.log(shares)).sum()))
    return float(1 / shares.max()) if np.isinf(order) else float((shares**order).sum() ** (1 / (1 - order)))


@pytest.mark.parametrize("n,d", [(60, 7), (30, 90), (50, 50)])
@pytest.mark.parametrize("kernel", ["cosine", "linear"])
@pytest.mark.parametrize("order", [0.5, 1.0, 2.0, np.inf])
def test_both_sides_of_the_problem(n: int, d: int, kernel: str, order: float) -> None:
    x = CHANCE.standard_normal((n, d)) * np.linspace(1, 4, d)
    assert vendi(x, kernel=kernel, order=order).value == pytest.approx(by_kernel(x, kernel, order), rel=1e-6)  # type: ignore[arg-type]


def test_equal_modes_count_as_modes() -> None:
    kinds = np.repeat(np.eye(12)[:5], 40, axis=0)
    assert vendi(kinds * 1e-30).value == pytest.approx(5)
    assert vendi(np.tile(kinds[:40], (2, 1))).value == pytest.approx(1)
    assert vendi(kinds, order=2.0).value == pytest.approx(5)
    with pytest.raises(ReverieError, match="1 of 200 rows are all zeros"):
        vendi(np.concatenate([kinds[1:], np.zeros((1, 12))]))
    with pytest.raises(UsageError, match="order must be >= 0, got -1"):
        vendi(kinds, order=-1)


def test_errors_are_those_of_repeating() -> None:
    of_vendi = [vendi(CHANCE.exponential(size=(200, 6)) - 0.5) for _ in range(80)]
    of_diversity = [diversity(CHANCE.exponential(size=(200, 6)), 0) for _ in range(80)]
    for found in (of_vendi, of_diversity):
        spread = np.std([v.value for v in found], ddof=1)
        errors = np.sqrt(np.mean([v.se**2 for v in found if v.se is not None]))
        assert 0.75 * spread < errors < 1.35 * spread


def test_pairs_by_two_loops() -> None:
    x = CHANCE.standard_normal((40, 3))
    truth = np.mean([np.linalg.norm(x[i] - x[j]) for i in range(40) for j in range(40) if i != j])
    assert diversity(x, 0).value == pytest.approx(truth, rel=1e-8)
    assert diversity(torch.full((100, 2000), 7.3), 0).value == pytest.approx(0, abs=1e-4)


def test_a_large_set_is_looked_at_in_part() -> None:
    x = CHANCE.standard_normal((6000, 2))
    found, again, other = diversity(x, 1), diversity(x, 1), diversity(x, 2)
    assert found == again and found != other
    assert found.value == pytest.approx(np.sqrt(np.pi), abs=4 * (found.se or 0))  # of two points of a unit normal
