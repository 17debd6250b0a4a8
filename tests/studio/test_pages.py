"""Pages, pictures and the edges of the server: what is served, how it is kept, and what the command line says."""

import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from reverie.cli import main
from reverie.core.errors import UsageError
from reverie.core.event import Probed, Sampled
from reverie.core.recipe import Recipe
from reverie.core.run import Run
from reverie.studio import assets, launch
from reverie.studio.launch import address, bind
from reverie.studio.routes import data, runs


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A front end that is built."""
    folder = tmp_path / "static"
    (folder / "assets").mkdir(parents=True)
    for name in ("app-1a2b.js", "app-1a2b.css", "ort-1.mjs", "ort-1.wasm", "sans-1.woff2"):
        (folder / "assets" / name).write_text(name)
    (folder / "assets" / "app-1a2b.js.br").write_text("packed")
    (folder / "icon.svg").write_text("<svg/>")
    (folder / "index.html").write_text("<!doctype html><title>built</title>")
    (folder / "link.js").symlink_to("/etc/passwd")
    monkeypatch.setattr(assets, "STATIC", folder)
    yield folder
    assets._scanned.cache_clear()


def test_the_front_end_is_served_as_browsers_want_it(serve: Callable[[Path], Any], tmp_path: Path, built: Path) -> None:
    page = serve(tmp_path / "runs").page
    kinds = {"app-1a2b.js": "text/javascript", "app-1a2b.css": "text/css", "ort-1.mjs": "text/javascript"}
    kinds |= {"ort-1.wasm": "application/wasm", "sans-1.woff2": "font/woff2"}
    for name, kind in kinds.items():
        answer = page.get(f"/assets/{name}", headers={"accept-encoding": "identity"})
        assert answer.status_code == 200 and answer.headers["content-type"].startswith(kind) and answer.text == name
        assert "immutable" in answer.headers["cache-control"]
    packed = page.get("/assets/app-1a2b.js", headers={"accept-encoding": "br;q=1, gzip"}).headers
    assert packed["content-encoding"] == "br" and packed["content-type"].startswith("text/javascript")
    assert packed["vary"] == "accept-encoding"
    for path in ("/", "/runs/abc", "/course/3?seed=1", "/new", "/index.html", "/link.js", "/nosuch.js"):
        answer = page.get(path)
        assert answer.text == "<!doctype html><title>built</title>" and answer.headers["cache-control"] == "no-store"
    assert page.get("/assets/old-9z.js").status_code == 404, "a page must not be taken for a script"
    assert page.get("/api/nosuch").json() == {"error": "There is nothing at this address."}
    assert page.get("/icon.svg").headers["cache-control"] == "no-cache"


def test_a_new_build_is_seen(serve: Callable[[Path], Any], tmp_path: Path, built: Path) -> None:
    page = serve(tmp_path / "runs").page
    page.get("/")
    (built / "assets" / "app-2.js").write_text("new")
    (built / "index.html").unlink()
    (built / "index.html").write_text("second")
    assert page.get("/").text == "second" and page.get("/assets/app-2.js").text == "new"


def test_without_a_build_the_page_says_what_to_run(
    serve: Callable[[Path], Any], tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr(assets, "STATIC", tmp_path / "none")
    answer = serve(tmp_path / "runs").page.get("/runs/x")
    assert answer.status_code == 200 and "make studio" in answer.text and "http" not in answer.text


def test_the_courses_recordings_are_served(serve: Callable[[Path], Any], tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "recorded" / "runs").mkdir(parents=True)
    (tmp_path / "recorded" / "index.json").write_text('{"runs": []}')
    (tmp_path / "recorded" / "runs" / "decoder.onnx").write_bytes(b"\x00")
    monkeypatch.setattr(assets, "RECORDED", tmp_path / "recorded")
    page = serve(tmp_path / "runs").page
    assert page.get("/course-data/index.json").json() == {"runs": []}
    assert page.get("/course-data/runs/decoder.onnx").headers["content-type"] == "application/octet-stream"
    assert page.get("/course-data/nosuch").status_code == 404


def png(width: int, height: int) -> bytes:
    noise = np.random.default_rng(0).integers(0, 255, (height, width, 4), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(noise).save(out, "PNG")
    return out.getvalue()


def test_grids_are_kept_for_ever_and_shrunk(serve: Callable[[Path], Any], tmp_path: Path) -> None:
    run = Run.create(tmp_path / "runs" / "a", Recipe.from_dict({"family": "vae"}))
    grid = run.path / "samples" / "000000100.png"
    grid.write_bytes(png(530, 265))
    run.append(Sampled(images=100, seconds=4.5, path="samples/000000100.png"))
    served = serve(tmp_path / "runs")
    row = served.rows()["a"]
    (told,) = served.page.get(f"/api/runs/{row['id']}").json()["grids"]
    assert (told["images"], told["seconds"]) == (100, 4.5)
    whole = served.page.get(told["url"])
    assert whole.content == grid.read_bytes() and whole.headers["content-type"] == "image/png"
    assert "immutable" in whole.headers["cache-control"]
    again = served.page.get(told["url"], headers={"if-none-match": whole.headers["etag"]})
    assert again.status_code == 304 and again.content == b""
    small = served.page.get(row["thumb"])
    with Image.open(io.BytesIO(small.content)) as image:
        assert image.format == "WEBP" and image.size == (320, 160)
    grid.write_bytes(png(10, 10))
    assert served.page.get(f"/api/runs/{row['id']}").json()["grids"][0]["url"] != told["url"], (
        "a new picture, a new name"
    )


@pytest.mark.parametrize(
    "content", [b"", b"<svg onload=alert(1)>", b"<html>", b"\x89PNG\r\n\x1a\n" + b"\x00" * 99, b"GIF89a"]
)
def test_what_is_no_picture_is_not_served_as_one(serve: Callable[[Path], Any], tmp_path: Path, content: bytes) -> None:
    run = Run.create(tmp_path / "runs" / "a", Recipe.from_dict({"family": "vae"}))
    (run.path / "samples" / "000000100.png").write_bytes(content)
    run.append(Sampled(images=100, path="samples/000000100.png"))
    served = serve(tmp_path / "runs")
    answer = served.page.get(served.rows()["a"]["thumb"])
    assert answer.status_code == 422 and "error" in answer.json()
    whole = served.page.get(served.rows()["a"]["thumb"].replace("&thumb=1", ""))
    assert whole.status_code == 422 or whole.headers["content-type"] == "image/png"


def test_a_picture_bomb_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "MOST_PIXELS", 99)
    with pytest.raises(Exception, match="cannot|too large|shown"):
        runs.shrunk(png(10, 10), "x")


def test_only_pictures_of_findings_are_served(serve: Callable[[Path], Any], tmp_path: Path) -> None:
    run = Run.create(tmp_path / "runs" / "a", Recipe.from_dict({"family": "vae"}))
    (run.path / "probes" / "missing.png").write_bytes(png(8, 8))
    (run.path / "probes" / "other.png").write_bytes(png(8, 8))
    (tmp_path / "private.png").write_bytes(png(8, 8))
    finding = {"code": "G002", "title": "t", "saw": "s", "why": "w", "evidence": [], "confidence": 0.8, "since": None}
    finding |= {"remedy": {}, "advice": "a", "reference": "r"}
    finding |= {"pictures": ["probes/missing.png", "../../private.png", "/etc/passwd", "recipe.toml"]}
    (run.path / "findings.json").write_text(json.dumps({"images": 0, "findings": [finding]}))
    served = serve(tmp_path / "runs")
    row = served.rows()["a"]
    assert row["health"] == {"state": "ill", "codes": ["G002"], "title": "t"}
    base = f"/api/runs/{row['id']}"
    assert served.page.get(base).json()["findings"][0]["state"] == "ill"
    assert served.page.get(f"{base}/pictures/probes/missing.png").status_code == 200
    for name in ("probes/other.png", "..%2f..%2fprivate.png", "%2fetc%2fpasswd", "recipe.toml"):
        assert served.page.get(f"{base}/pictures/{name}").status_code in (404, 422), name


def test_a_run_says_all_that_it_knows(studio: Any) -> None:
    """Against what the api says of the same run."""
    from reverie import api

    expected = api.show(studio.folder / "digits-vae")
    told = studio.browser.get(studio.url("digits-vae").rstrip("/")).raise_for_status().json()
    assert told["images"] == expected["images"] and told["recipe"] == studio.run("digits-vae").recipe().to_dict()
    spec = {"channels": 1, "height": 8, "width": 8, "kind": "images", "num_classes": 10, "labels": list("0123456789")}
    assert told["spec"] == spec and told["command"].startswith("reverie train vae digits")
    assert (
        told["env"]["reverie"]
        and told["nulls"]
        and told["events_count"] == len(list(studio.run("digits-vae").events()))
    )
    findings = api.diagnose(studio.folder / "digits-vae")["findings"]
    assert [one["code"] for one in told["findings"]] == [one["code"] for one in findings]
    curves = studio.get("digits-vae", "curves", points=10)
    names = {one["name"] for one in curves["series"]}
    assert {f"probe.{name}" for name in expected["probe"]} <= names and curves["images_max"] == expected["images"]


def test_numbers_that_json_has_no_word_for(serve: Callable[[Path], Any], tmp_path: Path) -> None:
    run = Run.create(tmp_path / "runs" / "aé", Recipe.from_dict({"family": "vae"}))
    run.append(Probed(images=1, values={"coverage": float("nan")}))
    with (run.path / "events.jsonl").open("a") as file:
        file.write('{"event": "probed", "images": 2, "seconds": Infinity, "values": {"coverage": NaN}}\n')
    served = serve(tmp_path / "runs")
    key = served.rows()["aé"]["id"]
    assert served.page.get(f"/api/runs/{key}/curves").json()["series"][0]["value"] == [None, None]
    assert served.page.get(f"/api/runs/{key}/curves?points=1").status_code == 422
    assert served.page.get(f"/api/runs/{key}/curves?from=nan&to=x").status_code == 422


def test_sets_are_found_beside_those_built_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, file in (("cats", "a.png"), ("texts", "a.txt"), ("deep", "one/b.jpg"), ("mnist", "x.png")):
        (tmp_path / name / file).parent.mkdir(parents=True)
        (tmp_path / name / file).write_bytes(b"x")
    monkeypatch.setenv("REVERIE_DATA", str(tmp_path))
    told = json.loads(bytes(data.data().body))
    names = {one["name"]: one["kind"] for one in told["sets"]}
    assert names["digits"] == "images" and names["ring8"] == "points"
    assert {name for name in names if "/" in name} == {str(tmp_path / "cats"), str(tmp_path / "deep")}
    from reverie.data import dataset_names

    assert set(data.TITLES) == set(dataset_names()), "every built-in set has its words"


def test_the_list_needs_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom reverie.studio.app import create_app\n"
        f"app = create_app(Path({str(tmp_path)!r}), token='t')\napp.state.shelf.rows()\n"
        "from reverie.studio.routes.data import device\ndevice()\n"
        "sys.exit('torch' in sys.modules)"
    )
    Run.create(tmp_path / "a", Recipe.from_dict({"family": "vae"})).append(Probed(images=1, values={}))
    source = str(Path(assets.__file__).parents[2])
    assert (
        subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": source}, timeout=60, check=False).returncode
        == 0
    )


def test_ports_are_found_or_named() -> None:
    with bind("127.0.0.1", 0) as taken:
        port = int(taken.getsockname()[1])
        with pytest.raises(UsageError, match=f"--port {port}: is taken"):
            bind("127.0.0.1", port)
    for host in ("no.such.name.invalid", "192.0.2.1"):
        with pytest.raises(UsageError, match="--host"):
            bind(host, 0)
    with bind("127.0.0.1", None) as first, bind("127.0.0.1", None) as second:
        assert first.getsockname()[1] != second.getsockname()[1]
    assert address("::1", 80, "/", "t") == "http://[::1]:80/?token=t"


def test_what_is_printed_opens_the_studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, waiting: Any) -> None:
    said: list[str] = []
    opened: list[str] = []
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(launch, "run", lambda studio, listener: None)
    monkeypatch.setattr(launch.webbrowser, "open", opened.append)
    launch.serve(tmp_path, say=said.append, host="0.0.0.0", page="/course")
    waiting(lambda: opened)
    assert len(opened) == 1 and opened[0] in said[1] and opened[0].startswith("http://127.0.0.1:")
    assert "/course?token=" in opened[0] and "network" in "".join(said)
    launch.serve(tmp_path, say=said.append, browser=False)
    monkeypatch.delenv("DISPLAY")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    launch.serve(tmp_path, say=said.append)
    assert len(opened) == 1
    tokens = {line.partition("token=")[2] for line in said if "token=" in line}
    assert len({token for part in tokens for token in part.split()}) >= 2, "each launch has its own"


def test_the_command_line_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, capsys: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert main(["studio", str(tmp_path / "file")]) == 2 and "is not a folder" in capsys.readouterr().err
    with bind("127.0.0.1", 0) as taken:
        port = str(taken.getsockname()[1])
        assert main(["studio", str(tmp_path), "--port", port, "--no-browser"]) == 2
    assert "is taken" in capsys.readouterr().err
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for verb in ("studio", "course"):
        assert main([verb, "--no-browser"]) == 2
        assert "pip install 'reverie[studio]'" in capsys.readouterr().err
