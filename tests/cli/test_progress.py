"""The bar and the plain line: right numbers from events alone, nothing that stops a training."""

import io

import pytest

from reverie.cli.progress import Counter, Progress
from reverie.core.event import Finished, Probed, Started, Stepped, Warned
from reverie.core.recipe import Recipe


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def recipe(**train: object) -> Recipe:
    return Recipe.from_dict({"family": "vae", "train": train})


def step(images: int, seconds: float, **terms: float) -> Stepped:
    return Stepped(images=images, seconds=seconds, phase="elbo", terms=terms)


def test_rate_and_time_left_follow_the_events() -> None:
    progress = Progress(recipe(images=10_000), "r", io.StringIO(), Clock())
    progress.show(Started(images=0))
    assert progress.rate is None and progress.left_s is None
    for i in range(1, 5):
        progress.show(step(1000 * i, 10.0 * i, kl_nats=1.0))
    assert progress.rate == pytest.approx(100) and progress.left_s == pytest.approx(60)
    assert progress.fraction == pytest.approx(0.4)


def test_the_rate_forgets_the_past() -> None:
    progress = Progress(recipe(images=10**6), "r", io.StringIO(), Clock())
    for i in range(20):
        progress.show(step(10 * i, float(i)))
    for i in range(20):
        progress.show(step(200 + 1000 * i, 20.0 + i))
    assert progress.rate == pytest.approx(1000)


def test_minutes_count_down_and_the_budget_ends_at_one() -> None:
    progress = Progress(recipe(minutes=2), "r", io.StringIO(), Clock())
    progress.show(step(100, 30.0))
    assert progress.left_s == 90 and progress.fraction == 0.25
    progress.show(Finished(images=100, seconds=121.0, reason="budget"))
    assert progress.left_s == 0 and progress.fraction == 1


def test_a_resumed_run_does_not_count_its_past_as_speed() -> None:
    progress = Progress(recipe(images=10_000), "r", io.StringIO(), Clock())
    progress.show(Started(images=5000, seconds=500, resumed=True))
    progress.show(step(5100, 501.0))
    assert progress.rate == pytest.approx(100)


def test_plain_lines_come_every_few_seconds_and_at_the_end() -> None:
    clock, stream = Clock(), io.StringIO()
    with Progress(recipe(images=1000), "r", stream, clock) as progress:
        for i in range(100):
            clock.now = i / 10
            progress.show(step(10 * i, i / 10, kl_nats=float(i)))
        progress.show(Finished(images=1000, seconds=10, reason="budget"))
    lines = stream.getvalue().splitlines()
    assert len(lines) == 3, "at once, after five seconds, at the end"
    assert lines[-1].startswith("100 %  1,000 images")


def test_warnings_are_lines_and_cannot_steer_the_terminal() -> None:
    stream = io.StringIO()
    progress = Progress(recipe(images=1000), "r", stream, Clock())
    progress.show(Warned(images=5, code="X001", message="bad \x1b[2J\nnews"))
    assert stream.getvalue().count("\n") == 1 and "\x1b" not in stream.getvalue()


def test_phases_and_probes_are_named() -> None:
    progress = Progress(recipe(images=1000), "r", io.StringIO(), Clock())
    progress.show(Stepped(images=1, phase="critic", terms={"loss": 1.0}))
    progress.show(Stepped(images=1, phase="generator", terms={"loss": float("nan")}))
    progress.show(Probed(images=1, values={"psnr_db": 20.0}))
    assert "critic: loss 1  |  generator: loss not finite  |  held-out: PSNR 20 dB" in progress.line()


def test_the_bar_draws_on_a_terminal_and_leaves_it_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    stream = Terminal()
    with Progress(recipe(images=1000), "[red]faces[/red]", stream, Clock()) as progress:
        progress.show(Started(images=0))
        progress.show(step(500, 5.0, kl_nats=float("nan"), reconstruction_nats=80.25))
        progress.show(Warned(images=500, code="X001", message="[bold]odd[/bold]"))
        progress._live.refresh()
    text = stream.getvalue()
    assert "50 %" in text and "100 images/s" in text and "reconstruction 80.25 nats" in text and "KL not finite" in text
    assert "[red]faces[/red]" in text and "[bold]odd[/bold]" in text, "brackets in names are text"
    assert "\x1b[?25h" in text, "the cursor is back"


def test_no_colour_where_nobody_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", "1")
    stream = Terminal()
    with Progress(recipe(images=1000), "faces", stream, Clock()) as progress:
        progress.show(step(500, 5.0, kl_nats=1.0))
        progress._live.refresh()
    assert "\x1b[3" not in stream.getvalue() and "38;5" not in stream.getvalue()


def test_a_closed_stream_stops_nothing() -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    progress = Progress(recipe(images=1000), "r", Gone(), Clock())
    progress.show(step(1, 1.0, kl_nats=1.0))
    Counter(Gone(), Clock())("images", 1, 2)


def test_a_counter_is_in_place_on_a_terminal_and_rare_elsewhere() -> None:
    for stream in (Terminal(), io.StringIO()):
        clock = Clock()
        counter = Counter(stream, clock)
        for i in range(120):
            clock.now = i / 10
            counter("images", i, 120)
        counter.clear()
        text = stream.getvalue()
        if isinstance(stream, Terminal):
            assert "\n" not in text and text.endswith("\r")
        else:
            assert text.splitlines() == ["images: 50 of 120", "images: 100 of 120"]
