"""The doctor in the loop: it says a finding once, ends a training only where the recipe lets it, and never fails it."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from reverie.core.event import Event, Finished, Found, Probed, Started, Warned
from reverie.core.finding import Finding
from reverie.core.recipe import Recipe
from reverie.core.run import Run
from reverie.diagnose.watch import SURE, Doctor
from reverie.train.loop import Advice, Periodic

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "train"))
from conftest import Make, finding
from memory import make, run_to_end  # pyright: ignore[reportMissingImports]


def doctor(policy: str = "warn", history: Sequence[Event] = ()) -> Doctor:
    return Doctor(Recipe.from_dict({"family": "gan", "train": {"images": 800, "on_finding": policy}}), history, {})


def probe(images: int) -> list[Event]:
    return [Probed(images=images, seconds=images / 100, values={"x": 1.0})]


def codes(news: Sequence[Event]) -> list[str]:
    return [e.code for e in news if isinstance(e, Found)]


def test_a_finding_is_said_once_and_again_when_it_comes_back(looked_for: Make) -> None:
    asked = doctor()
    told: list[list[str]] = []
    for images, said in ((100, "G001"), (200, "G001"), (300, None), (400, "G001")):
        looked_for(finding(said) if said else None)
        told.append(codes(asked(probe(images)).news))
    assert told == [["G001"], [], [], ["G001"]]


def test_a_resumed_training_does_not_repeat_what_was_said(looked_for: Make) -> None:
    looked_for(finding("G001"), finding("X013"))
    history: list[Event] = [Started(images=0), Found(images=50, code="G001", title="", message="")]
    assert codes(doctor(history=history)(probe(100)).news) == ["X013"]


def test_what_is_said_carries_the_finding_and_the_moment(looked_for: Make) -> None:
    looked_for(finding("G001", 0.7, since=60))
    (said,) = doctor()(probe(100)).news
    assert isinstance(said, Found)
    assert (said.images, said.seconds, said.since, said.confidence) == (100, 1.0, 60, 0.7)
    assert said.message == "Something. Rest."


CURABLE: dict[str, Any] = {"remedy": {"optim.lr": 1e-4}}


@pytest.mark.parametrize(
    ("policy", "said", "ends"),
    [
        ("warn", finding("X010", stop=True, **CURABLE), False),
        ("stop", finding("X010", stop=True), True),
        ("stop", finding("G002", 0.99, **CURABLE), False),
        ("treat", finding("X011", stop=True), True),
        ("treat", finding("G002", SURE, **CURABLE), True),
        ("treat", finding("G002", SURE - 0.01, **CURABLE), False),
        ("treat", finding("G002", 0.99), False),
        ("treat", None, False),
    ],
)
def test_what_ends_a_training(policy: str, said: Finding | None, ends: bool, looked_for: Make) -> None:
    looked_for(said)
    word = doctor(policy)(probe(100))
    assert word.stop is ends
    assert word.healthy is (said is None)


def test_a_symptom_that_fails_is_reported_once_and_hides_no_finding(looked_for: Make) -> None:
    looked_for(KeyError("third party"), finding("G001"))
    asked = doctor()
    first, second = asked(probe(100)), asked(probe(200))
    assert codes(first.news) == ["G001"]
    assert [e.code for e in first.news if isinstance(e, Warned)] == ["X004"]
    assert not second.news and not second.healthy and not second.stop


def test_a_state_is_not_kept_as_healthy_while_a_symptom_cannot_be_looked_for(looked_for: Make) -> None:
    looked_for(KeyError("third party"))
    assert doctor()(probe(100)).healthy is False


class Sick:
    """A doctor in the loop who finds something from the third probe on."""

    def __init__(self, stop: bool) -> None:
        self.asked, self.stop = 0, stop

    def __call__(self, events: Sequence[Event]) -> Advice:
        self.asked += 1
        sick = self.asked >= 3
        at: dict[str, Any] = {"images": events[-1].images, "seconds": events[-1].seconds}
        news = [Found(**at, code="G001", title="sick", message="")] if self.asked == 3 else []
        return Advice(news, stop=sick and self.stop, healthy=not sick)


@pytest.mark.parametrize("stop", [False, True])
def test_the_loop_ends_saves_and_keeps_the_last_healthy_state(tmp_path: Path, stop: bool) -> None:
    recipe = make(320, train__probes=10)
    periodic = Periodic(probe=lambda model: {"x": 0.0}, doctor=Sick(stop))
    trainer = run_to_end(tmp_path / "r", recipe, periodic=periodic)
    events = list(Run.open(tmp_path / "r").events())
    probed = [e.images for e in events if isinstance(e, Probed)]
    (found,) = (e for e in events if isinstance(e, Found))
    (finished,) = (e for e in events if isinstance(e, Finished))
    healthy = trainer.states.load_healthy()
    assert found.images == probed[3]  # the first probe is of untrained weights, before the doctor is asked
    assert healthy is not None and healthy[1]["images"] == probed[2]
    assert (finished.reason, finished.images) == (("finding", found.images) if stop else ("budget", 320))
    kept = trainer.states.load()
    assert kept is not None and kept[1]["images"] == finished.images
