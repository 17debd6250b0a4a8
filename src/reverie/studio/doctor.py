"""The doctor, asked once per probe: by `findings.json` while that is new, else anew from the run's numbers."""

import threading
from typing import Any

from reverie.core.finding import Finding, Record, read_nulls
from reverie.studio.curves import Library
from reverie.studio.files import within
from reverie.studio.findings import fresh, to_dicts
from reverie.studio.shelf import Entry

MOST_KEPT = 256


class Doctor:
    """What is wrong with a run. He reads numbers, and writes nothing.

    Args:
        columns: where a run's events are kept.
    """

    def __init__(self, columns: Library) -> None:
        self.columns = columns
        self._said: dict[str, tuple[Any, tuple[Finding, ...]]] = {}
        self._lock = threading.Lock()

    def __call__(self, entry: Entry) -> tuple[Finding, ...]:
        """The findings of a run, the surest first.

        Raises:
            Fault: the run cannot be read.
        """
        recipe = entry.sound()
        if entry.findings is not None and fresh(entry.findings, entry.summary):
            said = entry.findings.findings
        elif not self.is_due(entry):
            return self._said[entry.id][1]
        else:
            from reverie.diagnose.engine import diagnose

            events = tuple(self.columns.of(entry).events)
            record = Record(recipe, events, nulls(entry), entry.run)
            said = tuple(diagnose(record, during_training=entry.training))
        entry.judge(said)
        with self._lock:
            self._said.pop(entry.id, None)
            self._said[entry.id] = (entry.moment(), said)
            while len(self._said) > MOST_KEPT:
                del self._said[next(iter(self._said))]
        return said

    def findings(self, entry: Entry) -> list[dict[str, Any]]:
        """The same as plain values."""
        return to_dicts(self(entry))

    def is_due(self, entry: Entry) -> bool:
        """True when something has happened since he last spoke that may change his mind."""
        return self._said.get(entry.id, (None,))[0] != entry.moment()


def nulls(entry: Entry) -> dict[str, tuple[float, float]]:
    """Healthy ranges of the run's probes, by name."""
    path = within(entry.path, "probes/nulls.json")
    return read_nulls(entry.run) if path is not None and path.stat().st_size < 1 << 20 else {}
