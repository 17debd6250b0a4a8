"""Numbers as people and programs read them."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.measure import Value, format_table, format_value, to_json_dict


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Value(89.6321, 0.4123, 10_000, "nats"), "89.6 ± 0.4 nats (n 10,000)"),
        (Value(89.6321, 0.1423, 10_000, "nats"), "89.63 ± 0.14 nats (n 10,000)"),
        (Value(89.6321, 0.0996, 500, "nats"), "89.63 ± 0.10 nats (n 500)"),
        (Value(1234.5, 56.7, 64, "images/s"), "1,230 ± 60 images/s (n 64)"),
        (Value(1234.5, 13.2, 64, "images/s"), "1,234 ± 13 images/s (n 64)"),
        (Value(0.00123456, 0.0000234, 9, ""), "0.00123 ± 0.00002 (n 9)"),
        (Value(-0.0001, 0.004, 9, ""), "0.000 ± 0.004 (n 9)"),
        (Value(1.0, 0.0, 9, ""), "1 ± 0 (n 9)"),
        (Value(21, None, 500, "units"), "21 units (n 500)"),
        (Value(652_824, None, 0, ""), "652,824"),
        (Value(2.490234, None, 0, "MiB"), "2.49 MiB"),
        (Value(0.5, math.nan, 3, ""), "0.5 (n 3)"),
    ],
)
def test_no_more_digits_than_the_error_supports(value: Value, text: str) -> None:
    assert format_value(value) == text


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e5))
def test_rounding_stays_below_the_error(number: float, error: float) -> None:
    shown, shown_error = (
        float(part.replace(",", "")) for part in format_value(Value(number, error, 0, "")).split(" ± ")
    )
    assert abs(shown - number) <= 0.51 * error
    assert shown_error == pytest.approx(error, rel=0.26)


def test_table_lines_up() -> None:
    table = format_table(
        {
            "nll": Value(89.63, 0.41, 10_000, "nats"),
            "active_units": Value(21, None, 500, "units"),
            "x": Value(1, 0.2, 2, ""),
        }
    )
    assert table.splitlines() == [
        "nll           89.6  ± 0.4  nats   n 10,000",
        "active_units    21         units  n 500",
        "x              1.0  ± 0.2         n 2",
    ]
    assert format_table({}) == ""


def test_json_has_the_protocol_and_every_number() -> None:
    kl = Value(3.5, 0.1, 10, "nats", (1.5, 2.0))
    found = to_json_dict("faces", {"split": "test", "samples": 200}, {"kl_per_dimension": kl})
    assert json.loads(json.dumps(found)) == {
        "schema": 1,
        "run": "faces",
        "protocol": {"split": "test", "samples": 200},
        "metrics": {"kl_per_dimension": {"value": 3.5, "se": 0.1, "n": 10, "unit": "nats", "per": [1.5, 2.0]}},
    }


def test_finite_or_not() -> None:
    assert Value(1.0, None, 1, "").is_finite()
    bad = (Value(math.nan, None, 1, ""), Value(1.0, math.inf, 1, ""), Value(1.0, 0.1, 1, "", (1.0, math.nan)))
    assert not any(value.is_finite() for value in bad)
