"""What every statistic refuses, in one sentence each."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from reverie.core.errors import ReverieError
from reverie.measure.sets.bins import Bins
from reverie.measure.sets.copies import Copies
from reverie.measure.sets.diversity import diversity
from reverie.measure.sets.features import checked, dealt, jackknife_error
from reverie.measure.sets.frechet import Groups, distance
from reverie.measure.sets.kid import kid
from reverie.measure.sets.neighbours import prdc
from reverie.measure.sets.sliced import distance as sliced
from reverie.measure.sets.vendi import vendi
from reverie.measure.value import Value

CHANCE = np.random.default_rng(0)
GOOD = CHANCE.standard_normal((400, 4)).astype(np.float32)


def grouped(rows: np.ndarray) -> Groups:
    groups = Groups(4)
    groups.add(rows)
    return groups


TWO = {
    "kid": kid,
    "prdc": lambda a, b: prdc(b, a),
    "sliced_wasserstein": lambda a, b: sliced(a, b, seed=0),
    "frechet": lambda a, b: distance(grouped(a), grouped(b)),
    "copies": lambda a, b: Copies.fit(b, GOOD).score(a),
    "ndb": lambda a, b: Bins.fit(b, 5, 0).compare(a),
}
ONE = {"vendi": vendi, "diversity": lambda a: diversity(a, 0)}


def sentence(error: pytest.ExceptionInfo[ReverieError]) -> str:
    text = str(error.value)
    assert text.endswith(".") and "\n" not in text
    return text


@pytest.mark.parametrize("name", TWO)
def test_of_two_sets(name: str) -> None:
    statistic: Callable[[np.ndarray, np.ndarray], object] = TWO[name]
    statistic(GOOD, GOOD + 0.1)
    broken = GOOD.copy()
    broken[7, 2] = np.nan
    for pair in ((broken, GOOD), (GOOD, broken)):
        with pytest.raises(ReverieError, match="row 7 the first") as error:
            statistic(*pair)
        assert name in sentence(error)
    for pair in ((GOOD[:, :3], GOOD), (GOOD[:0], GOOD), (GOOD, GOOD[:1])):
        with pytest.raises(ReverieError, match=name) as error:
            statistic(*pair)
        sentence(error)


@pytest.mark.parametrize("name", [n for n in TWO if n != "frechet"])
def test_constant_real_images_are_refused_and_constant_samples_are_not(name: str) -> None:
    constant = np.ones_like(GOOD)
    with pytest.raises(ReverieError, match="same features") as error:
        TWO[name](GOOD, constant)
    assert name in sentence(error)
    TWO[name](constant, GOOD)


@pytest.mark.parametrize("name", ONE)
def test_of_one_set(name: str) -> None:
    ONE[name](GOOD)
    for bad in (GOOD[:1], np.full_like(GOOD, np.inf), GOOD[0]):
        with pytest.raises(ReverieError, match=name) as error:
            ONE[name](bad)
        sentence(error)


def test_precision_is_kept_and_tensors_are_taken() -> None:
    assert checked(GOOD.astype(np.float16), "x").dtype == torch.float32
    assert checked(GOOD.astype(np.float64), "x").dtype == torch.float64
    assert checked(torch.ones(2, 3, requires_grad=True), "x").requires_grad is False
    assert checked(GOOD[::2, ::-1], "x").is_contiguous()
    with torch.inference_mode():
        rows = torch.from_numpy(GOOD) * 1
    assert kid(rows, GOOD).value == kid(GOOD, GOOD).value


def test_groups_are_even_and_their_jackknife_is_the_error_of_a_mean() -> None:
    group = dealt(1003)
    assert torch.bincount(group).max() - torch.bincount(group).min() == 1
    rows = torch.from_numpy(CHANCE.standard_normal(1000))
    left = torch.stack([rows[dealt(1000) != g].mean() for g in range(20)])
    by_groups = rows.view(50, 20).mean(0).std() / 20**0.5
    assert float(jackknife_error(left)) == pytest.approx(float(by_groups) * 2.093 / 1.96, rel=1e-4)


TWO_SETS: dict[str, Callable[[np.ndarray, np.ndarray, int], Value]] = {
    "frechet": lambda x, y, seed: distance(grouped(x), grouped(y)),
    "kid": lambda x, y, seed: kid(x, y),
    "sliced": lambda x, y, seed: sliced(x, y, seed=seed, directions=32),
}


@pytest.mark.parametrize("name", TWO_SETS)
def test_between_equal_sets_the_null_is_the_error(name: str) -> None:
    """There the ordinary error is up to sqrt(2) times too large, and nought would be held nearly always."""
    chance, found = np.random.default_rng(3), list[Value]()
    for seed in range(200):
        x, y = (chance.standard_normal((120, 4)) for _ in range(2))
        found.append(TWO_SETS[name](x, y, seed))
    values, errors, nulls = (np.array([getattr(v, of) for v in found]) for of in ("value", "se", "null"))
    assert np.sqrt((nulls**2).mean()) == pytest.approx(values.std(ddof=1), rel=0.2)
    assert np.sqrt((errors**2).mean()) > 1.15 * np.sqrt((nulls**2).mean())
    assert 0.9 <= np.mean([v.holds(0.0) for v in found]) <= 0.985
