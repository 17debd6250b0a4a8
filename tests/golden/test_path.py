"""The user's path on a folder of pictures, through the real command line: train, stop, go on, look, measure."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

TINY = ["--set", "vae.net=conv", "--set", "vae.width=8", "--set", "vae.hidden=32", "--set", "vae.latent=8"]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """200 pictures in two sub-folders: coloured discs on plain ground, of mixed modes and sizes, and a text file."""
    folder, draw = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    y, x = np.mgrid[:40, :40]
    for index in range(200):
        where = folder / ("left" if index % 2 else "right")
        where.mkdir(exist_ok=True)
        centre = draw.uniform(10, 30, 2)
        disc = (x - centre[0]) ** 2 + (y - centre[1]) ** 2 < 60
        pixels = np.where(disc[..., None], draw.integers(0, 256, 3), draw.integers(180, 256, 3)).astype(np.uint8)
        picture = Image.fromarray(pixels).convert("RGBA" if index % 7 == 0 else "RGB")
        picture.resize((40 + index % 3, 40)).save(where / f"{index}.png")
    (folder / "notes.txt").write_text("not a picture")
    return folder


def reverie(*words: str | Path, cwd: Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "reverie", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=110, env=environment())
    assert "Traceback" not in done.stderr, done.stderr
    assert not check or done.returncode == 0, done.stderr
    return done


def width(path: Path) -> int:
    with Image.open(path) as picture:
        return picture.size[0]


def environment() -> dict[str, str]:
    paths = [str(Path(__file__).parents[2] / "src"), os.environ.get("PYTHONPATH", "")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(p for p in paths if p), "OMP_NUM_THREADS": "1"}


def test_from_a_folder_of_pictures_to_a_measured_model(photos: Path, tmp_path: Path) -> None:
    words = ["train", "vae", photos, "--size", "32", "--run", "r", "--images", "6400", *TINY]
    first = reverie(*words, "--json", cwd=tmp_path)
    said = json.loads(first.stdout)
    assert said["state"] == "finished" and said["images"] >= 6400 and said["data"] == str(photos)
    run = tmp_path / "r"
    for name in (
        "recipe.toml",
        "env.json",
        "events.jsonl",
        "card.md",
        "weights/last.safetensors",
        "state/state.safetensors",
    ):
        assert (run / name).is_file(), name
    grids = sorted((run / "samples").glob("*.png"))
    assert len(grids) >= 10 and width(grids[-1]) >= 200
    begin, *_, end = [
        json.loads(line) for line in (run / "events.jsonl").read_text().splitlines() if '"stepped"' in line
    ]
    assert end["terms"]["elbo_nats"] > begin["terms"]["elbo_nats"] + 200  # it learned

    reverie("sample", "r", "-n", "9", "-o", "s.png", cwd=tmp_path)
    assert width(tmp_path / "s.png") >= 96
    again = reverie("sample", "r", "-n", "9", "-o", "t.png", cwd=tmp_path)
    assert (tmp_path / "s.png").read_bytes() == (tmp_path / "t.png").read_bytes(), again.stderr
    picture = next((photos / "left").glob("*.png"))
    reverie("interpolate", "r", picture, "held-out:0", "-o", "m.png", cwd=tmp_path)
    assert width(tmp_path / "m.png") > 200
    measured = json.loads(reverie("measure", "r", "--samples", "5", "--json", cwd=tmp_path).stdout)
    assert measured["schema"] == 1 and measured["protocol"]["split"] == "held-out"
    assert measured["metrics"]["psnr"]["value"] > 15 and measured["metrics"]["psnr"]["se"] > 0
    listed = json.loads(reverie("runs", ".", "--json", cwd=tmp_path).stdout)
    assert [row["name"] for row in listed["runs"]] == ["r"]

    refused = reverie("sample", "r", "--label", "left", cwd=tmp_path, check=False)
    assert refused.returncode == 2 and "does not take labels" in refused.stderr


def test_ctrl_c_saves_and_resume_ends_at_the_same_weights(photos: Path, tmp_path: Path) -> None:
    words = ["train", "vae", str(photos), "--size", "16", "--images", "12800", "--set", "train.log_every=5", *TINY]
    reverie(*words, "--run", "whole", cwd=tmp_path)
    command = [sys.executable, "-m", "reverie", *words, "--run", "parts"]
    child = subprocess.Popen(
        command, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment()
    )
    log = tmp_path / "parts" / "events.jsonl"
    while child.poll() is None and not (log.exists() and '"stepped"' in log.read_text()):
        time.sleep(0.01)
    child.send_signal(signal.SIGINT)
    _, narration = child.communicate(timeout=60)
    assert child.returncode == 4, narration
    assert "reverie resume parts" in narration
    reverie("resume", "parts", cwd=tmp_path)
    whole, parts = ((tmp_path / name / "weights" / "last.safetensors").read_bytes() for name in ("whole", "parts"))
    assert whole == parts


@pytest.mark.parametrize(
    ("words", "status", "sentence"),
    [
        (["train", "vae", "nowhere"], 1, "nowhere"),
        (["train", "vae", "digits", "--set", "vae.beta=-1"], 2, "recipe.vae.beta: must be >= 0, got -1"),
        (["train", "vea", "digits"], 2, "Did you mean 'vae'?"),
        (["sample", "nowhere"], 1, "is not a run folder"),
        (["train", "vae", "digits", "--preset", "mnist-fxed"], 2, "Did you mean 'mnist-fixed'?"),
    ],
)
def test_bad_input_is_one_line(words: list[str], status: int, sentence: str, tmp_path: Path) -> None:
    done = reverie(*words, cwd=tmp_path, check=False)
    assert done.returncode == status and sentence in done.stderr
    assert sum(line.startswith("error: ") for line in done.stderr.splitlines()) == 1
    assert done.stderr.strip().splitlines()[-1].startswith("error: ")
    assert not (tmp_path / "runs").exists()
