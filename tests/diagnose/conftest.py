"""Records of runs that never were, for what no recorded run shows: hostile files and invented symptoms."""

from collections.abc import Callable
from typing import Any

import pytest

from reverie.core.event import Event, Probed, Started, Stepped
from reverie.core.finding import Evidence, Finding, Record
from reverie.core.recipe import Recipe

Make = Callable[..., Any]


def probes(rows: list[dict[str, float]], *, family: str = "gan", **settings: Any) -> Record:
    """A record whose probes said this, evenly over the whole budget."""
    recipe = Recipe.from_dict({"family": family, "train": {"images": 100 * len(rows)}}).change(settings)
    events: list[Event] = [Started(images=0)]
    events += [Probed(images=100 * (i + 1), values=values) for i, values in enumerate(rows)]
    return Record(recipe, tuple(events), {"coverage": (0.9, 1.0), "diversity": (0.9, 1.1)})


def losses(phase: str, rows: list[dict[str, float]]) -> list[Event]:
    """Lines of losses, one a hundred images."""
    return [Stepped(images=100 * (i + 1), phase=phase, terms=terms) for i, terms in enumerate(rows)]


def finding(code: str, confidence: float = 0.9, **how: Any) -> Finding:
    """A finding that says nothing."""
    usual: dict[str, Any] = {
        "title": "invented", "saw": "Something.", "why": "It matters.", "evidence": (Evidence("probe.x", 1.0),),
        "since": 100, "remedy": {}, "advice": "Rest.", "reference": "nobody",
    }  # fmt: skip
    return Finding(code=code, confidence=confidence, **{**usual, **how})


@pytest.fixture
def looked_for(monkeypatch: pytest.MonkeyPatch) -> Make:
    """Replaces every symptom by ones that say these findings, or raise these errors."""
    from reverie.diagnose import engine

    class Says:
        when = "training"

        def __init__(self, said: Finding | Exception | None) -> None:
            self.said = said
            self.code = said.code if isinstance(said, Finding) else "Z999"

        def look(self, record: Record) -> Finding | None:
            if isinstance(self.said, Exception):
                raise self.said
            return self.said

    def replace(*said: Finding | Exception | None) -> None:
        monkeypatch.setattr(engine, "symptoms", lambda family: tuple(map(Says, said)))

    return replace
