"""What a run's log comes to: where it stands and what it saw last, without keeping its events.

A log of 10,000 lines has some twenty that decide this. `Summary.scan` finds them without parsing the rest, and
`Summary.hear` goes on from there as lines are added, so that a list of many runs costs little.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import Any

from reverie.core.event import Event, Finished, Found, Probed, Sampled, Saved, Started, Stepped, from_json
from reverie.core.recipe import Recipe
from reverie.core.run import Run

RECENT = 16  # steps from which the speed is told
_HEAD, _SAMPLE = b'{"event": "', 1 << 14
# kinds of lines, and how many of the last of each; every kind for the last
_DECIDE = ((b'probed"', 1), (b'sampled"', 1), (b'stepped"', RECENT), (b'found"', 1000), (b'finished"', 1), (b"", 1))
_STATES = {"budget": "finished", "diverged": "diverged"}


class Summary:
    """Where a run stands.

    Attributes:
        images: training images seen.
        seconds: of training.
        started: the newest trainer's opening words.
        stepped: the newest losses.
        probed: the newest probe.
        best: the probe of the best weights, where the run keeps such.
        sampled: the newest grid.
        ended: why the training ended, None while it did not.
        found: findings that the doctor announced, by code.

    Example:
        >>> summary = Summary()
        >>> summary.hear(Started(images=0)) and summary.hear(Stepped(images=640, seconds=2, phase="elbo", terms={}))
        True
        >>> summary.images, summary.ended
        (640, None)
    """

    def __init__(self) -> None:
        self.images, self.seconds = 0, 0.0
        self.started: Started | None = None
        self.stepped: Stepped | None = None
        self.probed: Probed | None = None
        self.best: Probed | None = None
        self.sampled: Sampled | None = None
        self.ended: str | None = None
        self.found: dict[str, Found] = {}
        self._steps: deque[tuple[int, float]] = deque(maxlen=RECENT)
        self._heard = False

    @staticmethod
    def of(run: Run) -> "Summary":
        """The summary of a run folder; empty where it has no log."""
        raw = b""
        with suppress(OSError):
            raw = (run.path / "events.jsonl").read_bytes()
        return Summary.scan(raw)

    @staticmethod
    def scan(log: bytes) -> "Summary":
        """The summary of a whole log: the same as from hearing all events that stand (see `Run.events`)."""
        made = Summary()
        for event in landmarks(log):
            made.hear(event)
        return made

    def hear(self, event: Event) -> bool:
        """Takes in the next event of the log; False when it takes back earlier ones, so that the log must be scanned.

        That is so when a trainer starts again from a checkpoint that is older than its predecessor's last words.
        """
        if isinstance(event, Started):
            if self._heard and (not event.resumed or event.images < self.images):
                return False
            self.started, self.ended = event, None
            self._steps.clear()
        elif isinstance(event, Stepped):
            self.stepped = event
            self._steps.append((event.images, event.seconds))
        elif isinstance(event, Probed):
            self.probed = event
        elif isinstance(event, Sampled):
            self.sampled = event
        elif isinstance(event, Saved) and event.best:
            self.best = self.probed
        elif isinstance(event, Found):
            self.found[event.code] = event
        elif isinstance(event, Finished):
            self.ended = event.reason
        self.images, self.seconds, self._heard = event.images, max(self.seconds, event.seconds), True
        return True

    @property
    def speed(self) -> float | None:
        """Training images a second, lately; None when nothing tells."""
        if len(self._steps) < 2:
            return None
        (first, since), (last, until) = self._steps[0], self._steps[-1]
        return (last - first) / (until - since) if until > since else None

    def fraction(self, recipe: Recipe) -> float:
        """Share of the budget spent, in [0, 1]."""
        train = recipe.train
        spent = self.images / train.images if train.images else self.seconds / (60 * (train.minutes or 1))
        return min(1.0, spent)

    def state(self, *, training: bool) -> str:
        """ "training", "finished", "stopped" or "diverged"."""
        return "training" if training else _STATES.get(self.ended or "", "stopped")

    def to_dict(self, recipe: Recipe, *, training: bool) -> dict[str, Any]:
        """Plain values: what every list of runs says of one."""
        return {
            "family": recipe.family,
            "preset": recipe.preset,
            "data": recipe.data.source,
            "state": self.state(training=training),
            "images": self.images,
            "fraction": self.fraction(recipe),
            "seconds": round(self.seconds, 1),
            "parameters": self.started.parameters if self.started else 0,
            "device": self.started.device if self.started else "",
            "terms": {k: v for k, v in self.stepped.terms.items() if k != "loss"} if self.stepped else {},
            "probe": dict(self.probed.values) if self.probed else {},
        }


def parse(log: bytes) -> Iterator[Event]:
    """The event of every line that is whole and known, standing or not."""
    for line in log.split(b"\n"):
        if line and (event := from_json(line.decode("utf-8", "replace"))) is not None:
            yield event


def standing(log: bytes) -> list[Event]:
    """Every event that still stands, in order: as `Run.events`, from the bytes of a log."""
    kept: list[Event] = []
    for event in parse(log):
        if isinstance(event, Started):
            while kept and (not event.resumed or kept[-1].images > event.images):
                kept.pop()
        kept.append(event)
    return kept


def landmarks(log: bytes) -> list[Event]:
    """Those standing events that decide a summary, in order."""
    if not (_is_ours(log[:_SAMPLE].rpartition(b"\n")[0]) and _is_ours(log[-_SAMPLE:].partition(b"\n")[2])):
        return standing(log)  # written by somebody else
    scan = _Scan(log)
    found = dict(scan.starts)
    best = next(scan.backwards(b'saved"', b'"best": true'), None)
    for kind, count in _DECIDE:
        found |= dict(islice(scan.backwards(kind), count))
    if best is not None:  # with the probe that made it the best, just before
        found |= dict([best, *islice(scan.backwards(b'probed"', end=best[0]), 1)])
    return [found[at] for at in sorted(found)]


def _is_ours(lines: bytes) -> bool:
    """True when every line begins as `to_json` begins it, so that lines of a kind can be searched for."""
    return all(line.startswith(_HEAD) for line in lines.split(b"\n") if line)


class _Scan:
    """Finds lines from the end of a log, leaving out what later starts took back."""

    def __init__(self, log: bytes) -> None:
        self.log = log
        starts = [(at, e) for at, e in self._lines(b'started"', b"", 0, len(log)) if isinstance(e, Started)][::-1]
        fresh = [number for number, (_, event) in enumerate(starts) if not event.resumed]
        starts = starts[fresh[-1] :] if fresh else starts
        begins = [(0, 0), *((at, event.images) for at, event in starts)][bool(fresh) :]
        # (where a trainer's words begin, where they end, up to how many images they stand), newest first
        self.parts: list[tuple[int, int, float]] = []
        end, limit = len(log), float("inf")
        for at, images in reversed(begins):
            self.parts.append((at, end, limit))
            end, limit = at, min(limit, images)
        most = {at: limit for at, _, limit in self.parts}
        self.starts: list[tuple[int, Event]] = [(at, event) for at, event in starts if event.images <= most[at]]

    def backwards(self, kind: bytes, needle: bytes = b"", end: int | None = None) -> Iterator[tuple[int, Event]]:
        """(place, event) of a kind that stand, newest first; of every kind for an empty one."""
        for start, stop, limit in self.parts:
            for at, event in self._lines(kind, needle, start, stop if end is None else min(stop, end)):
                if event.images <= limit:
                    yield at, event

    def _lines(self, kind: bytes, needle: bytes, start: int, stop: int) -> Iterator[tuple[int, Event]]:
        head = _HEAD + kind
        while (at := self.log.rfind(head, start, stop)) >= 0:
            stop = at
            end = self.log.find(b"\n", at)
            line = self.log[at : end if end >= 0 else len(self.log)]
            if (at and self.log[at - 1] != 10) or needle not in line:
                continue
            if (event := from_json(line.decode("utf-8", "replace"))) is not None:
                yield at, event
