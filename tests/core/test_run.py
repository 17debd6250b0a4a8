"""The run folder: atomic writes, torn logs, locks, and suspicion of what it reads."""

import json
import multiprocessing
import os
from pathlib import Path

import pytest

from reverie.core.errors import RunError
from reverie.core.event import Probed, Started, Stepped, Warned, from_json, to_json
from reverie.core.recipe import Recipe
from reverie.core.run import Run, atomic_write


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.create(tmp_path / "run", Recipe.from_dict({"family": "vae"}))


def test_events_survive_their_written_form() -> None:
    event = Stepped(images=5, seconds=1.5, phase="elbo", terms={"kl_nats": 2.0})
    assert from_json(to_json(event)) == event
    assert '"kl_nats": null' in to_json(Stepped(images=5, phase="elbo", terms={"kl_nats": float("nan")}))


@pytest.mark.parametrize(
    "line",
    ["", "{", "[]", "3", '{"event": "nothing"}', '{"event": "saved"}',
             '{"event": "probed", "images": "x", "values": {}}',
             '{"event": "probed", "images": 1, "values": {"a": "b"}}', '{"event": ["saved"]}', "[" * 100_000],
)  # fmt: skip
def test_foreign_lines_are_no_events(line: str) -> None:
    assert from_json(line) is None


def test_a_torn_line_is_skipped_and_the_next_one_starts_afresh(run: Run) -> None:
    run.append(Probed(images=1, values={"a": 1.0}))
    with (run.path / "events.jsonl").open("a") as file:
        file.write('{"event": "probed", "images": 2, "val')
    run.append(Probed(images=3, values={"a": 3.0}))
    assert [e.images for e in run.events()] == [1, 3]


def test_what_a_killed_trainer_said_after_its_checkpoint_is_dropped(run: Run) -> None:
    run.append(Started(images=0))
    for images in (10, 20, 30):
        run.append(Probed(images=images, values={}))
    run.append(Started(images=20, resumed=True))
    run.append(Probed(images=30, values={"again": 1.0}))
    assert [(e.kind, e.images) for e in run.events()] == [
        ("started", 0), ("probed", 10), ("probed", 20), ("started", 20), ("probed", 30),
    ]  # fmt: skip
    run.append(Started(images=0))
    assert len(list(run.events())) == 1


def test_events_wait_for_space_on_a_full_disk(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.open

    def full(self: Path, *args: object, **kwargs: object):
        if self.name == "events.jsonl" and "a" in str(args):
            raise OSError(28, "No space left on device")
        return real(self, *args, **kwargs)  # pyright: ignore

    monkeypatch.setattr(Path, "open", full)
    run.append(Warned(images=1, code="X003", message="m"))
    monkeypatch.setattr(Path, "open", real)
    assert list(run.events()) == []
    run.append(Warned(images=2, code="X003", message="m"))
    assert [e.images for e in run.events()] == [1, 2]


def test_create_refuses_other_folders_and_other_recipes(run: Run, tmp_path: Path) -> None:
    again = Run.create(run.path, run.recipe())
    assert again.recipe() == run.recipe()
    with pytest.raises(RunError, match=r"another recipe \(vae.beta: 1.0 -> 4.0\)"):
        Run.create(run.path, run.recipe().change({"vae.beta": 4.0}))
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"")
    with pytest.raises(RunError, match="not a run folder"):
        Run.create(tmp_path / "photos", run.recipe())
    with pytest.raises(RunError, match="no recipe.toml"):
        Run.open(tmp_path / "photos")


@pytest.mark.skipif(os.geteuid() == 0 and not Path("/proc/sys").exists(), reason="root may write anywhere here")
def test_a_read_only_folder_is_one_sentence() -> None:
    with pytest.raises(RunError, match="cannot be written"):
        Run.create(Path("/proc/sys/reverie"), Recipe.from_dict({"family": "vae"}))


def _hold(path: Path, ready: object, release: object) -> None:
    with Run(path).lock():
        ready.set()  # pyright: ignore
        release.wait(30)  # pyright: ignore


def test_a_second_trainer_is_told_who_holds_the_folder_and_a_killed_one_holds_nothing(run: Run) -> None:
    spawn = multiprocessing.get_context("fork")
    ready, release = spawn.Event(), spawn.Event()
    holder = spawn.Process(target=_hold, args=(run.path, ready, release))
    holder.start()
    assert ready.wait(30)
    assert run.is_training()
    with pytest.raises(RunError, match=f"is being trained by process {holder.pid}"), run.lock():
        pass
    holder.kill()
    holder.join()
    assert not run.is_training()
    with run.lock():
        pass


def test_a_failed_write_leaves_the_old_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.json"
    atomic_write(path, b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        atomic_write(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_env_is_untrusted(run: Run) -> None:
    assert run.env() == {}
    (run.path / "env.json").write_text("[1]")
    assert run.env() == {}
    (run.path / "env.json").write_text(json.dumps({"torch": "2"}))
    assert run.env() == {"torch": "2"}
