"""A frozen encoder as a run: opened, probed and measured like any other, and not to be trained."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from reverie import api
from reverie.core.capability import Encodes
from reverie.core.errors import RunError, UsageError
from reverie.nets.dinov2 import Dinov2


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny net of random weights."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("weights")
    (folder / "dinov2-s14").mkdir()
    save_file(Dinov2(width=64, depth=1).state_dict(), folder / "dinov2-s14" / "model.safetensors")
    return folder


def test_it_is_a_run(weights: Path, tmp_path: Path) -> None:
    few = {"data.num": 140, "data.held_out": 0.3, "data.size": 16}
    here = api.adopt("dinov2-s14", "shapes", run=tmp_path / "dino", weights_dir=weights, settings=few)
    model = api.load(here)
    assert (
        isinstance(model, Encodes) and model.latent_dim == 64 and not any(p.requires_grad for p in model.parameters())
    )
    net = Dinov2(width=64, depth=1)
    net.load_state_dict(model.student.encoder.state_dict())
    images = torch.rand(2, 1, 8, 8) * 2 - 1
    with torch.no_grad():
        torch.testing.assert_close(model.encode(images), net(images))
    shown = api.show(here.path)
    assert shown["family"] == "ssl" and shown["parameters"] == sum(p.numel() for p in net.parameters())
    found = api.measure(here.path, metrics=["knn_accuracy"], num=20)
    assert {"knn_accuracy", "knn_accuracy_pixels"} <= found["metrics"].keys()
    with pytest.raises(RunError, match="exists. Name a new folder"):
        api.adopt("dinov2-s14", "digits", run=tmp_path / "dino", weights_dir=weights)
    with pytest.raises(UsageError, match="comes trained and stays as it is"):
        list(api.train(here.recipe().change({"train.images": 10}), run=tmp_path / "again"))
    assert not (tmp_path / "again").exists()


def test_what_is_missing_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'dino' is not a frozen encoder. Use one of: dinov2-s14, dinov2-b14"):
        api.adopt("dino", "digits")
    with pytest.raises(UsageError, match="adopt dinov2-b14: needs .*model.safetensors, which is not there"):
        api.adopt("dinov2-b14", "digits", run=tmp_path / "x", weights_dir=tmp_path)
    assert not (tmp_path / "x").exists()
