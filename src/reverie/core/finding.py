"""What the doctor says of a run, and what it looks at: findings, symptoms, and the record of a run's numbers.

A symptom is a file that defines `SYMPTOM`: those of every family in `reverie/diagnose/symptoms/`, those of one family
in `reverie/families/<name>/symptoms/`. Nothing here needs torch: the doctor reads run folders.
"""

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Literal, cast

import numpy as np
from numpy.typing import NDArray

from reverie.core.event import Event, Probed, Started, Stepped, Warned
from reverie.core.recipe import Recipe
from reverie.core.run import Run

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Evidence:
    """A number that speaks for a finding, beside what it is in health.

    Args:
        name: the signal, as `Record.series` knows it.
        value: what was seen.
        low: the least that a healthy run shows; None when there is no lower end.
        high: the most that a healthy run shows; None when there is no upper end.
        source: where the healthy range comes from: "real against real", "at chance", "fitted".
    """

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    source: str = "real against real"


@dataclass(frozen=True)
class Finding:
    """Something that is wrong with a run.

    Args:
        code: stable, such as "G001".
        title: two or three words.
        saw: what was seen, one sentence with numbers.
        why: why it matters, one sentence.
        evidence: the numbers.
        confidence: the doctor's own, in (0, 1].
        since: training images seen when it began; None when it cannot be dated.
        remedy: a recipe diff, dotted keys to values; empty when no recipe cures it.
        advice: the remedy in words, one sentence.
        reference: where this is described.
        pictures: paths relative to the run folder.
        stop: True when training on cannot help (diverged, or past its best).
    """

    code: str
    title: str
    saw: str
    why: str
    evidence: tuple[Evidence, ...]
    confidence: float
    since: int | None
    remedy: dict[str, Any]
    advice: str
    reference: str
    pictures: tuple[str, ...] = ()
    stop: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self) | {"evidence": [asdict(e) for e in self.evidence], "pictures": list(self.pictures)}


@dataclass(frozen=True)
class Series:
    """A signal over a training.

    Args:
        images: training images seen, (n,), ascending.
        values: (n,); not-a-number where there was none.
    """

    images: Floats
    values: Floats

    def __len__(self) -> int:
        return len(self.values)

    def last(self, count: int = 1) -> float:
        """Median of the last `count` finite values; not-a-number when there is none."""
        finite = self.values[np.isfinite(self.values)]
        return float(np.median(finite[-count:])) if len(finite) else math.nan

    def tail(self, share: float) -> "Series":
        """The part after the first `1 - share` of the images seen so far."""
        if not len(self):
            return self
        keep = self.images >= self.images[-1] * (1 - share)
        return Series(self.images[keep], self.values[keep])


@dataclass(frozen=True)
class Record:
    """A run as the doctor sees it: its recipe, and signals by name.

    Names: "PHASE.TERM" for what a phase reports ("critic.logit_real"), "PHASE.gradient_norm" and "PHASE.update_ratio"
    for its optimiser's health, "probe.NAME" for probes.

    Args:
        recipe: the run's.
        events: those that stand, in order.
        nulls: healthy range (low, high) of probed numbers, from real images against real ones, by name.
        run: the folder, for pictures; None for a recorded fixture.
    """

    recipe: Recipe
    events: tuple[Event, ...]
    nulls: Mapping[str, tuple[float, float]] = field(default_factory=lambda: {})
    run: Run | None = None

    @staticmethod
    def of(run: Run) -> "Record":
        """The record of a run folder, which is untrusted input: what cannot be read is left out."""
        return Record(run.recipe(), tuple(run.events()), read_nulls(run), run)

    @cached_property
    def _signals(self) -> dict[str, Series]:
        points: dict[str, list[tuple[int, float]]] = {}
        for event in self.events:
            for name, value in _numbers(event):
                points.setdefault(name, []).append((event.images, value))
        return {name: Series(*np.array(rows, dtype=np.float64).T) for name, rows in points.items()}

    def names(self) -> list[str]:
        """Every signal there is."""
        return sorted(self._signals)

    def series(self, name: str) -> Series:
        """A signal; empty when the run has none of that name."""
        return self._signals.get(name, Series(np.empty(0), np.empty(0)))

    def warnings(self, code: str) -> list[Warned]:
        """The loop's own warnings of one code."""
        return [e for e in self.events if isinstance(e, Warned) and e.code == code]

    @property
    def images(self) -> int:
        """Training images seen so far."""
        return self.events[-1].images if self.events else 0

    @property
    def fraction(self) -> float:
        """Share of the budget spent, in [0, 1]; 0 when nothing says."""
        return self.fraction_at(self.images, self.events[-1].seconds) if self.events else 0.0

    def fraction_at(self, images: int, seconds: float) -> float:
        """Share of the budget spent, in [0, 1], once so many images or seconds had passed."""
        train = self.recipe.train
        if train.images is not None:
            return min(1.0, images / train.images)
        return min(1.0, seconds / (60 * train.minutes)) if train.minutes else 0.0

    @property
    def started(self) -> Started | None:
        """The first trainer's opening words."""
        return next((e for e in self.events if isinstance(e, Started)), None)


class Symptom(ABC):
    """One thing that can go wrong, as a pure function of a record.

    Attributes:
        code: stable, "X", "V", "G", "D" or "S" and three digits.
        title: two or three words.
        when: "training" symptoms are also looked for while training; "after" ones need the whole run.
    """

    code: ClassVar[str]
    title: ClassVar[str]
    when: ClassVar[Literal["training", "after"]] = "training"

    @abstractmethod
    def look(self, record: Record) -> Finding | None:
        """The finding, or None when the record does not show it."""


def read_nulls(run: Run) -> dict[str, tuple[float, float]]:
    """Healthy ranges that the run's probes were calibrated with, from `probes/nulls.json`."""
    try:
        raw = json.loads((run.path / "probes" / "nulls.json").read_text(encoding="utf-8"))
        pairs = cast(dict[str, Any], raw).items()
        ranges = {str(name): (float(low), float(high)) for name, (low, high) in pairs}
        return {name: (low, high) for name, (low, high) in ranges.items() if -math.inf < low <= high < math.inf}
    except (OSError, ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        return {}


def _numbers(event: Event) -> Iterable[tuple[str, float]]:
    if isinstance(event, Stepped):
        yield from ((f"{event.phase}.{name}", value) for name, value in {**event.terms, **event.health}.items())
    elif isinstance(event, Probed):
        yield from ((f"probe.{name}", value) for name, value in event.values.items())
