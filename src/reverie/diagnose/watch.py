"""The doctor during a training: asked after every probe, it says each finding once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reverie.core.event import Event, Found, Warned
from reverie.core.finding import Finding, Record
from reverie.core.recipe import Recipe
from reverie.diagnose.engine import diagnose


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
        try:
            findings = diagnose(record, during_training=True)
        except Exception as error:  # (a third party's symptom must not end a training)
            return Word(self._complain(error, at), stop=False, healthy=False)
        news = [_announce(f, at) for f in findings if f.code not in self._known]
        self._known = {f.code for f in findings}  # one that went away is announced again when it comes back
        stop = self.recipe.train.on_finding != "warn" and any(f.stop for f in findings)
        return Word(news, stop=stop, healthy=not findings)

    def _complain(self, error: Exception, at: dict[str, float]) -> list[Event]:
        what = f"{type(error).__name__}: {error}"[:200]
        if what in self._broken:
            return []
        self._broken.add(what)
        message = f"A symptom could not be looked for ({what}). The training goes on; please report it."
        return [Warned(images=int(at["images"]), seconds=at["seconds"], code="X004", message=message)]


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
