"""Trainings of the studio: real processes, which it starts, stops and continues, and which outlive it."""

import functools
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from reverie.core.event import Finished, Probed, Started, Stepped
from reverie.core.recipe import Recipe
from reverie.core.run import Run
from reverie.studio import jobs as jobs_module
from reverie.studio.faults import Fault
from reverie.studio.jobs import Jobs
from reverie.studio.shelf import Shelf, run_id
from reverie.studio.trainers import Trainers, holder, holds, interrupt

LONG = {  # a training that would take hours, and writes a line every few steps
    "family": "vae",
    "data": "digits",
    "images": 2_000_000_000,
    "settings": {"vae.net": "mlp", "vae.width": 16, "vae.hidden": 16, "vae.latent": 2, "train.threads": 1}
    | {"train.log_every": 5, "train.grids": 1, "train.probes": 1, "optim.warmup": 0},
    "name": "tiny",
}


@pytest.fixture
def reaped(tmp_path: Path) -> Iterator[Path]:
    """A folder for runs; whatever still trains there at the end is ended."""
    folder = (tmp_path / "runs").resolve()
    yield folder
    for lock in folder.glob("*/LOCK"):
        pid = holder(lock.parent)
        if pid is not None:
            os.kill(pid, signal.SIGKILL)


def start_studio(folder: Path) -> tuple[subprocess.Popen[str], httpx.Client]:
    """`reverie studio` as a process of its own, and a page that is open on it."""
    words = [sys.executable, "-m", "reverie", "studio", str(folder), "--port", "0", "--no-browser"]
    source = str(Path(jobs_module.__file__).parents[2])
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": source})
    assert process.stderr is not None
    url = next(found[0] for line in process.stderr if (found := re.search(r"http://\S+", line)))
    page = httpx.Client(base_url=url.partition("?")[0], timeout=30, follow_redirects=True)
    assert page.get(url).status_code == 200
    return process, page


@pytest.mark.timeout(300)  # three processes that each load torch, on a machine that may be busy
def test_a_training_outlives_the_studio_and_obeys_the_next(
    reaped: Path, serve: Callable[[Path], Any], waiting: Callable[..., Any]
) -> None:
    """Started from a form; the studio is killed; another one sees it train, stops it, continues it, stops it again."""
    first, page = start_studio(reaped)
    answer = page.post("/api/runs", json=LONG)
    assert answer.status_code == 201, answer.text
    key = answer.json()["id"]
    assert key == run_id(reaped / "tiny")
    row = page.get(f"/api/runs/{key}").json()
    assert row["state"] == "training" and row["recipe"]["vae"]["latent"] == 2, "it is there at once"
    assert page.post("/api/runs", json=LONG).status_code == 409, "the name is taken"
    first.send_signal(signal.SIGKILL)
    first.communicate(timeout=10)
    page.close()

    second = serve(reaped)
    waiting(lambda: second.rows()["tiny"]["images"] > 0, 100, every=0.2)
    seen = second.rows()["tiny"]
    assert seen["state"] == "training" and seen["id"] == key
    assert waiting(lambda: second.rows()["tiny"]["images"] > seen["images"], 100, every=0.2), (
        "it goes on, and is seen to"
    )
    assert second.page.post(f"/api/runs/{key}/resume", json={}).status_code == 409
    assert second.page.post(f"/api/runs/{key}/stop", json={}).json() == {"state": "stopping"}
    second.page.post(f"/api/runs/{key}/stop", json={})  # a second Ctrl-C would abort without saving
    waiting(lambda: second.rows()["tiny"]["state"] == "stopped", 100, every=0.2)
    stopped = second.rows()["tiny"]
    last = {event.kind: event for event in Run(reaped / "tiny").events()}
    assert last["saved"].images == last["finished"].images == stopped["images"] > 0, "nothing was lost"
    assert getattr(last["finished"], "reason", "") == "interrupted"
    assert second.page.post(f"/api/runs/{key}/stop", json={}).status_code == 409

    assert second.page.post(f"/api/runs/{key}/resume", json={}).json() == {"state": "training"}
    assert second.rows()["tiny"]["state"] == "training"
    waiting(lambda: second.rows()["tiny"]["images"] > stopped["images"], 100, every=0.2)
    assert second.page.post(f"/api/runs/{key}/stop", json={}).status_code == 200
    waiting(lambda: second.rows()["tiny"]["state"] == "stopped", 100, every=0.2)
    starts = [event for event in Run(reaped / "tiny").events() if isinstance(event, Started)]
    assert [event.resumed for event in starts] == [False, True] and starts[1].images == stopped["images"]
    assert (reaped / "tiny" / "studio.log").read_text().count("stopping after this step") == 2


def test_ctrl_c_ends_the_studio_at_once(tmp_path: Path, waiting: Callable[..., Any]) -> None:
    """Though a page has its stream open, which would otherwise be waited for."""
    process, page = start_studio(tmp_path / "runs")
    with page.stream("GET", "/api/events") as answer:
        first = next(answer.iter_text())
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        said = process.communicate(timeout=20)[1]
    page.close()
    assert first.startswith("retry") and process.returncode == 0 and time.monotonic() - began < 10
    assert "Traceback" not in said and "error" not in said.lower(), said


@pytest.fixture
def trainers(tmp_path: Path) -> Trainers:
    return Trainers(Shelf(tmp_path / "runs"), Jobs(lambda event, data: None))


@pytest.fixture
def spawned(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Words that processes would be started with; each becomes one that sleeps."""
    words: list[list[str]] = []
    real = jobs_module.spawn

    def pretend(arguments: Any, log: Path, printed: Path | None = None) -> subprocess.Popen[bytes]:
        words.append(list(arguments))
        # a shell's background jobs ignore Ctrl-C and hand that on; the server's own children do not
        heeding = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
        return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], preexec_fn=heeding)

    monkeypatch.setattr("reverie.studio.trainers.spawn", pretend)
    monkeypatch.setattr("reverie.studio.jobs.spawn", pretend)
    assert real is not pretend
    return words


def made(trainers: Trainers, name: str = "a", **recipe: Any) -> Any:
    values = {"family": "vae", "data": {"source": "digits"}, "train": {"images": 100}} | recipe
    run = Run.create(trainers.shelf.folder / name, Recipe.from_dict(values))
    return trainers.shelf.find(run_id(run.path))


def test_no_word_from_outside_can_pass_for_a_flag(trainers: Trainers, spawned: list[list[str]]) -> None:
    recipe = Recipe.from_dict({"family": "vae", "data": {"source": "--device=evil"}, "train": {"images": 10}})
    key = trainers.start(recipe)
    entry = trainers.shelf.find(key)
    assert spawned == [["train", str(entry.path / "recipe.toml"), "--run", str(entry.path)]]
    assert entry.path.is_absolute() and Recipe.load(entry.path / "recipe.toml") == recipe
    assert entry.training, "before it has taken its lock"
    for name in ("-x", "../x", "a/b", "", "x" * 99, ".hidden", "a b"):
        with pytest.raises(Fault, match="name"):
            trainers.start(recipe, name)
    for code in ("--fresh", "g001", "G001 ", "../x"):
        with pytest.raises(Fault, match="code"):
            trainers.treat(made(trainers), code)
    child = trainers._children[entry.path]
    trainers.stop(entry)
    child.wait(10)
    trainers.shelf.refresh(entry)
    assert not entry.training and entry.row()["state"] == "stopped"


def test_names_that_are_taken_get_a_number(trainers: Trainers, spawned: list[list[str]]) -> None:
    recipe = Recipe.from_dict({"family": "vae", "data": {"source": "my photos/été.zip"}, "train": {"images": 10}})
    keys = {trainers.start(recipe) for _ in range(3)}
    names = sorted(path.name for path in trainers.shelf.folder.iterdir())
    assert len(keys) == len(names) == 3 and all(re.fullmatch(r"[A-Za-z0-9_-]+", name) for name in names)
    for path in list(trainers._children):
        trainers._children[path].kill()
        trainers._children[path].wait()


def test_a_number_in_a_file_is_no_proof(trainers: Trainers) -> None:
    """A lock that names a stranger's process: the number was given anew, or somebody means harm."""
    entry = made(trainers)
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        with entry.run.lock():
            assert holder(entry.path) is None, "the studio itself"
            lock = (entry.path / "LOCK").read_text()
            (entry.path / "LOCK").write_text(re.sub(r"\d+", str(stranger.pid), lock, count=1))
            trainers.shelf.refresh(entry)
            assert entry.training and holder(entry.path) is None
            with pytest.raises(Fault, match="not a process"):
                trainers.stop(entry)
            with pytest.raises(Fault, match="just ended"):
                interrupt(stranger.pid, entry.path)
            for text in (
                "process 1 on " + os.uname().nodename,
                "process 999 on elsewhere",
                "process -1 on x",
                "",
                "\xff",
            ):
                (entry.path / "LOCK").write_text(text)
                assert holder(entry.path) is None
        assert stranger.poll() is None
        trainers.shelf.refresh(entry)
        with pytest.raises(Fault, match="not training"):
            trainers.stop(entry)
    finally:
        stranger.kill()
        stranger.wait()


def test_who_holds_a_file_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "LOCK"
    path.touch()
    assert not holds(os.getpid(), path)
    with path.open("rb"):
        assert holds(os.getpid(), path)
    assert not holds(2**22 + 1, path)


def test_what_cannot_be_continued_or_treated_says_so(trainers: Trainers, spawned: list[list[str]]) -> None:
    done = made(trainers, "done")
    done.run.append(Finished(images=100, reason="budget"))
    entry = trainers.shelf.find(done.id)
    with pytest.raises(Fault, match="budget"):
        trainers.resume(entry)
    with entry.run.lock():
        entry = trainers.shelf.find(done.id)
        for asked in (lambda: trainers.resume(entry), lambda: trainers.treat(entry, None)):
            with pytest.raises(Fault, match="training"):
                asked()
    assert spawned == []


def test_a_treatment_is_a_job_that_names_runs_by_id(
    trainers: Trainers, monkeypatch: pytest.MonkeyPatch, waiting: Callable[..., Any]
) -> None:
    entry = made(trainers)
    forks = {name: str(entry.path.with_name(f"a-{name}-V001")) for name in ("treated", "control")}
    told = {"code": "V001", "helped": True} | {name: {"folder": path, "found": False} for name, path in forks.items()}
    code = f"import json,sys; print('treated, 1,200 images: x', file=sys.stderr); print(json.dumps({told!r}))"
    words: list[list[str]] = []

    def pretend(arguments: Any, log: Path, printed: Path) -> subprocess.Popen[bytes]:
        words.append(list(arguments))
        with log.open("wb") as err, printed.open("wb") as out:
            return subprocess.Popen([sys.executable, "-c", code], stdout=out, stderr=err)

    monkeypatch.setattr("reverie.studio.jobs.spawn", pretend)
    job = trainers.treat(entry, "V001")
    assert words == [["treat", str(entry.path), "V001", "--json"]]
    found = waiting(lambda: (one := trainers.jobs.get(job.id)).state == "done" and one).to_dict()
    assert found["result"]["treated"] == {"found": False, "id": run_id(Path(forks["treated"]))}
    assert "folder" not in str(found["result"]) and found["about"] == {"run": entry.id, "code": "V001"}
    assert found["log_tail"] == "treated, 1,200 images: x\n" and found["progress"] == 1.0


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Jobs, list[dict[str, Any]]]]:
    """Jobs whose words are Python, and what was published of them."""
    published: list[dict[str, Any]] = []

    def python(arguments: Any, log: Path, printed: Path) -> subprocess.Popen[bytes]:
        with log.open("wb") as err, printed.open("wb") as out:
            return subprocess.Popen([sys.executable, "-c", *arguments], stdout=out, stderr=err)

    monkeypatch.setattr("reverie.studio.jobs.spawn", python)
    made = Jobs(lambda event, data: published.append(data))
    yield made, published
    made.close()


def test_jobs_tell_how_far_they_are(jobs: Any, waiting: Callable[..., Any]) -> None:
    work, published = jobs
    code = "import sys, time\nfor word in 'half', 'whole': print(word, file=sys.stderr, flush=True); time.sleep(0.3)"
    job = work.start(
        "compare", lambda files: [code + "\nprint('{}')"], hear=lambda line: 0.5 if line == "half" else None
    )
    waiting(lambda: work.get(job.id).state == "done")
    words = [one["words"] for one in published]
    assert words[0] == "Starting." and "half" in words and words[-1] == "Done."
    assert [one["progress"] for one in published][-1] == 1.0 and 0.5 in [one["progress"] for one in published]


@pytest.mark.parametrize(
    "code",
    ["import sys; sys.exit('error: it broke.')", "print('[1]'); raise ValueError", "print('{\"a\": 1}')", "print(1)"],
)
def test_jobs_that_fail_say_so(jobs: Any, waiting: Callable[..., Any], code: str) -> None:
    work, _ = jobs
    job = work.start("compare", lambda files: [code], finish=lambda told: {"b": told["b"]})
    waiting(lambda: work.get(job.id).state != "running")
    assert work.get(job.id).state == "failed" and work.get(job.id).result is None
    assert work.get(job.id).words == ("it broke." if "broke" in code else work.get(job.id).words)


def test_a_job_gives_its_own_files_and_no_other(jobs: Any, tmp_path: Path, waiting: Callable[..., Any]) -> None:
    work, _ = jobs
    job = work.start("compare", lambda files: [f"open({str(files / 'a.png')!r}, 'w').write('x'); print('{{}}')"])
    waiting(lambda: work.get(job.id).state == "done")
    assert work.file(job.id, "a.png").read_text() == "x"
    (job.files / "link.png").symlink_to("/etc/passwd")
    (job.files / "folder").mkdir()
    for name in ("../log", "link.png", "folder", "", ".", "none.png", "/etc/passwd", "a.png/"):
        with pytest.raises(Fault):
            work.file(job.id, name)
    with pytest.raises(Fault, match="no such job"):
        work.get("0" * 12)


def test_jobs_are_few_and_leave_nothing(jobs: Any) -> None:
    work, _ = jobs
    started = [
        work.start("compare", lambda files: ["import time; time.sleep(60)"]) for _ in range(jobs_module.MOST_RUNNING)
    ]
    with pytest.raises(Fault) as caught:
        work.start("compare", lambda files: [""])
    assert caught.value.status == 429
    work.close()
    assert all(job.process.poll() is not None for job in started) and not started[0].folder.exists()


def test_a_training_from_the_command_line_is_seen_live(
    serve: Callable[[Path], Any], tmp_path: Path, waiting: Any
) -> None:
    """Whoever trains: the folder says it."""
    served = serve(tmp_path / "runs")
    run = Run.create(tmp_path / "runs" / "cli", Recipe.from_dict({"family": "vae", "train": {"images": 100}}))
    with run.lock():
        run.append(Started(images=0, parameters=5))
        row = served.rows()["cli"]
        assert row["state"] == "training" and row["parameters"] == 5
        since = served.page.get("/api/session").json()["seq"]
        run.append(Stepped(images=50, seconds=2.0, phase="elbo", terms={"loss": 1.0}))
        run.append(Probed(images=50, seconds=2.0, values={"coverage": 1.0}))
        began, text = time.monotonic(), ""
        with served.page.stream("GET", "/api/events", params={"since": since}) as answer:
            for part in answer.iter_text():
                text += part
                if '"images":50' in text and "event: run" in text and "findings" in text:
                    break
        assert time.monotonic() - began < 5
    assert waiting(lambda: served.rows()["cli"]["state"] == "stopped")
