"""Errors of differences: intervals cover the truth, and pairing does not count what two contestants share."""

import numpy as np
import pytest
import torch
from torch import Tensor

from reverie.measure.sets import neighbours
from reverie.measure.smoothness import smoothness
from reverie.measure.traces import SETS, Reference, Side, Trace

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
    [(("frechet", "vendi"), 120), (("kid",), 160), (NEIGHBOURS, 36)],
    ids=["left out", "kid", "k-NN"],
)
def test_intervals_cover_the_truth(metrics: tuple[str, ...], repeats: int, kind: str) -> None:
    """Where they differ, the truth is the mean over the repetitions. Bounds are 95 % less three binomial errors."""
    chance = np.random.default_rng(7)
    rows: dict[str, list[tuple[float, float]]] = {metric: [] for metric in metrics}
    for _ in range(repeats):
        real, *made = drawn(chance, kind)
        sides = [Side(Reference(real, real), side) for side in made]
        for metric in metrics:
            found = SETS[metric](sides[0]).minus(SETS[metric](sides[1]))
            rows[metric].append((found.value, found.se or 0.0))
    for metric, numbers in rows.items():
        values, errors = np.array(numbers).T
        truth = 0.0 if kind == "equal" else values.mean()
        covered = (np.abs(values - truth) <= 1.96 * errors).mean()
        assert covered >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / repeats), f"{metric}: {covered:.2f} covered"
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
        assert found.value == 0 and found.se is not None and found.se < 0.01, metric


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
        rows.append((float((x - y).mean()), _of_flags(x, y)))
    found = np.array(rows)
    return float(found[:, 1].mean()), float(found[:, 0].std())


def test_paired_shares() -> None:
    estimated, true = share_error(500, 0.05, 0.10)
    assert estimated == pytest.approx(true, rel=0.15)
    assert share_error(500, 0.0, 0.0)[0] > 0, "no copies seen is not no copies ever"


def test_sharpness_pairs_images() -> None:
    chance = np.random.default_rng(5)
    rows: list[tuple[float, float]] = []
    for _ in range(300):
        real, a = (torch.from_numpy(chance.gamma(2.0, size=(200, 2))) for _ in range(2))
        b = a * torch.tensor([0.8, 1.0]) * torch.from_numpy(chance.uniform(0.9, 1.1, (200, 2)))
        reference = Reference(real, real, spectra=real + torch.tensor([0.0, 5.0]))
        one, two = (SETS["sharpness"](Side(reference, real, s + torch.tensor([0.0, 5.0]))) for s in (a, b))
        found = one.minus(two)
        rows.append((found.value, found.se or 0.0))
    found = np.array(rows)
    assert found[:, 1].mean() == pytest.approx(found[:, 0].std(), rel=0.15)


def test_a_trace_keeps_the_unit() -> None:
    from reverie.measure.value import Value

    one = Trace(Value(2.0, 0.1, 10, "dB"), torch.ones(3), lambda x, y: 0.5)
    assert one.minus(one) == Value(0.0, 0.5, 10, "dB")


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
