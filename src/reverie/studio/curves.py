"""A run's numbers as columns, and as few points of them as a screen can show without losing an extreme."""

import threading
from array import array
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reverie.core.event import Event, Probed, Sampled, Started, Stepped
from reverie.core.summary import parse, standing
from reverie.ship.numbers import spoken
from reverie.studio.files import read
from reverie.studio.shelf import LARGEST_LOG, Entry

MOST_SERIES, MOST_RUNS = 400, 8
Floats = NDArray[np.float64]


@dataclass
class Column:
    """One signal.

    Args:
        group: "terms", "health" or "probe".
        phase: of training, empty for a probe.
        unit: in words, empty for none.
    """

    group: str
    phase: str
    unit: str
    images: "array[float]" = field(default_factory=lambda: array("d"))
    seconds: "array[float]" = field(default_factory=lambda: array("d"))
    values: "array[float]" = field(default_factory=lambda: array("d"))


class Columns:
    """The numbers of one run's log, by the names that the doctor uses.

    Attributes:
        grids: (images, seconds) of each sample grid.
        events: those that stand.
    """

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self.columns: dict[str, Column] = {}
        self.grids: dict[int, float] = {}
        self.events: list[Event] = []
        self.log, self.offset = (0, 0), 0  # which file, and how much of it was read
        self._lock = threading.Lock()  # an array cannot grow while it is copied
        for event in events:
            self.hear(event)

    def hear(self, event: Event) -> None:
        """Takes in one more event."""
        self.events.append(event)
        if isinstance(event, Sampled):
            self.grids[event.images] = event.seconds
        with self._lock:
            for name, group, phase, value in signals(event):
                if name not in self.columns:
                    if len(self.columns) >= MOST_SERIES:
                        continue
                    self.columns[name] = Column(group, phase, spoken(name.rpartition(".")[2])[1])
                column = self.columns[name]
                column.images.append(event.images)
                column.seconds.append(event.seconds)
                column.values.append(value)

    def series(self, points: int, first: float = 0, last: float = float("inf")) -> list[dict[str, Any]]:
        """Every signal between two numbers of images, in at most `points` points."""
        with self._lock:
            copies = [
                (name, column, np.array(column.images), np.array(column.seconds), np.array(column.values))
                for name, column in self.columns.items()
            ]
        return [{"name": name} | _thinned(column, rows, points, first, last) for name, column, *rows in copies]


def signals(event: Event) -> Iterable[tuple[str, str, str, float]]:
    """(name, group, phase, value) of each number in an event."""
    if isinstance(event, Stepped):
        yield from ((f"{event.phase}.{name}", "terms", event.phase, value) for name, value in event.terms.items())
        yield from ((f"{event.phase}.{name}", "health", event.phase, value) for name, value in event.health.items())
    elif isinstance(event, Probed):
        yield from ((f"probe.{name}", "probe", "", value) for name, value in event.values.items())


def _thinned(column: Column, rows: list[Floats], points: int, first: float, last: float) -> dict[str, Any]:
    images, seconds, values = rows
    keep = (images >= first) & (images <= last)
    images, seconds, values = images[keep], seconds[keep], values[keep]
    told = {"group": column.group, "phase": column.phase, "unit": column.unit}
    if len(values) <= points:
        return told | _lists(images, seconds, values) | {"low": None, "high": None}
    starts = np.linspace(0, len(values), points, endpoint=False).astype(np.int64)
    ends = np.append(starts[1:], len(values)) - 1
    low, high, mean = buckets(values, starts)
    return told | _lists(images[ends], seconds[ends], mean) | {"low": _list(low), "high": _list(high)}


def buckets(values: Floats, starts: NDArray[np.int64]) -> tuple[Floats, Floats, Floats]:
    """Least, largest and mean of the finite values from each start to the next; not-a-number where there is none.

    Example:
        >>> [part.tolist() for part in buckets(np.array([1.0, 9.0, np.nan, 4.0]), np.array([0, 2]))]
        [[1.0, 4.0], [9.0, 4.0], [5.0, 4.0]]
    """
    finite = np.isfinite(values)
    low = np.minimum.reduceat(np.where(finite, values, np.inf), starts)
    high = np.maximum.reduceat(np.where(finite, values, -np.inf), starts)
    count = np.add.reduceat(finite.astype(np.float64), starts)
    with np.errstate(all="ignore"):
        mean = np.add.reduceat(np.where(finite, values, 0.0), starts) / count
    return np.where(count > 0, low, np.nan), np.where(count > 0, high, np.nan), mean


def _lists(images: Floats, seconds: Floats, values: Floats) -> dict[str, Any]:
    return {
        "images": images.astype(np.int64).tolist(),
        "seconds": np.round(seconds, 2).tolist(),
        "value": _list(values),
    }


def _list(values: Floats) -> list[float | None]:
    """Six digits are more than a curve can show, and halve what is sent."""
    return [float(f"{value:.6g}") if np.isfinite(value) else None for value in values]


class Library:
    """The columns of the runs that were looked at last."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Columns] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, entry: Entry) -> Columns:
        """The columns of a run as its log is now; only what was added since the last time is read."""
        with self._lock:
            kept = self._kept.pop(entry.id, None)
            self._kept[entry.id] = _read_on(entry, kept)
            while len(self._kept) > MOST_RUNS:
                self._kept.popitem(last=False)
            return self._kept[entry.id]


def _read_on(entry: Entry, kept: Columns | None) -> Columns:
    log = entry.path / "events.jsonl"
    try:
        stat = log.lstat()
    except OSError:
        return Columns()
    if kept is not None and kept.log == (stat.st_dev, stat.st_ino) and 0 < kept.offset <= stat.st_size:
        added = (read(log, LARGEST_LOG, kept.offset - 1) or b"")[1:]
        whole = added[: added.rfind(b"\n") + 1]
        news = list(parse(whole))
        if not any(_takes_back(event, kept) for event in news):
            kept.offset += len(whole)
            for event in news:
                kept.hear(event)
            return kept
    raw = read(log, LARGEST_LOG) or b""
    raw = raw[: raw.rfind(b"\n") + 1]
    made = Columns(standing(raw))
    made.log, made.offset = (stat.st_dev, stat.st_ino), len(raw)
    return made


def _takes_back(event: Event, kept: Columns) -> bool:
    """True for a start that makes earlier events void."""
    if not isinstance(event, Started) or not kept.events:
        return False
    return not event.resumed or kept.events[-1].images > event.images
