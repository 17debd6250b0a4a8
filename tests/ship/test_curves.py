"""Curves: what is drawn is what the events said."""

import math
import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.core.event import Event, Probed, Stepped
from reverie.ship.curves import MAX_POINTS, Series, curves_png, limits, series, svg, ticks


def steps(values: list[float], name: str = "kl_nats", phase: str = "elbo") -> list[Event]:
    return [Stepped(images=128 * i, phase=phase, terms={name: v}) for i, v in enumerate(values)]


def test_series_keep_order_units_and_values() -> None:
    events = [
        *steps([3.0, 2.0, 1.0]),
        Probed(images=0, values={"psnr_db": 1.0}),
        Probed(images=256, values={"psnr_db": 2.0}),
    ]
    kl, psnr = series(events)
    assert (kl.name, kl.unit, kl.kind, kl.points) == ("KL", "nats", "term", [(0, 3.0), (128, 2.0), (256, 1.0)])
    assert (psnr.name, psnr.unit, psnr.kind, psnr.last) == ("PSNR", "dB", "probe", 2.0)


def test_phases_are_named_when_there_are_two() -> None:
    names = [s.name for s in series([*steps([1, 2], "loss", "critic"), *steps([3, 4], "loss", "generator")])]
    assert names == ["critic · loss", "generator · loss"]


def test_not_finite_values_and_single_points_are_left_out() -> None:
    assert series(steps([1.0])) == []
    assert series(steps([1.0, math.nan, math.inf])) == []
    assert len(series(steps([1.0, math.nan, 2.0]))[0].points) == 2


def test_a_term_weighted_by_one_is_drawn_once() -> None:
    events = [
        Stepped(images=i, phase="elbo", terms={"weighted_kl_nats": i * 2.0, "kl_nats": i * 2.0}) for i in range(5)
    ]
    assert [s.name for s in series(events)] == ["KL"]


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=3000))
def test_thinning_keeps_the_mean_and_the_end(values: list[float]) -> None:
    (one,) = series(steps(values))
    assert len(one.points) <= MAX_POINTS + 1
    assert one.points[-1] == (128 * (len(values) - 1), values[-1])
    assert min(values) - 1e-6 <= min(y for _, y in one.points) and max(y for _, y in one.points) <= max(values) + 1e-6
    xs = [x for x, _ in one.points]
    assert xs == sorted(xs)


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9))
def test_ticks_are_inside_and_evenly_spaced(low: float, span: float) -> None:
    found = ticks(low, low + span)
    slack = 1e-6 * max(abs(low), span)
    assert 1 <= len(found) <= 7
    assert low - slack <= found[0] and found[-1] <= low + span + slack


def test_svg_draws_the_values_at_their_places() -> None:
    one = Series("kl", "nats", "term", [(0.0, 0.0), (50.0, 5.0), (100.0, 10.0)])
    root = ET.fromstring(svg(one, 200.0))
    path = next(e for e in root.iter() if e.attrib.get("class") == "line term").attrib["d"]
    points = [tuple(map(float, p.split())) for p in re.split("[ML]", path) if p]
    assert points[2][0] == pytest.approx(2 * points[1][0]) and points[0][0] == 0
    assert points[1][1] == pytest.approx((points[0][1] + points[2][1]) / 2, abs=0.1), (
        "the middle value lies in the middle"
    )
    assert points[0][1] > points[2][1], "larger is higher"


def test_a_wild_beginning_does_not_flatten_the_rest() -> None:
    one = Series("loss", "", "term", [(float(i), 1e6 if i < 5 else 10 + math.sin(i)) for i in range(200)])
    low, high = limits(one)
    assert 8 < low < 9.5 and 10.5 < high < 12


def test_a_constant_series_has_room() -> None:
    for constant in (0.0, 5.0, -3.0):
        low, high = limits(Series("x", "", "term", [(0.0, constant), (1.0, constant)]))
        assert low < constant < high or constant == 0.0 and low <= 0 < high


def test_png_of_many_series_and_of_hostile_names() -> None:
    made = [
        Series("a$b_{x", "", "term", [(0.0, 1.0), (1.0, 2.0)]),
        Series("kl", "nats", "probe", [(0.0, 1.0), (1.0, 1.0)]),
    ]
    assert curves_png(made)[:8] == b"\x89PNG\r\n\x1a\n"
