"""Follows a training to its end: shows its events, and turns Ctrl-C into a checkpoint."""

import io
import shlex
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from reverie.cli.console import say, speaks
from reverie.cli.progress import Progress
from reverie.core.errors import Interrupted
from reverie.core.event import Event, Finished
from reverie.core.recipe import Recipe


class StopRequest:
    """True after the first Ctrl-C (or SIGTERM); the second one aborts at once.

    A context manager: outside it the signals do what they did before. In a thread other than the main one it only
    holds the flag, as Python delivers signals to the main thread alone.
    """

    def __init__(self) -> None:
        self.asked = False
        self._before: dict[int, Any] = {}

    def __call__(self) -> bool:
        return self.asked

    def __enter__(self) -> "StopRequest":
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._ask) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        say("stopping after this step and saving; once more to abort.")


def watch(events: Iterator[Event], recipe: Recipe, run: Path) -> str:
    """Shows the events until they end.

    Args:
        events: from `api.train`, `api.resume` or `api.demo`, started with a `StopRequest`.
        recipe: gives the budget.
        run: the folder.
    Returns:
        why the training ended, as in `Finished.reason`.
    Raises:
        Interrupted: the user stopped it; the message has the command that continues.
    """
    reason = "interrupted"
    with Progress(recipe, run.name, sys.stderr if speaks() else io.StringIO()) as progress:
        for event in events:
            progress.show(event)
            if isinstance(event, Finished):
                reason = event.reason
                if reason == "interrupted":
                    break  # what comes after a training, such as a report, is for trainings that ended
    if reason == "interrupted":
        raise Interrupted(f"stopped and saved. Continue with `reverie resume {shlex.quote(str(run))}`.")
    return reason
