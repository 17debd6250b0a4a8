"""What the doctor has said of a run: `findings.json`, what he announced while it trained, and health in one word."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from reverie.core.event import Found
from reverie.core.finding import Finding
from reverie.core.summary import Summary

ILL = 0.7  # confidence of a finding from which a run is called ill


@dataclass(frozen=True)
class Told:
    """What a `findings.json` holds.

    Args:
        images: training images seen when the doctor looked.
        findings: the surest first.
    """

    images: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Health:
    """A run's state in one word.

    Args:
        state: "well", "watch", "ill" or "unknown" (nothing to judge by).
        codes: of the findings.
        title: of the surest.
    """

    state: str
    codes: tuple[str, ...] = ()
    title: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"state": self.state, "codes": list(self.codes), "title": self.title}


_TOLD = TypeAdapter(Told)


def told(raw: bytes | None) -> Told | None:
    """The content of a `findings.json`, None when there is none or it is damaged."""
    if raw is None:
        return None
    try:
        return _TOLD.validate_json(raw)
    except (ValidationError, RecursionError):
        return None


def fresh(findings: Told | None, summary: Summary) -> bool:
    """True when the doctor has looked since the last probe: only probes tell him anything new."""
    return findings is not None and (summary.probed is None or findings.images >= summary.probed.images)


def health(findings: Told | None, summary: Summary) -> Health:
    """The doctor's last word: of `findings.json`, or of what he announced while the run trained.

    Example:
        >>> health(None, Summary()).state
        'unknown'
    """
    if findings is not None and fresh(findings, summary):
        return of(findings.findings, summary)
    return of(tuple(summary.found.values()), summary)


def of(seen: Sequence[Finding | Found], summary: Summary) -> Health:
    """What findings come to."""
    if not seen:
        return Health("well" if summary.probed is not None else "unknown")
    surest = sorted(seen, key=lambda one: -one.confidence)
    state = "ill" if surest[0].confidence >= ILL else "watch"
    return Health(state, tuple(one.code for one in surest), surest[0].title)


def to_dicts(findings: tuple[Finding, ...]) -> list[dict[str, Any]]:
    """Plain values, each with its state: "ill" from a confidence of 0.7, else "watch"."""
    return [f.to_dict() | {"state": "ill" if f.confidence >= ILL else "watch"} for f in findings]
