"""Every symptom on recorded trainings: found where it was planted, with evidence and a remedy; silent where it was not.

The records are made by tests/fixtures/doctor/record.py.
"""

import json
import math
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import losses, probes

from reverie.core.event import Finished, Probed, Started
from reverie.core.finding import Finding, Record
from reverie.core.recipe import DataRecipe, Recipe
from reverie.core.run import Run, differences
from reverie.data import open_dataset
from reverie.diagnose.engine import examine, symptoms
from reverie.measure.likeness import Likeness

RECORDED = Path(__file__).parents[1] / "fixtures" / "doctor"
CODES = sorted({s.code for family in ("vae", "gan") for s in symptoms(family)})
# codes for which no diff of a recipe is a cure: the way back is the best weights, the way on is more time
NO_REMEDY = {"X011", "X014"}


@cache
def record(kind: str, code: str) -> Record:
    return Record.of(Run.open(RECORDED / kind / code))


def finding(code: str) -> Finding:
    """What the symptom itself says of the run in which it was planted."""
    (symptom,) = (s for s in symptoms(record("sick", code).recipe.family) if s.code == code)
    found = symptom.look(record("sick", code))
    assert found is not None
    return found


@pytest.mark.parametrize("code", CODES)
def test_it_is_found_where_it_was_planted(code: str) -> None:
    seen = examine(record("sick", code))
    assert seen.failed == []
    assert code in [f.code for f in seen.findings]


@pytest.mark.parametrize("code", CODES)
def test_nothing_is_found_where_nothing_was_planted(code: str) -> None:
    seen = examine(record("healthy", code))
    assert seen.failed == []
    assert [(f.code, f.saw) for f in seen.findings] == []


@pytest.mark.parametrize("code", CODES)
def test_nothing_is_found_while_a_healthy_run_is_on_its_way(code: str) -> None:
    whole = record("healthy", code)
    for last, event in enumerate(whole.events):
        if isinstance(event, Probed):
            part = Record(whole.recipe, whole.events[: last + 1], whole.nulls)
            assert [(f.code, part.images) for f in examine(part, during_training=True).findings] == []


@pytest.mark.parametrize("code", CODES)
def test_both_runs_are_the_same_but_for_what_was_planted(code: str) -> None:
    sick, healthy = record("sick", code).recipe, record("healthy", code).recipe
    assert sick.family == healthy.family and sick.data.source == healthy.data.source
    assert differences(sick.to_dict(), healthy.to_dict())


@pytest.mark.parametrize("code", CODES)
def test_it_is_dated_within_the_run(code: str) -> None:
    found, whole = finding(code), record("sick", code)
    assert found.since is not None and 0 <= found.since <= whole.images


@pytest.mark.parametrize("code", CODES)
def test_it_was_not_there_before_its_date(code: str) -> None:
    found, whole = finding(code), record("sick", code)
    (symptom,) = (s for s in symptoms(whole.recipe.family) if s.code == code)
    before = tuple(e for e in whole.events if e.images < (found.since or 0))
    assert symptom.look(Record(whole.recipe, before, whole.nulls)) is None


@pytest.mark.parametrize("code", CODES)
def test_its_evidence_is_outside_of_health(code: str) -> None:
    found = finding(code)
    ranged = [e for e in found.evidence if e.low is not None or e.high is not None]
    assert ranged
    for evidence in ranged:
        low = -math.inf if evidence.low is None else evidence.low
        high = math.inf if evidence.high is None else evidence.high
        assert not low <= evidence.value <= high, evidence


@pytest.mark.parametrize("code", CODES)
def test_its_remedy_is_a_change_of_this_recipe(code: str) -> None:
    found, recipe = finding(code), record("sick", code).recipe
    if code in NO_REMEDY:
        assert found.remedy == {}
        return
    changed = recipe.change(found.remedy)
    touched = {line.split(":")[0] for line in differences(recipe.to_dict(), changed.to_dict())}
    assert touched and touched <= set(found.remedy)


@pytest.mark.parametrize("code", CODES)
def test_it_speaks_in_sentences_and_in_json(code: str) -> None:
    found = finding(code)
    assert 0 < found.confidence <= 1
    for sentence in (found.saw, found.why, found.advice):
        assert len(sentence) > 10 and sentence.endswith(".") and "nan" not in sentence.lower().split()
    assert found.reference and found.title == found.title.strip()
    assert json.loads(json.dumps(found.to_dict()))["code"] == code


def test_every_record_belongs_to_a_symptom() -> None:
    for kind in ("sick", "healthy"):
        assert sorted(p.name for p in (RECORDED / kind).iterdir()) == CODES


def vae_probes(errors: list[float]) -> Record:
    """Reconstructions that leave this share of the variance, while no dimension is used and the KL is not nought."""
    fixed = {"data_variance": 0.2, "active_units": 0.0, "latent_units": 24.0, "kl_nats": 3.0}
    rows = [fixed | {"reconstruction_mse": 0.2 * error} for error in errors]
    return probes(rows, family="vae", **{"optim.lr": 0.1})


def test_a_net_that_is_worse_than_the_mean_is_broken_and_its_latents_are_not_to_blame() -> None:
    found = {f.code: f for f in examine(vae_probes([1.5] * 8)).findings}
    assert found["X010"].remedy == {"optim.lr": 1e-3} and found["X010"].since == 100 and found["X010"].stop
    assert "150% of the variance" in found["X010"].saw
    assert "V002" not in found


@pytest.mark.parametrize(
    "errors",
    [[1.5, 1.5, 0.9, 0.8, 0.8, 0.8, 0.8, 0.8], [1.0] * 8, [2.0, 1.9, 1.8, 1.7, 1.6, 1.5, 1.4, 1.3]],
    ids=["soon better", "the mean itself", "coming down"],
)
def test_a_net_that_learns_is_not_broken(errors: list[float]) -> None:
    assert "X010" not in {f.code for f in examine(vae_probes(errors)).findings}


@pytest.mark.parametrize(("rate", "lower"), [(3.0, 1e-3), (1e-3, 2.5e-4), (2e-4, 5e-5)])
def test_a_rate_that_ended_a_training_is_lowered_to_one_that_works(rate: float, lower: float) -> None:
    recipe = Recipe.from_dict({"family": "gan", "train": {"images": 800}, "optim": {"lr": rate}})
    record = Record(recipe, (Started(images=0), Finished(images=100, reason="diverged")))
    (found,) = (f for f in examine(record).findings if f.code == "X001")
    assert found.remedy["optim.lr"] == pytest.approx(lower)


@pytest.mark.parametrize(("distance", "named"), [(0.9, True), (0.47, False)])
def test_samples_that_cover_nothing_are_far_from_the_data_too_where_the_prior_is_at_fault(
    distance: float, named: bool
) -> None:
    """Near-duplicates are covered by nothing, however near it is."""
    row = {"reconstruction_mse": 0.01, "data_variance": 0.2, "coverage": 0.0, "frechet": distance}
    found = {f.code for f in examine(probes([row] * 8, family="vae")).findings}
    assert ("V003" in found) is named


def covering(*coverage: float, distance: float = 0.2, **settings: Any) -> Record:
    """A GAN whose samples covered this much of the real images, of which at least 90 % is healthy."""
    return probes([{"coverage": value, "frechet": distance} for value in coverage], **settings)


RISING = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4)


def test_a_training_that_ended_on_its_way_is_unfinished() -> None:
    (found,) = examine(covering(*RISING)).findings
    assert found.code == "X014" and found.since == 900
    assert "40% of the real images" in found.saw and "reached 10% at a third" in found.saw
    assert "--start RUN --images 2700 --run RUN-longer" in found.advice


def test_longer_is_said_in_the_unit_of_the_budget() -> None:
    recipe = Recipe.from_dict({"family": "gan", "train": {"minutes": 2.5}})
    rows = [{"coverage": value, "frechet": 0.2} for value in RISING]
    events = [Probed(images=100 * i, seconds=150 * i / 9, values=row) for i, row in enumerate(rows, 1)]
    (found,) = examine(Record(recipe, tuple(events), {"coverage": (0.9, 1.0)})).findings
    assert "--minutes 7.5" in found.advice


@pytest.mark.parametrize(
    "record",
    [
        covering(*RISING, **{"train.images": 1000}),
        covering(*RISING[:5]),
        covering(0.0, 0.3, 0.35, 0.36, 0.36, 0.37, 0.37, 0.37, 0.37),
        covering(0.0, 0.05, 0.1, 0.3, 0.38, 0.4, 0.4, 0.4, 0.4),
        covering(0.0, 0.01, 0.02, 0.03, 0.03, 0.04, 0.05, 0.06, 0.07),
        covering(0.0, 0.1, 0.2, 0.25, 0.3, 0.35, 0.37, 0.39, 0.4),
        covering(*(0.1 + 2 * value for value in RISING)),
        covering(*RISING, distance=0.01),
        covering(*([math.nan] * 9)),
    ],
    ids=[
        "not at its end",
        "too few probes",
        "can do no more",
        "stands still since half",
        "within chance",
        "slowly",
        "nearly there",
        "near",
        "no number",
    ],
)
def test_these_are_not_unfinished(record: Record) -> None:
    seen = examine(record)
    assert seen.failed == [] and [f.code for f in seen.findings] == []


def test_a_model_on_its_way_may_lack_more_than_one_at_its_end() -> None:
    row = {"coverage": 0.7, "missing_bins": 4.0, "density": 0.95, "vendi": 0.95}
    codes = {n: [f.code for f in examine(probes([row] * n, **{"train.images": 2000})).findings] for n in (8, 12, 20)}
    assert codes == {8: [], 12: [], 20: ["G002"]}
    for other in ({"density": 0.6}, {"missing_bins": 2.0}):  # not yet like real images; as many as good samples lack
        assert examine(probes([row | other] * 20)).findings == []
    rough = row | {"coverage": 0.2, "missing_bins": 18.0, "density": 0.6}
    assert [f.code for f in examine(probes([rough] * 20)).findings] == ["G002"]
    worse = probes([row | {"coverage": 0.3, "missing_bins": 20.0}] * 8, **{"train.images": 2000})
    assert [f.code for f in examine(worse).findings] == ["G002"]


@pytest.mark.parametrize(("without", "found"), [((), []), ((0, 6), ["G002"])])
def test_real_digits_without_two_of_ten_have_partly_collapsed(without: tuple[int, ...], found: list[str]) -> None:
    data = open_dataset(DataRecipe(source="digits", held_out=0.3))
    likeness, unseen = Likeness(data.train, data.held_out, num=1000, seed=0), data.held_out
    assert unseen.labels is not None
    others = np.random.default_rng(0).permutation(np.flatnonzero(~np.isin(unseen.labels, without)))[: likeness.num]
    seen = probes([likeness.compare(unseen.batch(others).images).values] * 10)
    assert [f.code for f in examine(Record(seen.recipe, seen.events, likeness.nulls())).findings] == found


@pytest.mark.parametrize(("loss", "found"), [(math.log(2), ["G004"]), (0.97 * math.log(2), [])])
def test_a_critic_whose_logits_are_nothing_gives_no_direction(loss: float, found: list[str]) -> None:
    rows = [{"coverage": 0.0, "frechet": 1.5, "judge_train_accuracy": 0.98}] * 10  # they differ by next to nothing
    seen = probes(rows, **{"gan.gamma": 1e6})
    together = sorted((*seen.events, *losses("critic", [{"adversarial": loss}] * 10)), key=lambda event: event.images)
    said = examine(Record(seen.recipe, tuple(together), seen.nulls)).findings
    assert [f.code for f in said] == found
    assert [dict(f.remedy) for f in said] == [{"gan.gamma": "auto"}] * len(found)


@pytest.mark.parametrize(("distance", "found"), [(0.2, []), (0.8, ["G003"])])
def test_a_certain_critic_is_no_trouble_where_samples_are_near(distance: float, found: list[str]) -> None:
    seen = probes([{"coverage": 0.0, "frechet": distance}] * 10)  # as of images of which each has its twins
    sure = losses("critic", [{"adversarial": 0.2 * math.log(2), "accuracy": 1.0}] * 10)
    together = sorted((*seen.events, *sure), key=lambda event: event.images)
    assert [f.code for f in examine(Record(seen.recipe, tuple(together), seen.nulls)).findings] == found


def test_circling_players_are_shown_beside_the_logits_that_go_round() -> None:
    up, down = ({"coverage": c, "density": 1.0, "frechet": 0.1, "judge_gap_autocorrelation": 0.7} for c in (0.9, 0.3))
    found = {f.code: f for f in examine(probes([up, down] * 10)).findings}
    shown = {e.name: (e.value, e.high) for e in found["G005"].evidence}
    assert shown["probe.judge_gap_autocorrelation"] == (0.7, 0.3)
