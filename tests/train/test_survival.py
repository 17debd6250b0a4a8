"""What a training survives: damaged checkpoints, full disks, numbers that are not finite."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from reverie.core.errors import RunError, TrainingError
from reverie.core.event import Finished, Saved, Warned
from reverie.core.run import Run
from reverie.train.checkpoint import States, read_tensors, write_tensors

sys.path.insert(0, str(Path(__file__).parent))
from memory import make, run_to_end, same, trainer


@pytest.mark.parametrize("damage", ["truncate", "flip", "empty", "text"])
def test_a_damaged_checkpoint_is_named_and_the_one_before_it_used(tmp_path: Path, damage: str) -> None:
    recipe = make(320)
    whole = run_to_end(tmp_path / "whole", recipe)
    run_to_end(tmp_path / "r", recipe, stop_at=64)
    states = States(tmp_path / "r" / "state")
    tensors, about, _ = states.load() or pytest.fail("no state")
    write_tensors(states.previous, tensors, about)
    content = bytearray(states.newest.read_bytes())
    if damage == "flip":
        content[-7] ^= 1  # one bit of one weight
    states.newest.write_bytes(
        {"truncate": content[:-100], "empty": b"", "text": b"{}" * 50}.get(damage, bytes(content))
    )
    resumed = run_to_end(tmp_path / "r", recipe)
    assert same(whole, resumed)
    warnings = [e for e in Run.open(tmp_path / "r").events() if isinstance(e, Warned)]
    assert [w.code for w in warnings] == ["X002"] and "is damaged" in warnings[0].message


def test_no_readable_checkpoint_is_one_sentence_with_a_next_step(tmp_path: Path) -> None:
    run_to_end(tmp_path / "r", make(320), stop_at=64)
    (tmp_path / "r" / "state" / "state.safetensors").write_bytes(b"x")
    with pytest.raises(RunError, match="no checkpoint can be read.*--run NEW"):
        trainer(tmp_path / "r", make(320))


def test_every_flipped_bit_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "t.safetensors"
    write_tensors(path, {"w": torch.arange(4.0), "h": torch.ones(3, dtype=torch.bfloat16)}, {"images": 3})
    good = path.read_bytes()
    tensors, about = read_tensors(path)
    assert torch.equal(tensors["w"], torch.arange(4.0)) and about == {"images": 3}
    for position in range(len(good)):
        for bit in (0, 5):
            bad = bytearray(good)
            bad[position] ^= 1 << bit
            path.write_bytes(bytes(bad))
            try:
                after, told = read_tensors(path)
            except RunError:
                continue
            assert told == about and all(torch.equal(after[k], tensors[k]) for k in tensors), position


def test_a_checkpoint_of_another_shape_does_not_fit(tmp_path: Path) -> None:
    run_to_end(tmp_path / "r", make(320), stop_at=64)
    text = (tmp_path / "r" / "recipe.toml").read_text().replace("latent = 3", "latent = 5")
    (tmp_path / "r" / "recipe.toml").write_text(text)
    with pytest.raises(RunError, match="does not fit its recipe"):
        trainer(tmp_path / "r", make(320, vae__latent=5))


def test_a_planted_learning_rate_is_an_event_then_an_error_and_keeps_the_weights(tmp_path: Path) -> None:
    recipe = make(6400, optim__lr=1e3, optim__warmup=0.0, vae__net="mlp", vae__scale=1.0)
    made = trainer(tmp_path / "r", recipe)
    with pytest.raises(TrainingError, match=r"diverged: no finite step since image .* lower optim.lr \(now 1000\)"):
        for _ in made.events():
            pass
    events = list(Run.open(tmp_path / "r").events())
    assert [e.code for e in events if isinstance(e, Warned)] == ["X001"]
    assert isinstance(events[-1], Finished) and events[-1].reason == "diverged"
    tensors, _ = read_tensors(tmp_path / "r" / "weights" / "last.safetensors")
    assert all(torch.isfinite(t).all() for t in tensors.values())


def test_a_step_that_is_not_finite_changes_nothing(tmp_path: Path) -> None:
    made = trainer(tmp_path / "r", make(320))
    stepper, params = made.steppers[0], list(made.model.parameters())
    made._step(0, 0.5)
    before = [p.detach().clone() for p in params]
    state = {k: v.clone() for k, v in stepper.state().items() if k.startswith("adam")}
    batch = made.batch(16, 16)
    batch.images[0, 0, 0, 0] = float("nan")
    made.batch = lambda *_, **__: batch  # pyright: ignore
    assert made._step(1, 0.5) == 1
    assert all(torch.equal(a, b) for a, b in zip(before, params, strict=True))
    after = stepper.state()
    assert all(torch.equal(state[k], after[k]) for k in state)


_SMALL_DISK = """
import resource, signal, sys; sys.path.insert(0, {here!r})
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from pathlib import Path
from memory import make, trainer
made = trainer(Path({folder!r}), make(320, train__save_minutes=1e-6))
limited = False
try:
    for event in made.events():
        print(event.kind, getattr(event, "code", ""), flush=True)
        if event.images >= 96 and not limited:  # no file may grow past 1 kB from here on: as on a full disk
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY)); limited = True
except Exception as error:
    print(type(error).__name__, error)
"""


def test_a_full_disk_is_a_warning_while_training_and_keeps_the_last_checkpoint(tmp_path: Path) -> None:
    folder = tmp_path / "r"
    code = _SMALL_DISK.format(here=str(Path(__file__).parent), folder=str(folder))
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, timeout=300)
    assert "warned X003" in told.stdout and "Traceback" not in told.stderr, told.stderr
    assert "RunError" in told.stdout and "could not be written" in told.stdout.splitlines()[-1]
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
    whole = run_to_end(tmp_path / "whole", make(320, train__save_minutes=1e-6))
    assert same(whole, run_to_end(folder, make(320, train__save_minutes=1e-6)))


def test_checkpoints_leave_no_litter(tmp_path: Path) -> None:
    run_to_end(tmp_path / "r", make(320, train__save_minutes=1e-6))
    names = {
        str(p.relative_to(tmp_path / "r"))
        for p in (tmp_path / "r").rglob("*")
        if p.is_file() and "samples" not in str(p)
    }
    assert names == {
        "recipe.toml",
        "events.jsonl",
        "state/state.safetensors",
        "weights/last.safetensors",
        "weights/best.safetensors",
    }
    assert any(isinstance(e, Saved) and e.best for e in Run.open(tmp_path / "r").events())
