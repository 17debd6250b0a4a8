"""A measured number with its error, and how it is written down for people and for programs."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Errors either way that hold a normal number 95 times of a hundred.
_QUANTILE = 1.959964


@dataclass(frozen=True)
class Value:
    """A measured number.

    Args:
        value: the estimate.
        se: its standard error over the images (or repeats) that it was estimated from; None for facts and for counts.
        n: the images (or repeats) behind it; 0 when nothing was estimated (the number of parameters).
        unit: "nats" (per image), "bits/dim", "dB", "ms"; empty for a plain ratio.
        per: the same quantity for each part, such as the KL of each latent dimension.
        null: its standard error were the truth 0, where that is another one: a distance of equal distributions, a
            difference of equal models. It decides whether 0 is in the interval.
        middle: of the interval of a share, which lies nearer to a half than the share (Agresti and Coull 1998).

    Example:
        >>> Value(89.63, None, 10_000, "nats").to_dict()
        {'value': 89.63, 'se': None, 'n': 10000, 'unit': 'nats'}
        >>> Value(0.021, 0.012, 600, "", null=0.008).low  # beyond what chance does to equal distributions
        0.0
    """

    value: float
    se: float | None
    n: int
    unit: str
    per: tuple[float, ...] | None = None
    null: float | None = None
    middle: float | None = None

    @property
    def low(self) -> float | None:
        """Lower end of the 95 % interval; None without an error."""
        return None if self.se is None else self._ends(self.se)[0]

    @property
    def high(self) -> float | None:
        """Upper end."""
        return None if self.se is None else self._ends(self.se)[1]

    @property
    def p(self) -> float:
        """Chance of a number as far from 0, either way, were the truth 0: normal; 1 without an error."""
        error = self.se if self.null is None else self.null
        if error is None:
            return 1.0
        if error <= 0:
            return 1.0 if self.value == 0 else 0.0
        return math.erfc(abs(self.value) / error / math.sqrt(2))

    def holds(self, truth: float) -> bool:
        """Whether the interval holds a truth. An end at 0 that `null` has set is in it only if 0 itself may be true."""
        if self.se is None:
            raise ValueError("a number without an error has no interval")
        if truth == 0 and self.null is not None:
            return abs(self.value) <= _QUANTILE * self.null
        low, high = self._ends(self.se)
        return low <= truth <= high

    def _ends(self, se: float) -> tuple[float, float]:
        if self.middle is not None:
            return max(0.0, self.middle - _QUANTILE * se), min(1.0, self.middle + _QUANTILE * se)
        low, high = self.value - _QUANTILE * se, self.value + _QUANTILE * se
        if self.null is None:
            return low, high
        if self.holds(0.0):
            return min(low, 0.0), max(high, 0.0)
        return (max(low, 0.0), high) if self.value > 0 else (low, min(high, 0.0))

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; an interval only where there is an error, `per` only where there are parts."""
        ends = {} if self.se is None else {"low": self.low, "high": self.high}
        parts = {} if self.per is None else {"per": list(self.per)}
        return {"value": self.value, "se": self.se, "n": self.n, "unit": self.unit} | ends | parts

    def is_finite(self) -> bool:
        """True when every number in it is one."""
        numbers = (self.value, 0.0 if self.se is None else self.se, *(self.per or ()))
        return all(math.isfinite(number) for number in numbers)


def format_value(value: Value) -> str:
    """The number with its error, in no more digits than the error supports.

    The error keeps one significant digit, or two where it starts with a 1; the number stops at the same place. A number
    without an error has four significant digits.

    Example:
        >>> format_value(Value(89.6321, 0.4123, 10_000, "nats"))
        '89.6 ± 0.4 nats (n 10,000)'
        >>> format_value(Value(21, None, 500, "units"))
        '21 units (n 500)'
    """
    number, error = _digits(value)
    text = number if error is None else f"{number} ± {error}"
    unit = f" {value.unit}" if value.unit else ""
    count = f" (n {value.n:,})" if value.n else ""
    return text + unit + count


def format_table(values: Mapping[str, Value]) -> str:
    """One line a number, in columns: name, number, error, unit, n.

    Example:
        >>> size = Value(652_824, None, 0, "")
        >>> print(format_table({"nll": Value(89.6321, 0.4123, 10_000, "nats"), "parameters": size}))
        nll            89.6  ± 0.4  nats  n 10,000
        parameters  652,824
    """
    rows: list[tuple[str, ...]] = []
    for name, value in values.items():
        number, error = _digits(value)
        rows.append((name, number, f"± {error}" if error else "", value.unit, f"n {value.n:,}" if value.n else ""))
    widths = [max(len(row[column]) for row in rows) for column in range(5)] if rows else []
    lines = [
        "  ".join(cell.rjust(width) if column == 1 else cell.ljust(width) for column, (cell, width) in cells)
        for cells in (enumerate(zip(row, widths, strict=True)) for row in rows)
    ]
    return "\n".join(line.rstrip() for line in lines)


def to_json_dict(run: str, protocol: Mapping[str, Any], values: Mapping[str, Value]) -> dict[str, Any]:
    """What `reverie measure --json` prints: the numbers, and the terms under which they hold.

    Args:
        run: the run's name.
        protocol: everything that decides the numbers besides the weights: data, split, size, samples, seed.
        values: what `measure` returned.

    Example:
        >>> to_json_dict("faces", {"split": "held-out"}, {"psnr": Value(24.1, 0.2, 64, "dB")})["metrics"]["psnr"]["n"]
        64
    """
    metrics = {name: value.to_dict() for name, value in values.items()}
    return {"schema": 1, "run": run, "protocol": dict(protocol), "metrics": metrics}


def _digits(value: Value) -> tuple[str, str | None]:
    """The number and its error as text, rounded together."""
    if value.se is None or not math.isfinite(value.se) or not math.isfinite(value.value):
        return _four_digits(value.value), None
    if value.se == 0:
        return _four_digits(value.value), "0"
    # Two digits where the error starts with a 1: there one digit would round it by up to a third.
    magnitude = math.floor(math.log10(float(f"{value.se:.1e}")))
    decimals = -magnitude + (float(f"{value.se:.1e}") < 2 * 10.0**magnitude)
    shown = max(decimals, 0)
    # Adding zero turns a rounded -0.0 into 0.0.
    return f"{round(value.value, decimals) + 0.0:,.{shown}f}", f"{round(value.se, decimals):,.{shown}f}"


def _four_digits(number: float) -> str:
    if not math.isfinite(number):
        return str(number)
    return f"{number:,.0f}" if abs(number) >= 1000 or number == int(number) else f"{number:.4g}"
