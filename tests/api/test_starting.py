"""A run that begins with what another has learnt: to train longer, or on other images."""

import shutil
from pathlib import Path

import pytest
import torch

from reverie import api
from reverie.core.errors import UsageError
from reverie.core.event import Warned
from reverie.core.run import Run
from reverie.train.checkpoint import load_weights, read_tensors

SMALL = {"vae.net": "mlp", "vae.width": 16, "vae.depth": 1, "train.batch": 32, "train.precision": "fp32"}


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Run:
    recipe = api.recipe("vae", "digits", images=2048, settings=SMALL)
    return api.fit(recipe, run=tmp_path_factory.mktemp("starting") / "first")


def opened(path: Path, start: Path, **settings: object) -> list[str]:
    """Trains one batch; the kinds of what was said, and the words of warnings."""
    recipe = api.recipe("vae", "digits", images=32, settings=SMALL | settings)
    events = list(api.train(recipe, run=path, start=start))
    return [event.message if isinstance(event, Warned) else event.kind for event in events]


def test_everything_fits(first: Run, tmp_path: Path) -> None:
    """Weights, their average and the optimiser go on; the clock, and with it the schedule, begins anew."""
    said = opened(tmp_path / "again", first.path, **{"optim.lr": 1e-9})
    assert not any("untrained" in words for words in said)
    before, about = read_tensors(first.path / "state" / "state.safetensors")
    after, anew = read_tensors(tmp_path / "again" / "state" / "state.safetensors")
    assert about["images"] == 2048 and anew["images"] == 32
    for name, tensor in before.items():
        if name.startswith("model/net"):
            torch.testing.assert_close(after[name], tensor, rtol=0, atol=1e-6)
    steps = [name for name in before if name.endswith("step")]
    assert all(after[name] > before[name] for name in steps)


def test_it_learns_on_from_there(first: Run, tmp_path: Path) -> None:
    recipe = api.recipe("vae", "digits", images=2048, settings=SMALL)
    start = api.measure(first.path, metrics=["elbo"])["metrics"]["elbo"]["value"]
    longer = api.fit(recipe, run=tmp_path / "longer", start=first.path)
    assert api.measure(longer.path, metrics=["elbo"])["metrics"]["elbo"]["value"] > start + 1


def test_weights_alone_will_do(first: Run, tmp_path: Path) -> None:
    shutil.copytree(first.path, tmp_path / "passed on", ignore=shutil.ignore_patterns("state"))
    opened(tmp_path / "again", tmp_path / "passed on", **{"optim.lr": 1e-9})
    theirs, *_ = load_weights(first.path / "weights" / "best.safetensors")
    ours, *_ = load_weights(tmp_path / "again" / "weights" / "last.safetensors")
    for name, tensor in theirs.items():
        if name.startswith("net"):
            torch.testing.assert_close(ours[name], tensor, rtol=0, atol=1e-6)


def test_what_does_not_fit_is_said(first: Run, tmp_path: Path) -> None:
    said = opened(tmp_path / "other", first.path, **{"vae.latent": 5})
    assert any("tensors begin as in" in words and "others do not fit it and begin untrained" in words for words in said)


def test_nothing_in_common_leaves_no_folder(first: Run, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing of it fits this recipe. Use its net"):
        opened(tmp_path / "conv", first.path, **{"vae.net": "conv", "vae.width": 8, "vae.latent": 3, "data.size": 16})
    gan = api.recipe("gan", "digits", images=32)
    with pytest.raises(UsageError, match="is a vae, the new run a gan"):
        list(api.train(gan, run=tmp_path / "gan", start=first.path))
    assert not (tmp_path / "conv").exists() and not (tmp_path / "gan").exists()


def test_an_interrupted_one_goes_on_as_itself(first: Run, tmp_path: Path) -> None:
    """What was taken over is in its first checkpoint, before its first step."""
    recipe = api.recipe("vae", "digits", images=640, settings=SMALL)
    events = api.train(recipe, run=tmp_path / "cut", start=first.path)
    next(events)
    events.close()
    for _ in api.train(recipe, run=tmp_path / "cut", start=tmp_path / "gone since"):
        pass
    api.fit(recipe, run=tmp_path / "whole", start=first.path)
    cut, whole = (read_tensors(tmp_path / n / "state" / "state.safetensors")[0] for n in ("cut", "whole"))
    assert all(torch.equal(cut[name], whole[name]) for name in whole)
