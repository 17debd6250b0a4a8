"""How a training looks while it runs: a live bar on a terminal, a plain line every few seconds elsewhere, on stderr."""

import contextlib
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TextIO

from reverie.cli.console import printable
from reverie.core.event import Event, Finished, Probed, Started, Stepped, Warned
from reverie.core.recipe import Recipe
from reverie.ship.numbers import duration, spoken, value

if TYPE_CHECKING:
    from rich.console import RenderableType

PLAIN_EVERY_S = 5.0
_WINDOW = 12  # events over which the rate is taken


class Progress:
    """Listens to the events of one training; use as a context manager and call `show` with each event.

    Args:
        recipe: gives the budget.
        name: the run's name.
        stream: where the words go; a bar is drawn only if it is a terminal.
        clock: seconds, for the plain lines.
    """

    def __init__(self, recipe: Recipe, name: str, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self.budget, self.name, self.stream, self.clock = recipe.train, name, stream, clock
        self.images, self.seconds = 0, 0.0
        self.terms: dict[str, dict[str, float]] = {}
        self.probed: dict[str, float] = {}
        self._seen: deque[tuple[int, float]] = deque(maxlen=_WINDOW)
        self._spoke_at = float("-inf")
        self._live: Any = None

    def __enter__(self) -> "Progress":
        if self.stream.isatty():
            from rich.console import Console
            from rich.live import Live

            console = Console(file=self.stream, highlight=False)
            self._live = Live(get_renderable=self._bar, console=console, refresh_per_second=4, transient=True)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def show(self, event: Event) -> None:
        """Takes note of an event, and says what is due."""
        self.images, self.seconds = max(self.images, event.images), max(self.seconds, event.seconds)
        if isinstance(event, Started):
            self._seen.clear()
        if isinstance(event, Started | Stepped):
            self._seen.append((event.images, event.seconds))
        if isinstance(event, Stepped):
            self.terms[event.phase] = event.terms
        elif isinstance(event, Probed):
            self.probed = event.values
        elif isinstance(event, Warned):
            self.say(f"warning {event.code} at {event.images:,} images: {event.message}")
        due = self.clock() - self._spoke_at >= PLAIN_EVERY_S or isinstance(event, Finished)
        if self._live is None and due and isinstance(event, Stepped | Finished):
            self._spoke_at = self.clock()
            self.say(self.line())

    def say(self, text: str) -> None:
        """A line above the bar, or among the plain lines."""
        text = printable(text)
        if self._live is not None:
            self._live.console.print(text, markup=False)
        else:
            with contextlib.suppress(OSError):  # nobody listens any more; the training goes on
                self.stream.write(text + "\n")
                self.stream.flush()

    @property
    def fraction(self) -> float:
        """Share of the budget spent."""
        if self.budget.images:
            return min(1.0, self.images / self.budget.images)
        return min(1.0, self.seconds / (60 * self.budget.minutes)) if self.budget.minutes else 0.0

    @property
    def rate(self) -> float | None:
        """Images a second over the last events, or None before there are two."""
        if len(self._seen) < 2 or self._seen[-1][1] <= self._seen[0][1]:
            return None
        (images, seconds), (images_now, seconds_now) = self._seen[0], self._seen[-1]
        return (images_now - images) / (seconds_now - seconds)

    @property
    def left_s(self) -> float | None:
        """Seconds until the budget is spent, or None while nobody can know."""
        if self.budget.minutes:
            return max(0.0, 60 * self.budget.minutes - self.seconds)
        return (self.budget.images - self.images) / self.rate if self.budget.images and self.rate else None

    def line(self) -> str:
        """Everything in one line.

        Example:
            >>> import sys; recipe = Recipe.from_dict({"family": "vae", "train": {"images": 1000}})
            >>> progress = Progress(recipe, "faces", sys.stderr)
            >>> progress.show(Started(images=0))
            >>> progress._spoke_at = float("inf")
            >>> progress.show(Stepped(images=500, seconds=5, phase="elbo", terms={"kl_nats": 24.1}))
            >>> progress.line()
            '50 %  500 images  100 images/s  5 s left  KL 24.10 nats'
        """
        return "  ".join(part for part in (f"{100 * self.fraction:.0f} %", self._pace(), self._words()) if part)

    def _pace(self) -> str:
        parts = [f"{self.images:,} images"]
        if self.rate:
            parts.append(f"{self.rate:,.0f} images/s")
        if self.left_s and self.fraction < 1:
            parts.append(f"{duration(self.left_s)} left")
        return "  ".join(parts)

    def _words(self) -> str:
        parts: list[str] = []
        for phase, terms in self.terms.items():
            words = [_spoken(name, number) for name, number in _distinct(terms)[:4]]
            parts.append((f"{phase}: " if len(self.terms) > 1 else "") + "  ".join(words))
        if self.probed:
            probes = [(name.removeprefix("held_out_"), number) for name, number in self.probed.items()]
            parts.append("held-out: " + "  ".join(_spoken(name, number) for name, number in probes[:3]))
        return "  |  ".join(parts)

    def _bar(self) -> "RenderableType":
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        row = Table.grid(padding=(0, 2))
        row.add_row(
            Text(printable(self.name), style="bold"),
            ProgressBar(total=1.0, completed=self.fraction, width=28),
            Text(f"{100 * self.fraction:3.0f} %"),
            Text(self._pace()),
        )
        return Group(row, Text(printable(self._words()), style="dim", overflow="ellipsis", no_wrap=True))


class Counter:
    """Progress of work that counts: call it with (what, done, total). In place on a terminal, else now and then.

    Args:
        stream: where the words go.
        clock: seconds.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self.stream, self.clock, self._spoke_at, self._width = stream, clock, clock(), 0

    def __call__(self, what: str, done: int, total: int) -> None:
        """Says how far it is, if it is time to."""
        on_terminal = self.stream.isatty()
        if self.clock() - self._spoke_at < (0.2 if on_terminal else PLAIN_EVERY_S):
            return
        self._spoke_at = self.clock()
        text = printable(f"{what}: {done:,} of {total:,}")
        self._write(f"\r{text.ljust(self._width)}" if on_terminal else f"{text}\n")
        self._width = len(text)

    def clear(self) -> None:
        """Takes the words back from a terminal."""
        if self._width and self.stream.isatty():
            self._write(f"\r{' ' * self._width}\r")

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError):
            self.stream.write(text)
            self.stream.flush()


def _distinct(terms: dict[str, float]) -> list[tuple[str, float]]:
    """The terms without their sum, and without those that repeat another's value, as a term weighted by 1 does."""
    kept: dict[float, str] = {}
    if len(terms) > 1:
        terms = {name: number for name, number in terms.items() if name != "loss"}
    for name, number in sorted(terms.items(), key=lambda term: len(term[0])):
        kept.setdefault(number, name)
    return [(name, number) for name, number in terms.items() if kept[number] == name or number != number]


def _spoken(name: str, number: float) -> str:
    words, unit = spoken(name)
    return f"{words} {value(number)}" + (f" {unit}" if unit else "")
