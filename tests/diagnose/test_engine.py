"""What the doctor says first, what it leaves out, and that nothing in a run folder can make it fall over."""

import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reverie.core.event import Event, Finished, Found, Probed, Started, Stepped, Warned, to_json
from reverie.core.finding import Record, Series, read_nulls
from reverie.core.recipe import Recipe
from reverie.core.run import Run
from reverie.diagnose.engine import diagnose, examine, symptoms

sys.path.insert(0, str(Path(__file__).parent))
from conftest import Make, finding, probes

FAMILIES = ("vae", "gan")
EMPTY = Record(Recipe.from_dict({"family": "gan"}), ())


def test_codes_are_unique_and_of_their_kind() -> None:
    for family in FAMILIES:
        codes = [s.code for s in symptoms(family)]
        assert codes == sorted(set(codes))
        assert {c[0] for c in codes} == {"X", family[0].upper()}


def test_an_unknown_family_has_the_generic_symptoms() -> None:
    assert {s.code[0] for s in symptoms("nobody-has-this")} == {"X"}


def test_the_surest_comes_first_and_ties_go_by_code(looked_for: Make) -> None:
    looked_for(finding("B001", 0.7), None, finding("C002", 0.9), finding("C001", 0.9))
    assert [f.code for f in diagnose(EMPTY)] == ["C001", "C002", "B001"]


@pytest.mark.parametrize(
    ("cause", "consequence"),
    [("X001", "X010"), ("X001", "G006"), ("X010", "V004"), ("G006", "G001"), ("G001", "G002"), ("V001", "V004"),
     ("V004", "V002"), ("V005", "V003")],
)  # fmt: skip
def test_a_consequence_is_left_out_however_sure(cause: str, consequence: str, looked_for: Make) -> None:
    looked_for(finding(consequence, 0.99), finding(cause, 0.6))
    assert [f.code for f in diagnose(EMPTY)] == [cause]


def test_what_nothing_explains_stays(looked_for: Make) -> None:
    looked_for(finding("X012"), finding("G003"), finding("G007"))
    assert len(diagnose(EMPTY)) == 3


def test_time_is_the_remedy_only_of_what_has_no_other(looked_for: Make) -> None:
    looked_for(finding("X014", 0.99), finding("G002", 0.6))
    assert [f.code for f in diagnose(EMPTY)] == ["G002"]
    looked_for(finding("X014", 0.6))
    assert [f.code for f in diagnose(EMPTY)] == ["X014"]


def test_a_symptom_that_fails_does_not_silence_the_others(looked_for: Make) -> None:
    looked_for(ZeroDivisionError("third party"), finding("G002"))
    seen = examine(EMPTY)
    assert [f.code for f in seen.findings] == ["G002"]
    assert seen.failed == ["Z999: ZeroDivisionError: third party"]


def test_symptoms_that_need_the_whole_run_wait(monkeypatch: pytest.MonkeyPatch, looked_for: Make) -> None:
    looked_for(finding("G002"))
    from reverie.diagnose import engine

    monkeypatch.setattr(engine.symptoms("gan")[0].__class__, "when", "after")
    assert diagnose(EMPTY, during_training=True) == []
    assert len(diagnose(EMPTY)) == 1


NAMES = sorted(
    {"coverage", "density", "diversity", "frechet", "missing_bins", "copies", "sharpness", "judge_train",
     "judge_held_out", "judge_fake", "judge_train_accuracy", "judge_held_out_accuracy", "judge_gradient_ratio",
     "judge_gap_autocorrelation",
     "kl_nats", "active_units", "latent_units", "posterior_gap", "posterior_gap_floor", "reconstruction_mse",
     "data_variance", "reconstruction_sharpness", "held_out_elbo_nats", "held_out_nll_nats", "train_elbo_nats"}
)  # fmt: skip
TERMS = ("adversarial", "accuracy", "gamma", "kl_nats", "weighted_kl_nats", "gradient_norm")
number = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, math.nan, math.inf, -math.inf, 1e308, -1e308, 5e-324, 1e-300]),
    st.floats(allow_nan=True, allow_infinity=True),
)
moment = st.integers(min_value=-(2**70), max_value=2**70)
event = st.one_of(
    st.builds(Probed, images=moment, seconds=number, values=st.dictionaries(st.sampled_from(NAMES), number)),
    st.builds(
        Stepped,
        images=moment,
        seconds=number,
        phase=st.sampled_from(["critic", "generator", "elbo", ""]),
        terms=st.dictionaries(st.sampled_from(TERMS), number),
    ),
    st.builds(Started, images=moment),
    st.builds(Warned, images=moment, code=st.just("X001"), message=st.just("no")),
    st.builds(Finished, images=moment, reason=st.sampled_from(["diverged", "budget"])),
)
pair = st.tuples(number, number)


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=60)
@given(
    events=st.lists(event, max_size=12),
    row=st.fixed_dictionaries(dict.fromkeys(NAMES, number)),
    nulls=st.dictionaries(st.sampled_from(NAMES), pair),
)
def test_no_numbers_make_it_fall_over(
    family: str, events: list[Event], row: dict[str, float], nulls: dict[str, tuple[float, float]]
) -> None:
    rows: list[Event] = [Probed(images=i, values=row) for i in range(8)]  # as if all of it went on for long
    record = Record(Recipe.from_dict({"family": family, "train": {"images": 8}}), (*events, *rows), nulls)
    seen = examine(record)
    assert seen.failed == []
    for found in seen.findings:
        json.dumps(found.to_dict())
        assert found.saw and 0 < found.confidence <= 1
        record.recipe.change(found.remedy)


@pytest.mark.parametrize(
    "line",
    ["", "{", "null", "[]", '{"event": "probed"}', '{"event": "probed", "images": "1", "values": {}}',
     '{"event": "probed", "images": 1, "values": []}', '{"event": "probed", "images": 1, "values": {"coverage": []}}',
     '{"event": "probed", "images": 1, "values": {"coverage": 1e999}}',
     '{"event": "probed", "images": 1, "values": null}', '{"event": "stepped", "images": 1, "phase": 3, "terms": {}}',
     '{"event": "stepped", "images": true, "phase": "a", "terms": {"b": NaN}}', "[" * 5000, "\x00\xff",
     '{"event": "found", "images": 1, "code": [], "title": "", "message": ""}'],
)  # fmt: skip
def test_a_damaged_line_costs_that_line(tmp_path: Path, line: str) -> None:
    sick = probes([{"diversity": 0.01}] * 8)
    run = Run.create(tmp_path / "r", sick.recipe)
    lines = [to_json(e) for e in sick.events]
    text = "\n".join([*lines[:5], line, *lines[5:]]) + "\n" + '{"event": "probed", "ima'
    (run.path / "events.jsonl").write_text(text, encoding="utf-8", errors="surrogateescape")
    assert "G001" in [f.code for f in diagnose(Record.of(run))]


@pytest.mark.parametrize(
    "text", ["", "[]", "3", '{"coverage": 1}', '{"coverage": [1]}', '{"coverage": ["a", 2]}', "{", "null", "[" * 5000]
)
def test_unreadable_healthy_ranges_are_none(tmp_path: Path, text: str) -> None:
    run = Run.create(tmp_path / "r", EMPTY.recipe)
    (run.path / "probes" / "nulls.json").write_text(text, encoding="utf-8")
    assert read_nulls(run) == {}


def test_ranges_that_are_no_ranges_are_left_out(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "r", EMPTY.recipe)
    text = '{"coverage": [NaN, 1.0], "diversity": [0.9, 1.1], "frechet": [2.0, 1.0], "ndb": [0, Infinity]}'
    (run.path / "probes" / "nulls.json").write_text(text, encoding="utf-8")
    assert read_nulls(run) == {"diversity": (0.9, 1.1)}


def test_a_signal_without_a_finite_value_has_no_last() -> None:
    assert math.isnan(Series(np.arange(3.0), np.full(3, np.nan)).last())
    assert Series(np.arange(4.0), np.array([1.0, 9, 2, math.inf])).last(2) == 5.5


def test_found_events_do_not_feed_the_doctor() -> None:
    found = Found(images=800, code="G001", title="total mode collapse", message="")
    calm = probes([{"diversity": 1.0}] * 8)
    assert diagnose(Record(calm.recipe, (*calm.events, found), calm.nulls)) == []
