"""N + resume + N is 2N to the bit; a killed training loses no more than the work since its last checkpoint."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from reverie.core.event import Saved, Stepped
from reverie.core.run import Run
from reverie.train.checkpoint import read_tensors

sys.path.insert(0, str(Path(__file__).parent))
from memory import make, run_to_end, same, trainer, what_stands

NETS = {
    "mlp": {"vae__net": "mlp"},
    "conv": {"vae__net": "conv"},
    "resnet": {"vae__net": "resnet"},
    "ladder": {"vae__net": "ladder", "vae__layers": 3},
    "vamp": {"vae__net": "mlp", "vae__prior": "vamp", "vae__pseudo_inputs": 5, "vae__conditional": False},
    "iwae": {"vae__net": "mlp", "vae__samples": 4},
    "clipped and in parts": {"train__clip": 1.0, "train__micro": 5},
}


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("net", NETS)
def test_stopping_and_resuming_changes_nothing(tmp_path: Path, net: str, precision: str) -> None:
    settings = {"vae__warmup": 0.5, "vae__conditional": True, "train__precision": precision} | NETS[net]
    recipe = make(320, **settings)
    whole = run_to_end(tmp_path / "whole", recipe)
    run_to_end(tmp_path / "parts", recipe, stop_at=64)  # not at a multiple of log_every: sums are carried over
    run_to_end(tmp_path / "parts", recipe, stop_at=160)
    parts = run_to_end(tmp_path / "parts", recipe)
    assert same(whole, parts)
    assert list(what_stands(tmp_path / "whole")) == list(what_stands(tmp_path / "parts"))


def test_closing_the_generator_saves(tmp_path: Path) -> None:
    recipe = make(320)
    whole = run_to_end(tmp_path / "whole", recipe)
    events = trainer(tmp_path / "parts", recipe).events()
    for event in events:
        if isinstance(event, Stepped) and event.images >= 96:
            break
    events.close()  # pyright: ignore
    parts = run_to_end(tmp_path / "parts", recipe)
    assert same(whole, parts)
    assert list(what_stands(tmp_path / "whole")) == list(what_stands(tmp_path / "parts"))


def test_training_goes_on_past_a_larger_budget_only_under_its_own_recipe(tmp_path: Path) -> None:
    run_to_end(tmp_path / "r", make(64))
    again = run_to_end(tmp_path / "r", make(64))
    assert again.progress.images == 64
    saved = [e for e in Run.open(tmp_path / "r").events() if isinstance(e, Saved)]
    assert saved


_CHILD = """
import sys; sys.path.insert(0, {here!r})
import torch; torch.set_num_threads(1)
from pathlib import Path
from memory import make, trainer
for event in trainer(Path({folder!r}), make(800, train__save_minutes=1e-4)).events(): print(event.kind, flush=True)
"""


def test_killing_a_training_again_and_again_ends_at_the_same_weights(tmp_path: Path) -> None:
    recipe, folder = make(800, train__save_minutes=1e-4), tmp_path / "killed"
    whole = run_to_end(tmp_path / "whole", recipe)
    code = _CHILD.format(here=str(Path(__file__).parent), folder=str(folder))
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    kills = 0
    for attempt in range(12):
        child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=env, text=True)
        assert child.stdout is not None
        child.stdout.readline()  # it has begun: the kill lands in training and saving, not in imports
        time.sleep(0.013 * (attempt % 7) + 0.004 * attempt)
        if child.poll() is None:
            child.send_signal(signal.SIGKILL)
            kills += 1
        rest = child.stdout.read()
        child.wait()
        child.stdout.close()
        weights = folder / "weights" / "last.safetensors"
        if weights.exists():
            read_tensors(weights)  # whole, at whatever instant the kill came
        if "finished" in rest:
            break
    assert kills >= 3
    ended = run_to_end(folder, recipe)
    assert same(whole, ended)
    assert list(what_stands(folder)) == list(what_stands(tmp_path / "whole"))
