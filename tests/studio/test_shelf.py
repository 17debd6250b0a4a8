"""The shelf: opaque ids, rows that are right without being read again, and folders that mean harm."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reverie import api
from reverie.core.event import Finished, Found, Probed, Sampled, Saved, Started, Stepped
from reverie.core.recipe import Recipe
from reverie.core.run import Run
from reverie.studio import shelf as module
from reverie.studio.faults import Fault
from reverie.studio.shelf import Shelf, run_id

PNG = bytes.fromhex("89504e470d0a1a0a")


def make(path: Path, **recipe: Any) -> Run:
    return Run.create(path, Recipe.from_dict({"family": "vae", "train": {"images": 1000}} | recipe))


def step(images: int) -> Stepped:
    return Stepped(images=images, seconds=images / 100, phase="elbo", terms={"loss": 1.0, "kl_nats": 2.0})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def test_a_folder_need_not_exist(root: Path) -> None:
    shelf = Shelf(root)
    assert shelf.rows() == []
    make(root / "a")
    assert [row["name"] for row in shelf.rows()] == ["a"]


def test_rows_say_what_the_command_line_says(root: Path) -> None:
    run = make(root / "a")
    for event in (Started(images=0, parameters=9), step(100), Probed(images=100, seconds=1, values={"coverage": 0.5})):
        run.append(event)
    run.append(Finished(images=1000, seconds=10.0, reason="budget"))
    (row,), (expected,) = Shelf(root).rows(), api.runs(root)
    shared = [key for key in expected if key not in ("path", "terms", "probe")]
    assert {key: row[key] for key in shared} == {key: expected[key] for key in shared}
    assert row["can"] == ["Samples", "Encodes", "Decodes", "Reconstructs", "Scores"] and row["budget"] == {
        "images": 1000
    }


def test_runs_are_the_folder_itself_its_children_and_theirs(root: Path) -> None:
    for name in ("a", "demo/vae", "demo/gan", "too/deep/run", ".hidden"):
        make(root / name)
    (root / "not a run").mkdir()
    (root / "file").write_text("x")
    assert {row["name"] for row in Shelf(root).rows()} == {"a", "demo/vae", "demo/gan"}
    assert [row["name"] for row in Shelf(root / "a").rows()] == ["a"]


def test_ids_tell_nothing_and_stay(root: Path) -> None:
    make(root / "secret-name")
    (row,) = Shelf(root).rows()
    assert row["id"] == run_id(root / "secret-name") and len(row["id"]) == 12 and "secret" not in row["id"]
    assert Shelf(root).find(row["id"]).path == root / "secret-name"
    for other in ("", "x", "../a", row["id"][:-1], str(root / "secret-name")):
        with pytest.raises(Fault) as caught:
            Shelf(root).find(other)
        assert caught.value.status == 404


def test_a_link_out_of_the_folder_is_listed_and_not_followed(root: Path, tmp_path: Path) -> None:
    make(tmp_path / "elsewhere" / "private").append(step(10))
    root.mkdir()
    (root / "link").symlink_to(tmp_path / "elsewhere" / "private")
    (root / "up").symlink_to(tmp_path / "elsewhere")
    (row,) = Shelf(root).rows()
    assert row["state"] == "unreadable" and "link" in row["problem"] and row["images"] == 0
    with pytest.raises(Fault) as caught:
        Shelf(root).find(row["id"])
    assert caught.value.status == 403
    assert not [key for key in (run_id(tmp_path / "elsewhere" / "private"),) if key == row["id"]]


def test_links_inside_a_run_lead_nowhere(root: Path, tmp_path: Path) -> None:
    run = make(root / "a")
    run.append(Sampled(images=5, path="samples/000000005.png"))
    (tmp_path / "private.png").write_bytes(PNG)
    (run.path / "samples" / "000000005.png").symlink_to(tmp_path / "private.png")
    entry = Shelf(root).entries()[0]
    assert entry.grid(5) is None
    (run.path / "samples" / "000000006.png").write_bytes(PNG)
    assert entry.grid(6) is not None
    for name in ("events.jsonl", "recipe.toml"):
        (tmp_path / name).write_bytes((run.path / name).read_bytes())
        (run.path / name).unlink()
        (run.path / name).symlink_to(tmp_path / name)
        assert Shelf(root).rows()[0]["images"] == 0
    assert Shelf(root).rows()[0]["state"] == "unreadable"


DAMAGE: dict[str, Callable[[Path], Any]] = {
    "no TOML": lambda p: (p / "recipe.toml").write_text("= ["),
    "no text": lambda p: (p / "recipe.toml").write_bytes(b"\xff\x00" * 9),
    "another family": lambda p: (p / "recipe.toml").write_text('family = "spells"'),
    "deep": lambda p: (p / "recipe.toml").write_text("a=" + "[" * 5000),
    "large": lambda p: (p / "recipe.toml").write_text("#" * (1 << 20)),
    "a pipe": lambda p: ((p / "recipe.toml").unlink(), os.mkfifo(p / "recipe.toml")),
}


@pytest.mark.parametrize("name", list(DAMAGE))
def test_a_damaged_recipe_hides_no_other_run(root: Path, name: str) -> None:
    make(root / "good")
    DAMAGE[name](make(root / "bad").path)
    rows = {row["name"]: row for row in Shelf(root).rows()}
    assert rows["good"]["state"] == "stopped" and rows["bad"]["state"] == "unreadable"
    assert rows["bad"]["problem"].endswith((".", ")")) and "bad" in rows["bad"]["problem"]


@pytest.mark.timeout(10)
def test_pipes_and_noise_block_nothing(root: Path) -> None:
    path = make(root / "a").path
    for name in ("events.jsonl", "LOCK", "findings.json", "studio.log", "env.json", "probes/nulls.json"):
        os.mkfifo(path / name)
    assert Shelf(root).rows()[0]["state"] == "stopped"
    for name in ("events.jsonl", "findings.json", "studio.log"):
        (path / name).unlink()
        (path / name).write_bytes(os.urandom(5000) + b'\n{"event": "stepped", "images": "x"}\n\x00\n')
    assert Shelf(root).rows()[0]["health"] == {"state": "unknown", "codes": [], "title": ""}


def test_a_huge_log_is_not_read(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST_LOG", 10_000)
    make(root / "a")
    with (root / "a" / "events.jsonl").open("wb") as file:
        file.truncate(20_000)
    (row,) = Shelf(root).rows()
    assert row["state"] == "unreadable" and "MiB" in row["problem"]
    shelf = Shelf(root)
    assert shelf.rows()[0]["state"] == "unreadable"
    (root / "a" / "events.jsonl").unlink()
    assert shelf.rows()[0]["state"] == "stopped"


class Reads:
    """Counts what is read from files."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.bytes, real = 0, module.read

        def counted(*arguments: Any) -> bytes | None:
            found = real(*arguments)
            self.bytes += len(found or b"")
            return found

        monkeypatch.setattr(module, "read", counted)


def test_nothing_is_read_twice(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make(root / "a")
    for images in range(0, 5000, 10):
        run.append(step(images))
    reads, shelf = Reads(monkeypatch), Shelf(root)
    first, once = shelf.rows()[0], reads.bytes
    assert first["images"] == 4990 and once > 10_000
    again = shelf.rows()[0]
    assert again is first and reads.bytes == once
    run.append(step(5000))
    assert shelf.rows()[0]["images"] == 5000
    assert reads.bytes - once < 500, "only what was added"


def test_rows_follow_whatever_happens_to_a_log(root: Path) -> None:
    run, shelf = make(root / "a"), Shelf(root)
    log = run.path / "events.jsonl"

    def images() -> int:
        fresh = Shelf(root).rows()[0]
        assert shelf.rows()[0] == fresh, "a row that was kept is the row that would be made"
        return fresh["images"]

    assert images() == 0
    run.append(Started(images=0))
    run.append(step(100))
    assert images() == 100
    with log.open("a") as file:
        file.write('{"event": "stepped", "images": 200, "phase"')
    assert images() == 100, "half a line says nothing"
    run.append(step(300))
    assert images() == 300
    run.append(Started(images=100, resumed=True))
    assert images() == 100, "what no checkpoint kept is taken back"
    run.append(step(250))
    assert images() == 250
    kept = log.read_bytes()
    log.write_bytes(kept.replace(b'"images": 250', b'"images": 260'))
    os.utime(log, ns=(1, 1))
    assert images() == 260, "the same size is not the same file"
    log.write_bytes(b"")
    assert images() == 0
    log.unlink()
    assert images() == 0
    (run.path / "recipe.toml").unlink()
    assert shelf.rows() == []


def test_a_run_that_is_locked_is_training(root: Path) -> None:
    run, shelf = make(root / "a"), Shelf(root)
    assert shelf.rows()[0]["state"] == "stopped" and not shelf.training()
    with run.lock():
        assert shelf.rows()[0]["state"] == "training" and [entry.name for entry in shelf.training()] == ["a"]
    assert shelf.rows()[0]["state"] == "stopped"


def test_what_is_new_is_told_once(root: Path) -> None:
    heard: list[tuple[list[int], bool]] = []
    run = make(root / "a")
    run.append(step(1))
    shelf = Shelf(root, lambda entry, events, back: heard.append(([event.images for event in events], back)))
    shelf.rows()
    assert heard == [], "what was there before is no news"
    run.append(step(2))
    run.append(step(3))
    shelf.rows()
    shelf.rows()
    run.append(Started(images=0))
    shelf.rows()
    assert heard == [([2, 3], False), ([], True)]


def test_the_first_lines_of_a_run_that_was_seen_before_them_are_news(root: Path) -> None:
    heard: list[list[int]] = []
    run = make(root / "a")
    shelf = Shelf(root, lambda entry, events, back: heard.append([event.images for event in events]))
    assert [row["name"] for row in shelf.rows()] == ["a"]
    run.append(step(1))
    run.append(step(2))
    shelf.entries()
    run.append(step(3))
    shelf.entries()
    assert heard == [[1, 2], [3]]


def test_health_is_the_doctors_last_word(root: Path) -> None:
    run, shelf = make(root / "a"), Shelf(root)

    def health() -> dict[str, Any]:
        return shelf.rows()[0]["health"]

    assert health()["state"] == "unknown"
    run.append(Probed(images=10, values={"coverage": 0.9}))
    assert health()["state"] == "well"
    run.append(Found(images=10, code="V001", title="a quiet worry", message="m", confidence=0.6))
    assert health() == {"state": "watch", "codes": ["V001"], "title": "a quiet worry"}
    run.append(Found(images=10, code="V002", title="collapse", message="m", confidence=0.9))
    assert health() == {"state": "ill", "codes": ["V002", "V001"], "title": "collapse"}
    (run.path / "findings.json").write_text('{"images": 10, "findings": []}')
    assert health()["state"] == "well", "it was asked since"
    run.append(Probed(images=20, values={"coverage": 0.9}))
    assert health()["state"] == "ill", "and the run was probed since"
    (run.path / "findings.json").write_text('{"images": 30, "findings": [{"code": "<script>"}]}')
    assert health()["state"] == "ill", "a damaged file says nothing"


def test_the_best_is_the_probe_that_was_kept(root: Path) -> None:
    run = make(root / "a")
    for images, nll in ((10, 90.0), (20, 80.5), (30, 85.0)):
        run.append(Probed(images=images, values={"held_out_nll_nats": nll}))
        if images < 30:
            run.append(Saved(images=images, path="weights/best.safetensors", best=True))
    assert Shelf(root).rows()[0]["best"] == {"name": "held_out_nll_nats", "value": 80.5, "unit": "nats"}


def test_a_training_that_failed_says_why(root: Path) -> None:
    run = make(root / "a")
    (run.path / "studio.log").write_text("digits: reading\nerror: photos: holds no images. Name a folder.\n")
    assert Shelf(root).rows()[0]["problem"] == "photos: holds no images. Name a folder."
    run.append(Finished(images=1, reason="budget"))
    assert Shelf(root).rows()[0]["problem"] is None


def test_a_hundred_runs_of_ten_thousand_events_are_listed_at_once(root: Path) -> None:
    """Cold below a second and warm below 50 ms, on a machine that does nothing else; here with room for neighbours."""
    log = b"".join(
        b'{"event": "stepped", "images": %d, "seconds": %d.5, "phase": "elbo", "terms": {"loss": 1.5, "kl_nats": 2.5,'
        b' "reconstruction_nats": 70.25}, "health": {"gradient_norm": 0.5}}\n' % (i * 100, i)
        for i in range(10_000)
    )
    (root.parent / "log").write_bytes(log)
    for number in range(100):
        os.link(root.parent / "log", make(root / f"run{number}").path / "events.jsonl")
    shelf = Shelf(root)
    began = time.process_time()
    assert shelf.rows()[0]["images"] == 999_900
    cold = time.process_time() - began
    began = time.process_time()
    shelf.rows()
    warm = time.process_time() - began
    assert cold < 3.0 and warm < 0.15, (cold, warm)
