"""The stream: no gap, no repetition, a reset when that cannot be promised, and an end."""

import asyncio
import json
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reverie.core.event import Found, Probed, Sampled, Started, Stepped
from reverie.core.recipe import Recipe
from reverie.core.run import Run
from reverie.studio import stream as module
from reverie.studio.curves import Library
from reverie.studio.doctor import Doctor
from reverie.studio.jobs import Jobs
from reverie.studio.shelf import Shelf
from reverie.studio.stream import Stream

Message = tuple[str, str, Any]


def messages(text: str) -> list[Message]:
    """(id, event, data) of each message; comments and times left out."""
    found: list[Message] = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "event" in fields:
            found.append((fields["id"], fields["event"], json.loads(fields["data"])))
    return found


def hear(stream: Stream, since: str | None, count: int) -> list[Message]:
    """The first messages that a page would get."""

    async def listen() -> str:
        text = ""
        async for part in stream.listen(since, heartbeat=0.05):
            text += part
            if len(messages(text)) >= count or (count == 0 and "still here" in text):
                return text
        return text

    return messages(asyncio.run(asyncio.wait_for(listen(), 10)))


def numbers(found: list[Message]) -> list[int]:
    return [data["n"] for _, _, data in found]


@pytest.fixture
def stream() -> Stream:
    made = Stream()
    for n in range(1, 11):
        made.publish("job", {"n": n})
    return made


def test_a_page_that_was_away_misses_nothing(stream: Stream) -> None:
    for known in range(0, 10):
        found = hear(stream, f"{stream.launch}-{known}", 10 - known)
        assert numbers(found) == list(range(known + 1, 11))
        assert [number for number, _, _ in found] == [f"{stream.launch}-{n}" for n in range(known + 1, 11)]
    assert hear(stream, stream.last, 0) == []


def test_a_new_page_hears_what_comes_next(stream: Stream) -> None:
    assert hear(stream, None, 0) == []


@pytest.mark.parametrize(
    "since", ["11111111-3", "3", "x", "-", "{}-11", "{}-", "{}-x", "{}-٣", "{}-99999999999999999999"]
)
def test_an_unknown_place_is_told(stream: Stream, since: str) -> None:
    found = hear(stream, since.format(stream.launch), 1)
    assert found == [(stream.last, "reset", {})]
    assert hear(stream, found[0][0], 0) == [], "and is known from there"


def test_a_page_that_was_away_for_too_long_is_told(stream: Stream) -> None:
    for n in range(11, module.KEPT + 11):
        stream.publish("job", {"n": n})
    assert numbers(hear(stream, f"{stream.launch}-10", module.KEPT)) == list(range(11, module.KEPT + 11))
    assert [event for _, event, _ in hear(stream, f"{stream.launch}-9", 1)] == ["reset"]


def test_messages_arrive_in_order_while_others_publish(stream: Stream) -> None:
    def publish() -> None:
        for n in range(11, 411):
            stream.publish("job", {"n": n})
            if n % 50 == 0:
                time.sleep(0.002)

    thread = threading.Thread(target=publish)
    thread.start()
    found = hear(stream, f"{stream.launch}-5", 405)
    thread.join()
    assert numbers(found) == list(range(6, 411))


def test_a_slow_page_is_reset_and_costs_nothing(stream: Stream) -> None:
    async def listen() -> str:
        text = ""
        async for part in stream.listen(stream.last):
            if not text:
                for n in range(3 * module.KEPT):
                    stream.publish("job", {"n": n})
            text += part
            if "reset" in text:
                break
        return text

    assert [event for _, event, _ in messages(asyncio.run(asyncio.wait_for(listen(), 20)))] == ["reset"]
    assert len(stream._kept) == module.KEPT and not stream._listeners


def test_more_pages_than_a_browser_has_connections_ask_in_turns(stream: Stream) -> None:
    async def listen() -> tuple[str, str]:
        many = [stream.listen(None, heartbeat=5) for _ in range(module.MOST_OPEN)]
        for one in many:
            await anext(one)
        stream.publish("run", {"id": "a"})
        first = [part async for part in stream.listen(None)]
        stream.publish("run", {"id": "b"})
        then = [part async for part in stream.listen(first[0].split("id: ")[1].split()[0])]
        for one in many:
            await one.aclose()
        assert len(first) == len(then) == 1, "each ends at once"
        return first[0], then[0]

    first, then = asyncio.run(asyncio.wait_for(listen(), 10))
    assert f"id: {stream.launch}-11\n\n" in first and "event" not in first and "retry: 2000" in first
    assert [(event, data) for _, event, data in messages(then)] == [("run", {"id": "b"})]


def test_the_end_ends_every_connection(stream: Stream) -> None:
    async def two() -> None:
        async def all_of() -> None:
            async for _ in stream.listen(None):
                pass

        tasks = [asyncio.create_task(all_of()) for _ in range(2)]
        await asyncio.sleep(0.05)
        stream.close()
        await asyncio.wait_for(asyncio.gather(*tasks), 5)

    asyncio.run(two())
    assert not stream._listeners


def step(images: int, loss: float = 1.0) -> Stepped:
    return Stepped(images=images, seconds=images / 10, phase="elbo", terms={"loss": loss})


@pytest.fixture
def watched(tmp_path: Path) -> Any:
    """A stream over a folder with one run, looked at by hand."""
    run = Run.create(tmp_path / "a", Recipe.from_dict({"family": "vae", "train": {"images": 1000}}))
    run.append(step(1))
    stream = Stream()
    shelf, jobs = Shelf(tmp_path, stream.heard), Jobs(stream.publish)
    doctor = Doctor(Library())

    def look(whole: bool = True) -> list[tuple[str, Any]]:
        before = int(stream.last.partition("-")[2])
        stream._look(shelf, doctor, whole)
        jobs.look()
        count = int(stream.last.partition("-")[2]) - before
        return [(event, data) for _, event, data in hear(stream, f"{stream.launch}-{before}", count)]

    assert look() == [], "what is there at the start is loaded, not told"
    return run, look, stream


def test_a_log_that_grows_is_told_in_one_message(watched: Any) -> None:
    run, look, _ = watched
    assert look() == []
    for images in (2, 3, 4):
        run.append(step(images, float("nan") if images == 3 else 2.0))
    told = dict(look())
    assert set(told) == {"points", "run"}
    assert told["points"]["images"] == 4 and told["points"]["series"] == {"elbo.loss": [[2, 3, 4], [2.0, None, 2.0]]}
    assert told["run"]["images"] == 4 and told["run"]["id"] == told["points"]["id"]
    assert look() == []


def test_grids_and_findings_are_told(watched: Any) -> None:
    run, look, _ = watched
    (run.path / "samples" / "000000005.png").write_bytes(b"x")
    run.append(Sampled(images=5, path="samples/000000005.png"))
    run.append(Probed(images=5, values={"coverage": 0.5}))
    run.append(Found(images=5, code="V001", title="t", message="m"))
    told = dict(look())
    assert set(told) == {"grid", "points", "run", "findings"}
    assert told["grid"]["images"] == 5 and "/grids/5.png?v=" in told["grid"]["url"]
    assert told["findings"]["findings"] == [], "the doctor is asked himself"
    assert told["run"]["health"]["state"] == "well", "and the list says what he says"


def test_what_was_announced_is_asked_again_once_a_run_has_ended(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "a", Recipe.from_dict({"family": "vae", "train": {"images": 1000}}))
    for event in (Probed(images=5, values={"coverage": 0.9}), Found(images=5, code="V001", title="t", message="m")):
        run.append(event)
    shelf, stream = Shelf(tmp_path), Stream()
    assert shelf.rows()[0]["health"]["state"] == "ill"
    stream._look(shelf, Doctor(Library()), True)
    stream._look(shelf, Doctor(Library()), True)
    assert shelf.rows()[0]["health"]["state"] == "well"
    assert [event for _, event, _ in stream._kept] == ["run"]


def test_what_is_taken_back_is_a_reset(watched: Any) -> None:
    run, look, _ = watched
    run.append(Started(images=0, resumed=False))
    assert [event for event, _ in look()] == ["reset", "run"]


def test_runs_that_come_and_go_are_told(watched: Any) -> None:
    run, look, _ = watched
    shutil.copytree(run.path, run.path.with_name("b"))
    ((event, row),) = [one for one in look() if one[0] != "findings"]
    assert event == "run" and row["name"] == "b"
    shutil.rmtree(run.path)
    assert [event for event, _ in look()] == ["reset"]


def test_a_flood_is_a_reset_not_a_flood(watched: Any) -> None:
    run, look, _ = watched
    with (run.path / "events.jsonl").open("a") as file:
        for images in range(2, module.MOST_POINTS + 10):
            file.write(f'{{"event": "stepped", "images": {images}, "phase": "elbo", "terms": {{"loss": 1}}}}\n')
    assert [event for event, _ in look()] == ["reset", "run"]


def test_a_training_is_seen_between_looks_at_the_whole_folder(watched: Any) -> None:
    run, look, _ = watched
    with run.lock():
        assert "run" in dict(look())
        run.append(step(7))
        assert [event for event, _ in look(whole=False)] == ["points", "run"]
    assert dict(look(whole=False))["run"]["state"] == "stopped"


def test_over_http_a_page_goes_on_where_it_was(serve: Callable[[Path], Any], tmp_path: Path) -> None:
    run = Run.create(tmp_path / "runs" / "a", Recipe.from_dict({"family": "vae", "train": {"images": 1000}}))
    served = serve(tmp_path / "runs")
    since = served.page.get("/api/runs").json()["seq"]
    run.append(step(1))

    def read(until: str, **known: Any) -> list[Message]:
        text = ""
        with served.page.stream("GET", "/api/events", **known) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            for part in answer.iter_text():
                text += part
                if until in text:
                    break
        return messages(text)

    first = read('"images":1,', params={"since": since})
    run.append(step(2))
    second = read('"images":2,', headers={"last-event-id": first[-1][0]})
    count = [int(number.partition("-")[2]) for number, _, _ in first + second]
    assert count == list(range(count[0], count[0] + len(count))), "nothing is missing and nothing comes twice"
    assert read("reset", params={"since": "00000000-1"})[0][1] == "reset"


def test_an_open_stream_does_not_hold_up_the_end(serve: Callable[[Path], Any], tmp_path: Path) -> None:
    served = serve(tmp_path)
    with served.page.stream("GET", "/api/events") as answer:
        served.server.should_exit = True
        began = time.monotonic()
        for _ in answer.iter_text():
            pass
        served.thread.join(5)
    assert time.monotonic() - began < 3
