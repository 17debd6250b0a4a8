"""Errors of differences: intervals cover the truth, and pairing does not count what two contestants share."""

import numpy as np
import pytest
import torch
from torch import Tensor

from reverie.measure.sets import frechet, kid, neighbours, sliced
from reverie.measure.smoothness import smoothness
from reverie.measure.traces import SETS, Reference, Side, Trace
from reverie.measure.value import Value

D, N = 4, 240
NEIGHBOURS = ("precision", "recall", "density", "coverage")


def drawn(chance: np.random.Generator, kind: str) -> tuple[Tensor, Tensor, Tensor]:
    """Real features, and those of two generators from the same seeds: `equal` in law, or one narrower."""
    real = chance.standard_normal((N, D))
    shared = chance.standard_normal((N, D))
    own = chance.standard_normal((2, N, D))
    a, b = (0.8 * shared + 0.6 * own[i] for i in range(2))
    if kind == "apart":
        b = 0.7 * b + 0.2
    return tuple(torch.from_numpy(rows).float() for rows in (real, a, b))  # type: ignore[return-value]


@pytest.mark.parametrize("kind", ["equal", "apart"])
@pytest.mark.parametrize(
    ("metrics", "repeats"),
    [(("frechet", "vendi"), 120), (("kid",), 160), (("sliced_wasserstein",), 30), (NEIGHBOURS, 36)],
    ids=["left out", "kid", "sliced", "k-NN"],
)
def test_intervals_cover_the_truth(metrics: tuple[str, ...], repeats: int, kind: str) -> None:
    """Where they differ, the truth is the mean over the repetitions. Bounds are 95 % less three binomial errors."""
    chance = np.random.default_rng(7)
    rows: dict[str, list[Value]] = {metric: [] for metric in metrics}
    for _ in range(repeats):
        real, *made = drawn(chance, kind)
        sides = [Side(Reference(real, real), side) for side in made]
        for metric in metrics:
            found = SETS[metric](sides[0]).minus(SETS[metric](sides[1]))
            rows[metric].append(found)
    for metric, numbers in rows.items():
        values, errors = (np.array([getattr(number, name) for number in numbers]) for name in ("value", "se"))
        truth = 0.0 if kind == "equal" else values.mean()
        covered = np.mean([number.holds(truth) for number in numbers])
        assert covered >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / repeats), f"{metric}: {covered:.2f} covered"
        nulls = np.array([number.null for number in numbers if number.null is not None])
        if kind == "apart":
            assert len(nulls) < repeats / 10, f"{metric}: models that differ were taken for equal ones"
        elif metric in ("frechet", "kid", "sliced_wasserstein"):
            assert len(nulls) > 0.8 * repeats, metric
            assert np.sqrt((nulls**2).mean()) == pytest.approx(values.std(ddof=1), rel=3 / (2 * repeats) ** 0.5), metric
        ratio = np.sqrt((errors**2).mean()) / values.std(ddof=1)
        assert 0.75 < ratio < 1.6, f"{metric}: errors are {ratio:.2f} of the true ones"


def test_what_is_shared_goes_out_of_the_error() -> None:
    real, a, _ = drawn(np.random.default_rng(1), "equal")
    near = a + 0.01 * torch.randn(a.shape, generator=torch.Generator().manual_seed(0))
    for metric in ("frechet", "kid", "vendi", "coverage"):
        reference = Reference(real, real)
        one, two = (SETS[metric](Side(reference, rows)) for rows in (a, near))
        apart = np.hypot(one.value.se or 0, two.value.se or 0)
        assert (one.minus(two).se or 0) < 0.35 * apart, metric


def test_a_contestant_beside_itself_differs_by_nothing() -> None:
    real, a, _ = drawn(np.random.default_rng(2), "equal")
    for metric, take in SETS.items():
        if metric == "sharpness":
            continue
        reference = Reference(real, real, trained=real)
        found = take(Side(reference, a)).minus(take(Side(reference, a)))
        assert found.value == 0 and found.se is not None and (found.null or 0) < 1e-9, metric
        assert found.se < (0.1 if metric == "ndb" else 0.01), metric  # twelve bins that agree prove little


@pytest.mark.parametrize("metric", ["frechet", "kid", "sliced_wasserstein"])
def test_models_that_err_alike_in_different_ways_are_no_equals(metric: str) -> None:
    """One too low, one too high by as much: distances are equal, models are not, and exchanging them proves nothing."""
    chance, found = np.random.default_rng(11), []
    for _ in range(40):
        real, a, _ = drawn(chance, "equal")
        _, b, _ = drawn(chance, "equal")
        reference = Reference(real, real)
        low, high = (SETS[metric](Side(reference, rows)) for rows in (a - 0.5, b + 0.5))
        found.append(low.minus(high))
    assert all(gap.null is None for gap in found)
    assert np.mean([gap.holds(0.0) for gap in found]) >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / 40)


def exchanged(a: Tensor, b: Tensor, which: Tensor) -> tuple[Tensor, Tensor]:
    return torch.where(which[:, None], b, a), torch.where(which[:, None], a, b)


def test_exchanging_samples_turns_signs() -> None:
    """For `kid` exactly; for the others to second order, which two models that are near to each other show."""
    real, a, b = drawn(np.random.default_rng(8), "equal")
    reference = Reference(real, real)
    group = torch.arange(N) % 20
    swaps = kid.kernels(a, real).swaps(kid.kernels(b, real))
    for some in (group < 0, group < 1, group % 3 == 0):
        one, two = exchanged(a, b, some)
        signs = torch.where(some[:20], -1.0, 1.0)
        assert float((signs * swaps).sum()) == pytest.approx(kid.kid(one, real).value - kid.kid(two, real).value)
    near = a + 0.05 * (b - a)
    between = population(torch.cat([a, near])), population(reference.real)
    of_rows = (frechet.influence(a, *between) - frechet.influence(near, *between)) / N
    projected = [sliced.traced(rows, real, seed=0)[1] for rows in (a, near)]
    of_quantiles = projected[0].swaps(projected[1])
    for some in (group < 0, group % 3 == 0):
        one, two = exchanged(a, near, some)
        signs = torch.where(some, -1.0, 1.0)
        of_real = population(reference.real)
        exact = frechet.frechet(population(one), of_real) - frechet.frechet(population(two), of_real)
        assert float((signs * of_rows).sum()) == pytest.approx(exact, rel=0.02)
        gap = plain_sliced(one, real) - plain_sliced(two, real)
        assert float((signs * of_quantiles).sum()) == pytest.approx(gap, rel=0.05)


def population(rows: Tensor) -> frechet.Moments:
    """Of these rows and no others: divided by n."""
    return frechet.Moments(len(rows), rows.double().mean(0), rows.double().T.cov(correction=0))


def plain_sliced(made: Tensor, real: Tensor) -> float:
    """D times the mean squared gap of quantiles along the same directions, by scipy's quantiles on a fine grid."""
    basis, levels = sliced.orthogonal_directions(D, 512, 0).numpy(), (np.arange(24_000) + 0.5) / 24_000
    x, y = (np.sort(rows.double().numpy() @ basis, axis=0) for rows in (made, real))
    gaps = x[(levels * len(x)).astype(int)] - y[(levels * len(y)).astype(int)]
    return float(D * (gaps**2).mean())


def test_looks_of_one_set_are_prdc() -> None:
    real, a, b = drawn(np.random.default_rng(3), "apart")
    looks = neighbours.traced(real, a)
    assert looks.prdc() == neighbours.prdc(real, a)
    tiny = neighbours.traced(real[:30], a[:30]).minus(neighbours.traced(real[:30], b[:30]))
    assert tiny.coverage.se is None, "a tiny set has no parts"


def share_error(n: int, rate_a: float, rate_b: float) -> tuple[float, float]:
    """Mean estimated error of a difference of paired shares, beside its spread."""
    from reverie.measure.traces import _of_flags

    chance = np.random.default_rng(4)
    rows: list[tuple[float, float]] = []
    for _ in range(300):
        common = chance.random(n)
        x, y = (torch.from_numpy((common < rate).astype(np.float64)) for rate in (rate_a, rate_b))
        rows.append((float((x - y).mean()), _of_flags(x, y)[0] or 0.0))
    found = np.array(rows)
    return float(found[:, 1].mean()), float(found[:, 0].std())


def test_paired_shares() -> None:
    estimated, true = share_error(500, 0.05, 0.10)
    assert estimated == pytest.approx(true, rel=0.15)
    assert share_error(500, 0.0, 0.0)[0] > 0, "no copies seen is not no copies ever"


@pytest.mark.parametrize("rate", [0.01, 0.1, 0.5])
def test_equal_shares_are_told_apart_in_a_twentieth(rate: float) -> None:
    from reverie.measure.traces import _of_flags

    chance, held = np.random.default_rng(9), 0
    for _ in range(1000):
        x, y = (torch.from_numpy((chance.random(300) < rate).astype(np.float64)) for _ in range(2))
        error, null = _of_flags(x, y)
        held += Value(float((x - y).mean()), error, 300, "", null=null).holds(0.0)
    assert 0.90 <= held / 1000 <= 0.98


def test_sharpness_pairs_images() -> None:
    chance, whole = np.random.default_rng(5), torch.tensor([0.0, 5.0, 0.0, 0.0, 0.0])
    rows: list[tuple[float, float]] = []
    for _ in range(300):
        real, a = (torch.from_numpy(chance.gamma(2.0, size=(200, 2))).repeat(1, 3)[:, :5] for _ in range(2))
        b = a * torch.tensor([0.8, 1.0, 1.0, 1.0, 1.0]) * torch.from_numpy(chance.uniform(0.9, 1.1, (200, 5)))
        reference = Reference(real, real, spectra=real + whole)
        one, two = (SETS["sharpness"](Side(reference, real, s + whole)) for s in (a, b))
        found = one.minus(two)
        rows.append((found.value, found.se or 0.0))
    found = np.array(rows)
    assert found[:, 1].mean() == pytest.approx(found[:, 0].std(), rel=0.15)


def test_a_trace_keeps_the_unit() -> None:
    one = Trace(Value(2.0, 0.1, 10, "dB"), torch.ones(3), lambda x, y: (0.5, 0.4))
    assert one.minus(one) == Value(0.0, 0.5, 10, "dB", null=0.4)


def test_smoothness() -> None:
    """Even steps are 1; all in one jump of four steps is 1/4; a way there and back is not straight."""
    line = torch.linspace(0, 1, 5)[None, :, None].repeat(2, 1, 3)
    found = smoothness(line)
    assert found.even.value == pytest.approx(1) and found.straight.value == pytest.approx(1)
    jump = torch.tensor([0.0, 0, 0, 1, 1])[None, :, None].repeat(2, 1, 1)
    assert smoothness(jump).even.value == 0.25 and smoothness(jump).straight.value == 1
    back = torch.tensor([0.0, 1, 2, 1, 0])[None, :, None].repeat(2, 1, 1)
    assert smoothness(back).straight.value == 0 and smoothness(back).even.value == 1
    still = torch.zeros(2, 5, 1)
    assert smoothness(still).even.value == 0, "nothing that changes is not smooth, it is still"
