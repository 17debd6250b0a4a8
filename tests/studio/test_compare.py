"""Comparisons from a page: the numbers of the command line, with ids in the place of paths and pictures of one seed."""

import io
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from reverie import api
from reverie.studio.routes.compare import shaped
from reverie.studio.shelf import run_id


@pytest.fixture(scope="module")
def told(studio: Any) -> dict[str, Any]:
    """A finished comparison of a VAE and a GAN of digits."""
    ids = [run_id(studio.folder / name) for name in ("digits-vae", "digits-gan")]
    answer = studio.browser.post("/api/compare", json={"ids": ids, "num": 88, "features": "pixels"})
    assert answer.status_code == 202, answer.text
    job, ends = answer.json()["job"], time.monotonic() + 90
    while (state := studio.browser.get(f"/api/jobs/{job}").json())["state"] == "running":
        assert time.monotonic() < ends, state
        time.sleep(0.2)
    assert state["state"] == "done", state
    return state | {"ids": ids}


def test_the_numbers_are_those_of_the_command(studio: Any, told: dict[str, Any]) -> None:
    paths = [studio.folder / "digits-vae", studio.folder / "digits-gan"]
    expected, found = api.compare(paths, num=88, features="pixels"), told["result"]
    assert [run["id"] for run in found["runs"]] == told["ids"] and found["floors"] == expected["floors"]
    for run, other in zip(found["runs"], expected["runs"], strict=True):
        timed = {"latency"}
        assert {k: v for k, v in run["metrics"].items() if k not in timed} == {
            k: v for k, v in other["metrics"].items() if k not in timed
        }
    assert found["protocol"]["samples"] == expected["protocol"]["samples"] and found["recommendation"]


def test_nothing_tells_where_the_runs_are(studio: Any, told: dict[str, Any]) -> None:
    assert str(studio.folder) not in json.dumps(told["result"])
    assert all("path" not in run for run in told["result"]["runs"])


def test_sheets_show_the_same_seeds(studio: Any, told: dict[str, Any]) -> None:
    result = told["result"]
    for key, name in zip(told["ids"], ("digits-vae", "digits-gan"), strict=True):
        answer = studio.browser.get(result["sheets"][key])
        assert answer.status_code == 200 and answer.headers["content-type"] == "image/webp"
        sheet = np.asarray(Image.open(io.BytesIO(answer.content)).convert("L"))
        size = sheet.shape[1] // result["columns"]
        tile = sheet[size : 2 * size : size // 8, 2 * size : 3 * size : size // 8]
        images = api.sample(studio.folder / name, 1, seed=result["columns"] + 2)
        assert np.array_equal(tile, ((images[0, 0] + 1) * 127.5).round().byte().numpy()), "second row, third place"
    assert [run["sheet"] for run in result["runs"]] == [result["sheets"][key] for key in told["ids"]]


def test_the_report_can_be_saved(studio: Any, told: dict[str, Any]) -> None:
    answer = studio.browser.get(told["result"]["report"])
    assert answer.status_code == 200 and answer.headers["content-disposition"].startswith("attachment")
    assert "<html" in answer.text and "digits-vae" in answer.text


def test_numbers_of_a_comparison_reach_the_chooser(studio: Any, told: dict[str, Any]) -> None:
    asked = {"synthesis": "yes", "likelihood": "yes", "measured": told["job"]}
    advice = studio.browser.get("/api/choose/answer", params=asked).json()["advice"]
    assert any(one["measured"] and "measured on digits" in one["words"] for one in advice["said"])
    assert studio.browser.get("/api/choose/answer", params=asked | {"measured": "0123456789ab"}).status_code == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"ids": ["0123456789ab"]}, 422),
        ({"ids": ["0123456789ab", "../../etc/pas"]}, 422),
        ({"ids": ["0123456789ab", "0123456789ab"]}, 400),
        ({"ids": ["0123456789ab", "ba9876543210"]}, 404),
        ({"ids": ["0123456789ab", "ba9876543210"], "num": 10**9}, 422),
        ({"ids": ["0123456789ab", "ba9876543210"], "features": "run:/etc"}, 422),
        ({"ids": ["0123456789ab", "ba9876543210"], "features": "--open"}, 422),
        ({"ids": ["0123456789ab", "ba9876543210"], "output": "/tmp/x"}, 422),
    ],
)
def test_what_is_no_comparison_is_refused(studio: Any, body: Any, status: int) -> None:
    answer = studio.browser.post("/api/compare", json=body)
    assert answer.status_code == status and answer.json()["error"]


def test_a_run_without_weights_is_a_sentence(open_studio: Any, trained: Path, tmp_path: Path) -> None:
    import shutil

    for name in ("a", "b"):
        shutil.copytree(trained / "digits-vae", tmp_path / name, ignore=shutil.ignore_patterns("weights"))
    here = open_studio(tmp_path)
    ids = [run_id((tmp_path / name).resolve()) for name in ("a", "b")]
    answer = here.browser.post("/api/compare", json={"ids": ids})
    assert answer.status_code == 409 and "no weights yet" in answer.json()["error"]


def test_sentences_with_paths_are_said_with_names(studio: Any, tmp_path: Path) -> None:
    """One path may begin with another."""
    shelf, files = studio.app.state.shelf, tmp_path / "job" / "files"
    files.mkdir(parents=True)
    entries = [shelf.find(run_id(studio.folder / name)) for name in ("digits-vae", "digits-gan")]
    words = " and ".join(f"`reverie treat {entry.path}`" for entry in entries)
    told = {
        "runs": [{"name": e.name, "path": str(e.path)} for e in entries],
        "protocol": {"data": "/photos/cats"},
        "recommendation": [words],
    }
    found = shaped(told, entries, files)
    assert found["recommendation"] == ["`reverie treat runs/digits-vae` and `reverie treat runs/digits-gan`"]
    assert found["protocol"]["data"] == "cats" and found["sheets"] == {} and found["report"] is None


def test_points_and_encoders_have_no_sheet_or_a_plot(studio: Any, tmp_path: Path) -> None:
    from reverie.studio.routes.compare import draw

    shelf = studio.app.state.shelf
    entries = [shelf.find(run_id(studio.folder / name)) for name in ("points", "encoder")]
    draw(studio.app.state.models, entries, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [f"{entries[0].id}.webp"]
    assert torch.is_tensor(api.sample(studio.folder / "points", 1))
