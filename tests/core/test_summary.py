"""A summary that is searched for in the bytes of a log, against one that hears every event that stands."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reverie.core import summary as module
from reverie.core.event import Event, Finished, Found, Probed, Sampled, Saved, Started, Stepped, Warned, to_json
from reverie.core.recipe import Recipe
from reverie.core.run import Run
from reverie.core.summary import Summary, landmarks, standing

KINDS = ("stepped", "stepped", "stepped", "probed", "sampled", "saved", "best", "found", "warned", "finished")


def event(kind: str, images: int) -> Event:
    at: dict[str, Any] = {"images": images, "seconds": images / 100}
    made: dict[str, Event] = {
        "stepped": Stepped(**at, phase="elbo", terms={"loss": images / 7, "kl_nats": 1.0}),
        "probed": Probed(**at, values={"held_out_nll_nats": 1000 - images}),
        "sampled": Sampled(**at, path="samples/x.png"),
        "saved": Saved(**at, path="weights/last.safetensors"),
        "best": Saved(**at, path="weights/best.safetensors", best=True),
        "found": Found(**at, code=f"G00{images % 3}", title="t", message='said "event": "started"'),
        "warned": Warned(**at, code="X001", message='\n{"event": "finished", "images": 9}'),
        "finished": Finished(**at, reason="budget"),
        "fresh": Started(**at, resumed=False, parameters=1),
        "resumed": Started(**at, resumed=True, parameters=2),
    }
    return made[kind]


@st.composite
def logs(draw: st.DrawFn) -> bytes:
    """What trainers wrote that were stopped, killed in the middle of a line, resumed and begun anew."""
    lines: list[str] = []
    images = 0
    for _ in range(draw(st.integers(0, 4))):
        kind = draw(st.sampled_from(("fresh", "resumed", "resumed")))
        images = 0 if kind == "fresh" else draw(st.integers(0, images))
        lines.append(to_json(event(kind, images)))
        for kind in draw(st.lists(st.sampled_from(KINDS), max_size=30)):
            images += draw(st.integers(0, 3))
            lines.append(to_json(event(kind, images)))
        if draw(st.booleans()) and lines:
            lines[-1] = lines[-1][: draw(st.integers(1, len(lines[-1])))]
    return "".join(line + "\n" for line in lines).encode()


def heard(events: list[Event]) -> Summary:
    """The oracle: every event that stands, one after the other. What a start took back is not there any more."""
    made = Summary()
    for one in events:
        assert made.hear(one)
    return made


def told(summary: Summary) -> dict[str, Any]:
    recipe = Recipe.from_dict({"family": "vae", "train": {"images": 100}})
    kept = {
        name: getattr(summary, name) for name in ("started", "probed", "best", "sampled", "ended", "found", "speed")
    }
    return kept | summary.to_dict(recipe, training=False)


@given(logs())
def test_searching_finds_what_reading_finds(log: bytes) -> None:
    assert told(Summary.scan(log)) == told(heard(standing(log)))


@settings(max_examples=40)
@given(logs())
def test_bytes_stand_as_files_do(log: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "events.jsonl").write_bytes(log)
        assert standing(log) == list(Run(Path(folder)).events())


@settings(max_examples=40)
@given(logs(), st.integers(0, 10_000))
def test_hearing_what_is_added_is_reading_it_all(log: bytes, place: int) -> None:
    """Or it says that it cannot tell."""
    cut = log.rfind(b"\n", 0, place % (len(log) + 1)) + 1
    made = Summary.scan(log[:cut])
    if all(made.hear(one) for one in module.parse(log[cut:])):
        assert told(made) == told(Summary.scan(log))


def test_a_log_of_other_hands_is_read_whole() -> None:
    log = b'{"images": 5, "event": "stepped", "phase": "p", "terms": {"loss": 1}}\n'
    log += b'{"images": 9, "event": "finished", "reason": "budget"}\n'
    found = Summary.scan(log)
    assert (found.images, found.ended) == (9, "budget") and found.stepped is not None


def test_few_lines_of_a_long_log_are_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [to_json(event("fresh", 0))] + [to_json(event(KINDS[i % 6], i)) for i in range(5000)]
    log = "".join(line + "\n" for line in lines).encode()
    asked: list[str] = []
    real = module.from_json

    def counted(line: str) -> Event | None:
        asked.append(line)
        return real(line)

    monkeypatch.setattr(module, "from_json", counted)
    assert told(Summary.scan(log))["images"] == 4999
    assert len(asked) < 40


def test_speed_is_of_late() -> None:
    made = Summary()
    for n in range(100):
        made.hear(Stepped(images=n * (10 if n < 50 else 20), seconds=float(n), phase="p", terms={}))
    assert made.speed == pytest.approx(20)
    assert Summary().speed is None
    made.hear(Started(images=made.images, resumed=True))
    assert made.speed is None, "the pause before a resume is no training"


@pytest.mark.parametrize(
    "log", [b"", b"\n", b"\n\n\n", b"\xff\xfe\x00", b'{"event": "stepped"', b'{"event": "started"}\n' * 3]
)
def test_damage_is_no_exception(log: bytes) -> None:
    assert Summary.scan(log).images == 0 and landmarks(log) == []
