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
    ends = {"low": kl.low, "high": kl.high}
    assert json.loads(json.dumps(found)) == {
        "schema": 1,
        "run": "faces",
        "protocol": {"split": "test", "samples": 200},
        "metrics": {
            "kl_per_dimension": {"value": 3.5, "se": 0.1, "n": 10, "unit": "nats"} | ends | {"per": [1.5, 2.0]}
        },
    }


def test_finite_or_not() -> None:
    assert Value(1.0, None, 1, "").is_finite()
    bad = (Value(math.nan, None, 1, ""), Value(1.0, math.inf, 1, ""), Value(1.0, 0.1, 1, "", (1.0, math.nan)))
    assert not any(value.is_finite() for value in bad)


def test_an_interval_holds_nought_when_chance_between_equals_allows_it() -> None:
    """Both ways: a wide error does not take 0 back in, and a narrow one does not leave it out."""
    plain = Value(0.3, 0.1, 9, "")
    assert (plain.low, plain.high) == (pytest.approx(0.104, abs=1e-3), pytest.approx(0.496, abs=1e-3))
    assert plain.p == pytest.approx(0.0027, abs=1e-4) and not plain.holds(0) and plain.holds(0.2)
    beyond = Value(0.3, 0.2, 9, "", null=0.1)
    assert (beyond.low, beyond.holds(0), beyond.holds(1e-9)) == (0, False, True) and beyond.p < 0.05
    below = Value(-0.3, 0.2, 9, "", null=0.1)
    assert (below.high, below.holds(0), below.holds(-1e-9)) == (0, False, True)
    within = Value(0.3, 0.1, 9, "", null=0.2)
    assert (within.low, within.holds(0), within.p > 0.05) == (0, True, True)
    bare = Value(3.0, None, 9, "")
    assert (bare.low, bare.high, bare.p) == (None, None, 1.0)
    with pytest.raises(ValueError, match="no interval"):
        bare.holds(3.0)


def test_the_interval_of_a_share_leans_to_the_middle() -> None:
    """Agresti and Coull 1998: two more of each kind; a share of 0 has one, too."""
    from reverie.measure.sets.features import share

    found = share(3, 20)
    centre, half = 5 / 24, 1.959964 * math.sqrt(5 / 24 * 19 / 24 / 24)
    assert (found.value, found.low, found.high) == (0.15, pytest.approx(centre - half), pytest.approx(centre + half))
    assert share(0, 20).holds(0.1) and not share(0, 20).holds(0.3)
    assert (share(0, 20).low, share(20, 20).high) == (0, 1)
