"""What a run says while it works: typed, frozen, one JSON object a line in `events.jsonl`.

Every event carries `images`, the number of training images seen when it happened: time in Reverie is images.
"""

import dataclasses
import json
import math
from dataclasses import dataclass, field
from typing import Any, ClassVar, cast


@dataclass(frozen=True, kw_only=True)
class Event:
    """A fact about a run at the moment when `images` training images had been seen.

    Args:
        images: training images seen, over all ranks.
        seconds: training time since the first start, pauses left out.
    """

    kind: ClassVar[str] = "event"
    images: int
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Started(Event):
    """A trainer opened the run. Events of an earlier trainer with more images than this one's were not kept by any
    checkpoint: readers drop them (see `reverie.core.run.Run.events`)."""

    kind: ClassVar[str] = "started"
    resumed: bool = False
    parameters: int = 0
    device: str = "cpu"
    precision: str = "fp32"


@dataclass(frozen=True, kw_only=True)
class Stepped(Event):
    """Means over the steps since the last such event: loss terms by name, and the optimiser's health."""

    kind: ClassVar[str] = "stepped"
    phase: str
    terms: dict[str, float]
    health: dict[str, float] = field(default_factory=lambda: {})


@dataclass(frozen=True, kw_only=True)
class Sampled(Event):
    """A grid of samples was written; `path` is relative to the run folder."""

    kind: ClassVar[str] = "sampled"
    path: str


@dataclass(frozen=True, kw_only=True)
class Probed(Event):
    """Cheap measurements on fixed seeds and on the held-out split."""

    kind: ClassVar[str] = "probed"
    values: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Saved(Event):
    """A checkpoint is on disk and was read back."""

    kind: ClassVar[str] = "saved"
    path: str
    best: bool = False


@dataclass(frozen=True, kw_only=True)
class Warned(Event):
    """Something a person should know; `code` is stable, `message` is a sentence with a next step."""

    kind: ClassVar[str] = "warned"
    code: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Found(Event):
    """The doctor found something; the whole finding is in `findings.json`. `since` is in training images."""

    kind: ClassVar[str] = "found"
    code: str
    title: str
    message: str
    confidence: float = 1.0
    since: int = 0


@dataclass(frozen=True, kw_only=True)
class Finished(Event):
    """The training ended. `reason` is "budget", "interrupted", "diverged" or "finding"."""

    kind: ClassVar[str] = "finished"
    reason: str


def _fields(cls: type[Event]) -> list[tuple[str, Any]]:
    """Names of an event's plain fields with the types that JSON may give them."""
    fits = {str: str, bool: bool, int: int, float: int | float}
    return [(f.name, fits[f.type]) for f in dataclasses.fields(cls) if isinstance(f.type, type) and f.type in fits]


_KINDS = {cls.kind: cls for cls in (Started, Stepped, Sampled, Probed, Saved, Warned, Found, Finished)}


def to_json(event: Event) -> str:
    """One line of JSON, without the newline. Not-a-number becomes null: JSON has no word for it."""

    def clean(value: Any) -> Any:
        if isinstance(value, float):
            return value if math.isfinite(value) else None
        return {k: clean(v) for k, v in cast(dict[str, Any], value).items()} if isinstance(value, dict) else value

    return json.dumps({"event": event.kind} | clean(dataclasses.asdict(event)), allow_nan=False)


def from_json(line: str) -> Event | None:
    """The event in one line, or None when the line is torn, foreign, or of an unknown kind.

    A run folder is untrusted input: fields of the wrong name or type make the line foreign, never an exception.
    """
    try:
        raw = json.loads(line)
        cls = _KINDS[raw.pop("event")]
        for mapping in ("terms", "health", "values"):
            if mapping in raw:
                raw[mapping] = {str(k): math.nan if v is None else float(v) for k, v in raw[mapping].items()}
        event = cls(**raw)
        return event if all(isinstance(getattr(event, n), kinds) for n, kinds in _fields(cls)) else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
