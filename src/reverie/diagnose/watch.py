"""The doctor during a training: asked after every probe, it says each finding once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reverie.core.event import Event, Found, Warned
from reverie.core.finding import Finding, Record
from reverie.core.recipe import Recipe
from reverie.diagnose.engine import examine

SURE = 0.8  # confidence at which `train.on_finding = "treat"` ends a training for a remedy


@dataclass(frozen=True)
class Word:
    """What the doctor says.

    Args:
        news: findings that are new, as events.
        stop: True when the recipe wants the training to end here.
        healthy: True when nothing is wrong.
    """

    news: Sequence[Event]
    stop: bool
    healthy: bool


class Doctor:
    """Listens to a training.

    Args:
        recipe: the run's; `train.on_finding` decides whether a finding may stop it.
        history: events of earlier trainers of the run.
        nulls: healthy ranges of its probes.
    """

    def __init__(self, recipe: Recipe, history: Sequence[Event], nulls: Mapping[str, tuple[float, float]]) -> None:
        self.recipe, self.nulls = recipe, nulls
        self._events: list[Event] = list(history)
        self._known: set[str] = {e.code for e in history if isinstance(e, Found)}
        self._broken: set[str] = set()

    def __call__(self, events: Sequence[Event]) -> Word:
        """Takes in the events since it was last asked."""
        self._events += events
        record = Record(self.recipe, tuple(self._events), self.nulls)
        at = {"images": record.images, "seconds": self._events[-1].seconds if self._events else 0.0}
        seen = examine(record, during_training=True)
        findings = seen.findings
        news: list[Event] = [_announce(f, at) for f in findings if f.code not in self._known]
        news += [_complaint(what, at) for what in seen.failed if what not in self._broken]
        self._broken |= set(seen.failed)
        self._known = {f.code for f in findings}  # one that went away is announced again when it comes back
        return Word(news, stop=any(self._ends(f) for f in findings), healthy=not findings and not seen.failed)

    def _ends(self, finding: Finding) -> bool:
        """Whether the recipe wants the training to end at this finding."""
        policy = self.recipe.train.on_finding
        curable = policy == "treat" and bool(finding.remedy) and finding.confidence >= SURE
        return curable or (policy != "warn" and finding.stop)


def _complaint(what: str, at: dict[str, float]) -> Warned:
    message = f"A symptom could not be looked for ({what}). The training goes on; please report it."
    return Warned(images=int(at["images"]), seconds=at["seconds"], code="X004", message=message)


def _announce(finding: Finding, at: dict[str, float]) -> Found:
    return Found(
        images=int(at["images"]),
        seconds=at["seconds"],
        code=finding.code,
        title=finding.title,
        message=f"{finding.saw} {finding.advice}",
        confidence=finding.confidence,
        since=finding.since or 0,
    )
