"""What may be said of two measured numbers: which is larger, by how much, and whether that is more than chance."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from reverie.measure.metric import words
from reverie.measure.value import Value

# Of all differences of one comparison together, the chance that any is called real and is none.
ERROR = 0.05

Better = Literal["lower", "higher", "none"]


@dataclass(frozen=True)
class Difference:
    """The same number of two contestants, and the difference with an interval.

    Args:
        metric: the number's name.
        a: one contestant.
        b: the other.
        of_a: its number.
        of_b: likewise.
        gap: `of_a` less `of_b`, with its error if there is one to be had.
        paired: True when both come from the same seeds and the same images, so that what they share is not counted.
        better: which way is up.
        p: chance of a difference as large between equals, of this one by itself; 1 where there is no error.
        p_holm: the same with all differences of the comparison in mind.
        floor: what unseen real images score; None where that says nothing.
    """

    metric: str
    a: str
    b: str
    of_a: Value
    of_b: Value
    gap: Value
    paired: bool
    better: Better
    p: float = 1.0
    p_holm: float = 1.0
    floor: float | None = None

    @property
    def winner(self) -> str | None:
        """The better one; None when they cannot be told apart, when neither way is better, or when the worse one is as
        good as real images: what is beyond them is no merit."""
        if self.p_holm >= ERROR or self.better == "none" or self._both_as_good_as_real():
            return None
        return self.a if (self.gap.value > 0) == (self.better == "higher") else self.b

    def _both_as_good_as_real(self) -> bool:
        if self.floor is None or self.better == "none":
            return False
        worse = (min if self.better == "higher" else max)(self.of_a.value, self.of_b.value)
        return worse >= self.floor if self.better == "higher" else worse <= self.floor

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, the sentence among them."""
        return {
            "metric": self.metric,
            "a": self.a,
            "b": self.b,
            "value": self.gap.value,
            "se": self.gap.se,
            "low": self.gap.low,
            "high": self.gap.high,
            "n": self.of_a.n,
            "floor": self.floor,
            "paired": self.paired,
            "p": self.p,
            "p_holm": self.p_holm,
            "apart": self.p_holm < ERROR,
            "winner": self.winner,
            "words": sentence(self),
        }


def judged(differences: Sequence[Difference]) -> list[Difference]:
    """The same differences with both chances filled in.

    A normal test of each, and Holm's step-down correction over all that have an error (Holm 1979): the chance that any
    of them is wrongly called real stays below 5 %, however many there are.

    Example:
        >>> two = [Value(1.0, 0.1, 50, ""), Value(0.7, 0.1, 50, "")]
        >>> made = [Difference("kid", "x", "y", *two, Value(gap, 0.1, 50, ""), True, "lower") for gap in (0.3, 0.21)]
        >>> [(round(d.p, 4), round(d.p_holm, 4), d.winner) for d in judged(made)]
        [(0.0027, 0.0054, 'y'), (0.0357, 0.0357, 'y')]
    """
    single = [replace(d, p=d.gap.p) for d in differences]
    tested = sorted((i for i, d in enumerate(single) if d.gap.se is not None), key=lambda i: single[i].p)
    highest = 0.0
    for place, i in enumerate(tested):
        highest = max(highest, min(1.0, (len(tested) - place) * single[i].p))
        single[i] = replace(single[i], p_holm=highest)
    return single


def sentence(d: Difference) -> str:
    """What a person should take away.

    Example:
        >>> few = Value(0.93, 0.01, 1000, ""), Value(0.81, 0.01, 1000, "")
        >>> sentence(Difference("coverage", "A", "B", *few, Value(0.12, 0.02, 1000, ""), True, "higher", 1e-9, 1e-9))
        'A is better than B in coverage: 0.93 against 0.81, the difference is +0.12 (0.08 to 0.16).'
        >>> few = Value(0.9, 0.1, 90, ""), Value(0.8, 0.1, 90, "")
        >>> print(sentence(Difference("coverage", "A", "B", *few, Value(0.1, 0.08, 90, ""), True, "higher", 0.21, 0.4)))
        A and B cannot be told apart in coverage at n = 90: 0.90 against 0.80, the difference is +0.10 (-0.06 to 0.26).
    """
    what = d.metric.replace("_", " ")
    unit = f" {d.of_a.unit}" if d.of_a.unit else ""
    gap, low, high = d.gap.value, d.gap.low, d.gap.high
    if d.gap.se is None or low is None or high is None:
        return f"{what}: {_plain(d.of_a.value)}{unit} of {d.a}, {_plain(d.of_b.value)}{unit} of {d.b}."
    decimals = _decimals(d.gap.se)
    first, second, names = d.of_a.value, d.of_b.value, (d.a, d.b)
    if d.winner == d.b or (d.winner is None and gap < 0):
        first, second, low, high, names, gap = second, first, -high, -low, (d.b, d.a), -gap
    numbers = (
        f"{_shown(first, decimals)} against {_shown(second, decimals)}{unit}, the difference is "
        f"{_shown(gap, decimals, sign=True)} ({_shown(low, decimals)} to {_shown(high, decimals)})."
    )
    if d.p_holm >= ERROR:
        chance = "" if d.p >= ERROR else " Alone it would pass for real; among so many comparisons it may be chance."
        return f"{names[0]} and {names[1]} cannot be told apart in {what} at n = {d.of_a.n:,}: {numbers}{chance}"
    if d.winner is None:
        real = "" if d.floor is None else f" Real data have {_shown(d.floor, decimals)}"
        note = "" if not real else f"{real}." if d.better == "none" else f"{real}, so that neither is worse for it."
        return f"{names[0]} has the {'higher' if gap > 0 else 'lower'} {what}: {numbers}{note}"
    return f"{names[0]} is better than {names[1]} in {what}: {numbers}"


def overall(differences: Sequence[Difference]) -> list[str]:
    """One sentence for each pair of contestants: who wins where, and where nobody does.

    Example:
        >>> two = Value(0.9, 0.1, 90, ""), Value(0.8, 0.1, 90, "")
        >>> overall([Difference("kid", "A", "B", *two, Value(0.1, 0.01, 90, ""), True, "lower", 0.0, 0.0)])
        ['B is better than A in kid.']
    """
    said: list[str] = []
    for a, b in dict.fromkeys((d.a, d.b) for d in differences):
        tested = [d for d in differences if (d.a, d.b) == (a, b) and d.gap.se is not None and d.better != "none"]
        won = {who: [d.metric.replace("_", " ") for d in tested if d.winner == who] for who in (a, b)}
        even = [d.metric.replace("_", " ") for d in tested if d.p_holm >= ERROR]
        first, second = (a, b) if len(won[a]) >= len(won[b]) else (b, a)
        parts = [f"{first} is better than {second} in {words(won[first])}"] if won[first] else []
        parts += [f"{second} in {words(won[second])}"] if won[second] else []
        parts += [f"they cannot be told apart in {words(even)}" if parts else _even(a, b, even)] if even else []
        if parts:
            said.append("; ".join(parts) + ".")
    return said


def _even(a: str, b: str, metrics: Sequence[str]) -> str:
    return f"{a} and {b} cannot be told apart in any of {words(metrics)}"


def _decimals(se: float) -> int:
    """As many as show the error with two digits where it starts with a 1, else with one."""
    if se <= 0 or not math.isfinite(se):
        return 3
    magnitude = math.floor(math.log10(float(f"{se:.1e}")))
    return max(0, -magnitude + (float(f"{se:.1e}") < 2 * 10.0**magnitude))


def _shown(number: float, decimals: int, *, sign: bool = False) -> str:
    return f"{round(number, decimals) + 0.0:{'+' if sign else ''},.{decimals}f}"


def _plain(number: float) -> str:
    return f"{number:,.0f}" if abs(number) >= 1000 or number == int(number) else f"{number:.4g}"
