"""Numbers are never written with more digits than their error supports."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.measure import Value, format_value
from reverie.ship.numbers import count, duration, spoken, value

numbers = st.floats(-1e9, 1e9, allow_nan=False)


@given(numbers, st.floats(1e-6, 1e6))
def test_it_says_what_measure_says(number: float, error: float) -> None:
    """`measure` and `ship` may not import each other; they must not print one number in two ways either."""
    theirs = format_value(Value(number, error, 0, ""))
    assert value(number, error).replace("-0.0 ", "0.0 ").lstrip("-") == theirs.replace("-0.0 ", "0.0 ").lstrip("-")


@given(numbers)
def test_four_digits_are_within_a_thousandth(number: float) -> None:
    shown = float(value(number).replace(",", ""))
    assert math.isclose(shown, number, rel_tol=6e-4, abs_tol=0.5 if abs(number) >= 1000 else 1e-12)


@pytest.mark.parametrize(
    ("number", "shown"), [(math.nan, "not finite"), (None, "not finite"), (True, "True"), ("x", "x")]
)
def test_odd_values(number: object, shown: str) -> None:
    assert value(number) == shown


def test_an_error_of_zero_or_nan_is_no_error() -> None:
    assert value(1.5, 0.0) == value(1.5, math.nan) == value(1.5)


@given(st.floats(0, 1e7))
def test_duration_reads_back(seconds: float) -> None:
    units = {"s": 1, "min": 60, "h": 3600}
    words = duration(seconds).split()
    total = sum(int(n) * units[u] for n, u in zip(words[::2], words[1::2], strict=True))
    assert abs(total - seconds) <= (0.5 if seconds < 3599 else 60)


def test_counts() -> None:
    assert [count(n) for n in (0, 999, 1000, 12_345, 2_500_000, 3e9)] == ["0", "999", "1 k", "12.3 k", "2.5 M", "3 G"]


def test_a_name_alone_is_never_taken_for_a_unit() -> None:
    assert spoken("nats") == ("nats", "")
    assert spoken("held_out_elbo_nats") == ("held out ELBO", "nats")
