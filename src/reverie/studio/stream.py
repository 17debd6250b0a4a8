"""What is published to the pages: one numbered stream of server-sent events, and the watch over run folders behind it.

A thread looks at the folders, four times a second while something trains and once otherwise. What it sees is collected
per run and published at most once a look, so that a page gets few messages however fast a training logs. The last
messages are kept: a page that was away asks for those after the last that it knows, and is told to load everything
again when they are gone. A page that reads slowly costs nothing, as it only has a place in what is kept.
"""

import asyncio
import logging
import secrets
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from typing import Any

from reverie.core.event import Event, Sampled
from reverie.studio.curves import signals
from reverie.studio.doctor import Doctor
from reverie.studio.jobs import Jobs
from reverie.studio.plain import dumps
from reverie.studio.shelf import Entry, Shelf, grid_url

KEPT = 2048  # messages
BUSY_SECONDS, IDLE_SECONDS, HEARTBEAT_SECONDS = 0.25, 1.0, 15.0
# A browser allows six connections to a host, and pages must load beside their streams.
MOST_OPEN, PAUSE_SECONDS = 4, 2.0
MOST_POINTS = 500  # of a signal in one message; a page that is told of more loads the curves again


class Stream:
    """Messages to the pages, numbered from 1 in this launch."""

    def __init__(self) -> None:
        self.launch, self._number = secrets.token_hex(4), 0
        self._kept: deque[tuple[int, str, str]] = deque(maxlen=KEPT)
        self._lock, self._stop = threading.RLock(), threading.Event()
        self._listeners: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()
        self._points: dict[str, dict[str, tuple[list[int], list[float]]]] = {}
        self._thread: threading.Thread | None = None
        # what was told of each run: its row, and the moment of the doctor's last word; None before the first look
        self._seen: dict[str, tuple[dict[str, Any], Any]] | None = None

    @property
    def last(self) -> str:
        """The id of the newest message: what is loaded from now on holds all that it and earlier ones tell."""
        return f"{self.launch}-{self._number}"

    def publish(self, event: str, data: dict[str, Any]) -> None:
        """Tells every page."""
        with self._lock:
            self._number += 1
            self._kept.append((self._number, event, dumps(data)))
            listeners = list(self._listeners)
        for loop, bell in listeners:
            try:
                loop.call_soon_threadsafe(bell.set)
            except RuntimeError:  # its server has ended
                self._listeners.discard((loop, bell))

    async def listen(self, since: str | None, *, heartbeat: float = HEARTBEAT_SECONDS) -> AsyncIterator[str]:
        """The messages after `since`, as text/event-stream, until the studio ends.

        When `MOST_OPEN` pages listen already, it ends at once, and the browser asks again after `PAUSE_SECONDS`.

        Args:
            since: the id of the last message that the page knows; None for those from now on.
            heartbeat: seconds of silence after which a comment shows that the connection lives.
        """
        listener = asyncio.get_running_loop(), asyncio.Event()
        with self._lock:
            place, known = self._place(since)
            reset = "" if known else _message(self.last, "reset", "{}")
            brief, (newest, text) = len(self._listeners) >= MOST_OPEN, self._after(place)
            if not brief:
                self._listeners.add(listener)
        if brief:
            # an id without data only tells the browser from where to ask again
            yield f"retry: {1000 * PAUSE_SECONDS:.0f}\nid: {self.launch}-{newest}\n\n{reset}{text}"
            return
        try:
            yield f"retry: 1000\n\n{reset}"
            while not self._stop.is_set():
                listener[1].clear()
                place, text = self._after(place)
                if text:
                    yield text
                    continue
                try:
                    await asyncio.wait_for(listener[1].wait(), heartbeat)
                except TimeoutError:
                    yield ": still here\n\n"
        finally:
            self._listeners.discard(listener)

    def _place(self, since: str | None) -> tuple[int, bool]:
        """(number of the last message that is known, False when what came after it is lost)."""
        if not since:
            return self._number, True
        launch, _, number = since.partition("-")
        oldest = self._kept[0][0] if self._kept else self._number + 1
        sound = launch == self.launch and number.isascii() and number.isdigit() and len(number) < 16
        if not sound or not oldest - 1 <= int(number) <= self._number:
            return self._number, False
        return int(number), True

    def _after(self, place: int) -> tuple[int, str]:
        """The number of the newest message, and the text of all after `place`."""
        with self._lock:
            number, oldest = self._number, self._number - len(self._kept)
            if place < oldest:
                return number, _message(self.last, "reset", "{}")
            news = [self._kept[i] for i in range(place - oldest, len(self._kept))]
        return number, "".join(_message(f"{self.launch}-{n}", event, data) for n, event, data in news)

    def start(self, shelf: Shelf, jobs: Jobs, doctor: Doctor) -> None:
        """Begins to look at the folders."""
        self._thread = threading.Thread(target=self._watch, args=(shelf, jobs, doctor), name="stream", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends the watch, and every page's connection."""
        self._stop.set()
        with self._lock:
            listeners = list(self._listeners)
        for loop, bell in listeners:
            if not loop.is_closed():
                loop.call_soon_threadsafe(bell.set)
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(5)

    def heard(self, entry: Entry, events: Sequence[Event], back: bool) -> None:
        """Collects what a log says, until the next look publishes it."""
        with self._lock:
            if back:
                self._points.pop(entry.id, None)
                self.publish("reset", {"id": entry.id})
                return
            mine = self._points.setdefault(entry.id, {})
            for event in events:
                for name, _, _, value in signals(event):
                    images, values = mine.setdefault(name, ([], []))
                    images.append(event.images)
                    values.append(value)
            for event in events:
                if isinstance(event, Sampled) and (url := grid_url(entry, event.images)) is not None:
                    told = {"id": entry.id, "images": event.images, "seconds": event.seconds, "url": url}
                    self.publish("grid", told)

    def _watch(self, shelf: Shelf, jobs: Jobs, doctor: Doctor) -> None:
        last = -IDLE_SECONDS
        while not self._stop.is_set():
            now = time.monotonic()
            try:
                whole = now - last >= IDLE_SECONDS
                last = now if whole else last
                self._look(shelf, doctor, whole)
                jobs.look()
            except Exception:  # a folder that vanishes while it is read must not end the watch
                logging.getLogger("uvicorn.error").exception("a look at the run folders failed; the next one follows")
            busy = bool(shelf.training()) or jobs.running
            self._stop.wait(BUSY_SECONDS if busy else IDLE_SECONDS)

    def _look(self, shelf: Shelf, doctor: Doctor, whole: bool) -> None:
        """Publishes what changed in the folder, or only in runs that train."""
        entries = shelf.entries() if whole else shelf.training()
        for entry in () if whole else entries:
            shelf.refresh(entry)
        self._tell_points()
        first = self._seen is None
        seen = self._seen if self._seen is not None else {}
        for entry in entries:
            known, due, findings = seen.get(entry.id), entry.moment(), None
            if known is not None and entry.row() is known[0]:
                continue
            if not first and _can_be_judged(entry) and (known is None or due != known[1]):
                findings = doctor.findings(entry)
            seen[entry.id] = entry.row(), due
            if first:
                continue
            self.publish("run", entry.row())
            if findings is not None:
                self.publish("findings", {"id": entry.id, "findings": findings})
        # one at a look: what was announced while a run trained may have gone by its end
        for entry in entries if whole else ():
            if entry.summary.found and not entry.training and _can_be_judged(entry) and not entry.is_judged():
                doctor(entry)
                break
        if whole:
            for gone in seen.keys() - {entry.id for entry in entries}:
                del seen[gone]
                self.publish("reset", {"id": gone})
        self._seen = seen

    def _tell_points(self) -> None:
        with self._lock:
            points, self._points = self._points, {}
        for key, series in points.items():
            if any(len(images) > MOST_POINTS for images, _ in series.values()):
                self.publish("reset", {"id": key})
            elif series:
                newest = max(images[-1] for images, _ in series.values())
                self.publish("points", {"id": key, "images": newest, "series": series})


def _can_be_judged(entry: Entry) -> bool:
    return entry.recipe is not None and entry.too_large is None


def _message(number: str, event: str, data: str) -> str:
    """One message of text/event-stream.

    Example:
        >>> _message("a1-7", "reset", "{}")
        'id: a1-7\\nevent: reset\\ndata: {}\\n\\n'
    """
    return f"id: {number}\nevent: {event}\ndata: {data}\n\n"
