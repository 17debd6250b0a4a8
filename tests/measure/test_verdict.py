"""What may be said of two numbers: chances, Holm's correction, and words."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from reverie.measure.value import Value
from reverie.measure.verdict import Difference, judged, overall, sentence


def made(gap: float, se: float | None, metric: str = "kid", better: str = "lower") -> Difference:
    a, b = Value(0.5 + gap, 0.1, 1000, ""), Value(0.5, 0.1, 1000, "")
    return Difference(metric, "A", "B", a, b, Value(gap, se, 1000, ""), True, better)  # type: ignore[arg-type]


def holm(p: list[float]) -> list[float]:
    """The closed form: largest (m - rank) p of all that are no larger."""
    order, m = sorted(p), len(p)
    return [min(1.0, max((m - i) * q for i, q in enumerate(order) if q <= own)) for own in p]


def test_chances_are_those_of_a_normal_test_corrected_for_their_number() -> None:
    gaps = [0.31, -0.2, 0.05, 0.21, 0.0]
    found = judged([made(gap, 0.1) for gap in gaps])
    single = [2 * stats.norm.sf(abs(gap) / 0.1) for gap in gaps]
    np.testing.assert_allclose([d.p for d in found], single, rtol=1e-12)
    np.testing.assert_allclose([d.p_holm for d in found], holm(single), rtol=1e-12)


def test_what_has_no_error_is_not_tested_and_does_not_cost() -> None:
    found = judged([made(0.25, 0.1), made(0.3, None)])
    assert found[0].p_holm == found[0].p and found[1].winner is None
    assert "A" in sentence(found[1]) and "cannot" not in sentence(found[1])


def test_false_verdicts_stay_below_five_in_a_hundred() -> None:
    """Equals compared in ten metrics: in at most 5 % of comparisons is any called better."""
    chance = np.random.default_rng(0)
    wrong = [any(d.winner for d in judged([made(g, 1.0) for g in chance.standard_normal(10)])) for _ in range(1000)]
    assert 0.02 < np.mean(wrong) < 0.07


@pytest.mark.parametrize(("gap", "better", "winner"), [(0.5, "lower", "B"), (0.5, "higher", "A"), (-0.5, "lower", "A")])
def test_the_winner_is_the_better_one_and_comes_first(gap: float, better: str, winner: str) -> None:
    found = judged([made(gap, 0.1, better=better)])[0]
    assert found.winner == winner and sentence(found).startswith(f"{winner} is better than")
    assert overall([found]) == [f"{winner} is better than {'AB'.replace(winner, '')} in kid."]


def test_neither_way_is_better() -> None:
    found = judged([made(-0.5, 0.1, "vendi", "none")])[0]
    assert found.winner is None and found.to_dict()["apart"]
    assert sentence(found).startswith(
        "B has the higher vendi: 0.50 against 0.00, the difference is +0.50 (0.30 to 0.70)"
    )


def test_what_only_looks_real_among_many_is_said() -> None:
    found = judged([made(0.22, 0.1), *(made(0.0, 0.1) for _ in range(9))])[0]
    assert found.winner is None and "among so many comparisons it may be chance" in sentence(found)
    assert overall([found]) == ["A and B cannot be told apart in any of kid."]


def test_equals_without_spread() -> None:
    same, other = judged([made(0.0, 0.0), made(0.1, 0.0)])
    assert (same.p, other.p) == (1.0, 0.0)


def test_better_than_real_is_no_merit() -> None:
    """Coverage 0.99 against 0.97 where real images have 0.96: a difference, and no win; one below is worse."""
    a, b = Value(0.99, 0.0, 900, ""), Value(0.97, 0.0, 900, "")
    pair = Difference("coverage", "A", "B", a, b, Value(0.02, 0.002, 1000, ""), True, "higher", floor=0.96)
    found = judged([pair])[0]
    assert found.winner is None and found.p_holm < 0.01
    assert sentence(found).endswith("Real data have 0.960, so that neither is worse for it.")
    assert judged([replace(pair, floor=0.98)])[0].winner == "A"
