"""Two loops, closed forms for one distribution, and the worst data there is."""

import numpy as np
import pytest
import torch

from reverie.core.errors import UsageError
from reverie.measure.sets.nearest import Points, Rough, _places, _topk, nearest
from reverie.measure.sets.neighbours import expected_coverage, prdc


def by_loops(real: np.ndarray, fake: np.ndarray, k: int, kc: int) -> tuple[float, float, float, float]:
    def square(a: np.ndarray, b: np.ndarray) -> float:
        return float(((a - b) ** 2).sum(dtype=float))  # differences as precise as the data

    def radius(rows: np.ndarray, i: int, k: int) -> float:
        return sorted(square(rows[i], rows[j]) for j in range(len(rows)) if j != i)[k - 1]

    of_real, of_fake = [radius(real, i, k) for i in range(len(real))], [radius(fake, j, k) for j in range(len(fake))]
    wide = [radius(real, i, kc) for i in range(len(real))]
    between = np.array([[square(r, f) for f in fake] for r in real])
    precision = np.mean([any(between[i, j] <= of_real[i] for i in range(len(real))) for j in range(len(fake))])
    recall = np.mean([any(between[i, j] <= of_fake[j] for j in range(len(fake))) for i in range(len(real))])
    density = np.mean([sum(between[i, j] <= wide[i] for i in range(len(real))) / kc for j in range(len(fake))])
    coverage = np.mean([any(between[i, j] <= wide[i] for j in range(len(fake))) for i in range(len(real))])
    return float(precision), float(recall), float(density), float(coverage)


def values(real: np.ndarray, fake: np.ndarray, **options: int) -> tuple[float, float, float, float]:
    found = prdc(real, fake, **options)
    return found.precision.value, found.recall.value, found.density.value, found.coverage.value


SETS = {
    "wide": lambda c, n: c.standard_normal((n, 40)),
    "far from the origin": lambda c, n: 300 + 0.01 * c.standard_normal((n, 5)),
    "many copies": lambda c, n: np.repeat(c.standard_normal((n // 10, 3)), 10, axis=0),
    "a grid of ties": lambda c, n: c.integers(0, 3, (n, 3)).astype(float),
    "collapsed": lambda c, n: np.zeros((n, 40)),
    "outliers": lambda c, n: c.standard_normal((n, 4)) * np.where(np.arange(n) % 10, 1e-3, 1e3)[:, None],
}


@pytest.mark.parametrize("fake", SETS)
@pytest.mark.parametrize("real", [s for s in SETS if s != "collapsed"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_two_loops(real: str, fake: str, dtype: type) -> None:
    chance = np.random.default_rng(3)
    x, y = SETS[real](chance, 40).astype(dtype), SETS[fake](chance, 30).astype(dtype)
    width = min(x.shape[1], y.shape[1])
    x, y = np.ascontiguousarray(x[:, :width]), np.ascontiguousarray(y[:, :width])
    for k, kc in ((3, 5), (1, 2)):
        assert values(x, y, k_manifold=k, k_coverage=kc, block=17) == pytest.approx(by_loops(x, y, k, kc))


def test_blocks_do_not_matter_and_a_set_covers_itself() -> None:
    x = np.random.default_rng(4).standard_normal((500, 8)).astype(np.float32)
    y = np.random.default_rng(5).standard_normal((400, 8)).astype(np.float32)
    assert values(x, y, block=1) == values(x, y, block=10_000)
    precision, recall, density, coverage = values(x, x)
    assert (precision, recall, coverage) == (1, 1, 1) and density == pytest.approx(1.2)  # k others and itself


@pytest.mark.parametrize("n,m,k", [(300, 300, 5), (300, 100, 5), (100, 300, 3)])
def test_one_distribution(n: int, m: int, k: int) -> None:
    """Density 1 and the coverage of Naeem et al. 2020, whatever the distribution and its dimension."""
    chance, found = np.random.default_rng(6), []
    for repeat in range(30):
        d = (1, 4, 30)[repeat % 3]
        real, fake = chance.exponential(size=(n, d)), chance.exponential(size=(m, d))
        got = prdc(real, fake, k_coverage=k)
        found.append((got.density.value, got.coverage.value))
    density, coverage = np.mean(found, 0)
    error_density, error_coverage = np.std(found, 0, ddof=1) / np.sqrt(30)
    assert density == pytest.approx(1, abs=3.5 * error_density)
    assert coverage == pytest.approx(expected_coverage(n, m, k), abs=3.5 * error_coverage)


def test_errors_are_those_of_repeating_everything() -> None:
    chance, found = np.random.default_rng(7), []
    for _ in range(60):
        got = prdc(chance.standard_normal((300, 6)), chance.standard_normal((300, 6)) * 0.8)
        found.append([(v.value, v.se) for v in (got.precision, got.recall, got.density, got.coverage)])
    table = np.array(found, float)
    ratio = np.sqrt((table[:, :, 1] ** 2).mean(0)) / table[:, :, 0].std(0, ddof=1)
    assert (0.75 < ratio).all() and (ratio < 1.45).all()
    assert prdc(chance.standard_normal((30, 2)), chance.standard_normal((30, 2))).recall.se is None


def test_k() -> None:
    with pytest.raises(UsageError, match="k must be >= 1, got 0"):
        prdc(np.eye(50), np.eye(50), k_manifold=0)


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_nearest_are_nearest(name: str, dtype: torch.dtype) -> None:
    chance = np.random.default_rng(8)
    rows = torch.from_numpy(SETS[name](chance, 200)).to(dtype)
    points = Points.of(rows, rows.mean(0))
    squares, index = nearest(points, points, 7, skip_self=True, block=33)
    exact = (rows[:, None] - rows).square().sum(2, dtype=torch.float64).fill_diagonal_(torch.inf)
    truth = exact.topk(7, largest=False).values
    torch.testing.assert_close(squares, truth, rtol=1e-12, atol=0)
    torch.testing.assert_close(exact.gather(1, index), truth, rtol=1e-12, atol=0)
    assert all(len(set(row)) == 7 for row in index.tolist())


WIDE = {
    "alike in every direction": lambda c, n: c.standard_normal((n, 300)),
    "clusters": lambda c, n: 100 * c.standard_normal((7, 300))[c.integers(0, 7, n)] + 0.1 * c.standard_normal((n, 300)),
    "copies": lambda c, n: np.repeat(c.standard_normal((n // 10, 300)), 10, axis=0),
    "off to a side": lambda c, n: 50 + c.standard_normal((n, 300)) * np.where(np.arange(300) < 5, 3, 0.01),
    "outliers": lambda c, n: c.standard_normal((n, 300)) * np.where(np.arange(n) % 50, 1, 1e4)[:, None],
    "levels of grey": lambda c, n: c.integers(0, 4, (n, 300)) / 255,
}


@pytest.mark.parametrize("name", WIDE)
def test_wide_rows_are_as_exact(name: str) -> None:
    """Where products of bfloat16 choose whom to look at, as where the rows' own do."""
    chance = np.random.default_rng(9)
    rows, others = (torch.from_numpy(WIDE[name](chance, 700)).float() for _ in range(2))
    x, y = (Points.of(r, rows.mean(0)) for r in (rows, others))
    plain = [Points(p.rows, p.centred, p.squares) for p in (x, y)]
    for skip_self, points in ((True, (x, x)), (False, (x, y))):
        squares, index = nearest(*points, 5, skip_self=skip_self, block=256)
        first, second = (p.rows.double() for p in points)
        exact = torch.cdist(first, second, compute_mode="donot_use_mm_for_euclid_dist").square()
        if skip_self:
            exact.fill_diagonal_(torch.inf)
        truth = exact.topk(5, largest=False).values
        # rows differ by whole last digits where they are far from zero
        torch.testing.assert_close(squares, truth, rtol=1e-5, atol=1e-9)
        torch.testing.assert_close(exact.gather(1, index), truth, rtol=1e-5, atol=1e-9)
    assert torch.equal(nearest(x, y, 5)[0], nearest(*plain, 5)[0])
    found, near = prdc(rows, others, errors=False), torch.cdist(rows.double(), others.double())
    own = torch.cdist(rows.double(), rows.double()).fill_diagonal_(torch.inf).topk(5, largest=False).values[:, -1]
    assert found.coverage.value == pytest.approx(float((near.amin(1) <= own).double().mean()), abs=0.005)
    assert found.precision.se is None and found.recall.value == prdc(rows, others).recall.value


@pytest.mark.parametrize("shift", [-100, 0, 100])  # all negative, of both signs, all positive
def test_bfloat16_in_whole_numbers(shift: int) -> None:
    values = (torch.randn(50, 1003, generator=torch.Generator().manual_seed(0)) + shift).bfloat16()
    values[:, 5] = -torch.inf
    found, index = _topk(values, 9)
    assert torch.equal(found, values.topk(9, dim=1).values) and torch.equal(values.gather(1, index), found)
    mask = values >= found[:, -1:]
    row, column = _places(mask)
    assert torch.equal(torch.stack([row, column], 1), mask.nonzero())
    points = Points.of(torch.zeros(50, 2), torch.zeros(2))
    rough = Rough(points, points, 0, values, 0.0, 0.0, 0.0)
    for least in (found[:, -1:], found[:, -1:].abs(), found[0, -1].expand(1003)):
        assert torch.equal(torch.stack(rough.reaching(least), 1), (values >= least).nonzero())
