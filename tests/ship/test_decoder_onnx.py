"""A decoder as ONNX: another runtime gives the numbers of torch for every net, any number of latents, any label."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from reverie.core.capability import Decodes
from reverie.core.errors import RunError, UsageError
from reverie.core.family import get_family
from reverie.core.recipe import Recipe
from reverie.core.spec import DataSpec
from reverie.ship.decoder_onnx import export_decoder

onnx = pytest.importorskip("onnx", reason="ONNX files are a part of reverie[studio]")
onnxruntime = pytest.importorskip("onnxruntime", reason="the runtime that reads the files back is not installed")
pytest.importorskip("onnxscript", reason="ONNX files are a part of reverie[studio]")

VAE = {"width": 4, "hidden": 16, "latent": 3, "layers": 3, "depth": 1}
GAN = {"width": 4, "latent": 5, "inverter_every": 0}
IMAGES, POINTS = DataSpec(3, 9, 13, classes=("a", "b", "c")), DataSpec(2, 1, 1, kind="points", mixture="ring8")
# Every net of both families, and every part of a decoder that another runtime may see differently.
CASES: dict[str, tuple[str, dict[str, Any], DataSpec]] = {
    "vae-mlp": ("vae", VAE | {"net": "mlp", "likelihood": "bernoulli"}, IMAGES),
    "vae-conv": ("vae", VAE | {"net": "conv", "conditional": True}, IMAGES),
    "vae-resnet": ("vae", VAE | {"net": "resnet", "likelihood": "logistic"}, IMAGES),
    "vae-ladder": ("vae", VAE | {"net": "ladder", "conditional": True}, IMAGES),
    "gan-mlp": ("gan", GAN | {"net": "mlp", "norm": True}, IMAGES),
    "gan-dcgan": ("gan", GAN | {"net": "dcgan"}, IMAGES),
    "gan-resnet": ("gan", GAN | {"net": "resnet", "conditional": True}, IMAGES),
    "gan-growing": ("gan", GAN | {"net": "resnet", "grow": 0.5}, IMAGES),
    "gan-style": ("gan", GAN | {"net": "style"}, IMAGES),
    "gan-points": ("gan", GAN | {"net": "mlp", "augment": "none", "signs": 2}, POINTS),
}


def built(case: str) -> Any:
    """A model with weights and buffers that are nowhere at their starting values."""
    family, section, spec = CASES[case]
    model = get_family(family).build(Recipe.from_dict({"family": family, family: section}), spec)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        for value in model.parameters():
            value.data += 0.1 * torch.randn_like(value)
        for name, value in model.named_buffers():
            if name.endswith(("running_mean", "w_mean", "data_mean")):
                value += 0.3 * torch.randn_like(value)
            if name.endswith(("running_var", "data_scale")):
                value *= 1.7
    if case == "gan-growing":
        model.set_level(0.45)
        assert model.level_now is not None and 1 < model.level_now < 2, "a level that is being faded in"
    return model.eval().requires_grad_(False)


def decoded(path: Path, latents: torch.Tensor, labels: torch.Tensor | None) -> np.ndarray:
    """The images by onnxruntime."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    given = {"latents": latents.numpy()} | ({} if labels is None else {"labels": labels.numpy()})
    assert [i.name for i in session.get_inputs()] == list(given) and session.get_outputs()[0].name == "images"
    return session.run(None, given)[0]


@pytest.mark.parametrize("case", CASES)
def test_another_runtime_gives_the_same_images(case: str, tmp_path: Path) -> None:
    model, path, spec = built(case), tmp_path / "decoder.onnx", CASES[case][2]
    told = export_decoder(model, path)
    latents = torch.cat([model.latents(range(4)), torch.full((1, model.latent_dim), 3.0)])
    labels = torch.tensor([2, 0, 1, 2, 0]) if model.num_classes else None
    images = decoded(path, latents, labels)
    expected = model.decode(latents, labels=labels).numpy()
    assert images.shape == (5, *spec.shape) and images.dtype == np.float32 and told["shape"] == spec.shape
    np.testing.assert_allclose(images, expected, atol=1e-4)
    assert float(np.ptp(expected[:4], axis=0).max()) > 1e-3, "images that do not depend on the latent prove nothing"
    for i in (0, 4):
        alone = decoded(path, latents[i : i + 1], None if labels is None else labels[i : i + 1])
        np.testing.assert_allclose(alone[0], images[i], atol=1e-5)
    assert told["latent_dim"] == model.latent_dim and told["num_classes"] == model.num_classes
    assert told["bytes"] == path.stat().st_size
    if model.num_classes:
        other = decoded(path, latents, torch.zeros(5, dtype=torch.long))
        assert not np.allclose(other[0], images[0], atol=1e-4), "the label is an input and not a constant"


def test_the_file_says_nothing_of_this_machine_and_asks_for_nothing_special(tmp_path: Path) -> None:
    export_decoder(built("vae-conv"), tmp_path / "d.onnx")
    content = (tmp_path / "d.onnx").read_bytes()
    for word in (b"/src/", b"reverie/nets", b"site-packages", str(Path.home()).encode()):
        assert word not in content
    graph = onnx.load(str(tmp_path / "d.onnx"))
    assert [(o.domain, o.version) for o in graph.opset_import] == [("", 18)] and graph.ir_version <= 10
    assert {node.domain for node in graph.graph.node} == {""} and not graph.functions
    assert not any(t.data_location == onnx.TensorProto.EXTERNAL for t in graph.graph.initializer)


def test_half_precision_halves_the_file_and_keeps_the_images(tmp_path: Path) -> None:
    spec = DataSpec(3, 16, 16)
    recipe = Recipe.from_dict({"family": "vae", "vae": VAE | {"net": "resnet", "hidden": 128, "width": 16}})
    model: Any = get_family("vae").build(recipe, spec).eval().requires_grad_(False)
    model.net.decoder.inner.weight[0, 0] = 1e5  # beyond float16: stays as it is
    full, half = (export_decoder(model, tmp_path / f"{h}.onnx", half=h) for h in (False, True))
    assert half["bytes"] < 0.6 * full["bytes"] and (half["stored"], half["computed"]) == ("float16", "float32")
    latents = model.latents(range(3)) * 1e-4
    images = decoded(tmp_path / "True.onnx", latents, None)
    np.testing.assert_allclose(images, model.decode(latents).numpy(), atol=5e-3)
    model.net.decoder.inner.weight[0, 0] = 0.0
    assert np.abs(images - model.decode(latents).numpy()).max() > 1e-3, "the large weight counts"


class Fixed(nn.Module, Decodes):
    """Decodes, but only two at a time; and not a family's."""

    latent_dim = 3

    def latents(self, seeds: Any) -> torch.Tensor:
        return torch.zeros(len(seeds), 3)

    def decode(self, latents: torch.Tensor, *, labels: torch.Tensor | None = None) -> torch.Tensor:
        return latents.view(2, 3, 1, 1)


def test_what_cannot_be_exported_is_a_sentence(tmp_path: Path) -> None:
    encoder = get_family("ssl").build(Recipe.from_dict({"family": "ssl"}), DataSpec(3, 16, 16))
    with pytest.raises(UsageError, match="export needs Decodes; 'enc' has no latents to decode"):
        export_decoder(encoder, tmp_path / "d.onnx", name="enc")
    with pytest.raises(UsageError, match="'fixed' (cannot be written as ONNX|decodes only so many)"):
        export_decoder(Fixed(), tmp_path / "d.onnx", name="fixed")
    assert not list(tmp_path.iterdir())


def test_the_file_is_whole_or_as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "d.onnx"
    path.write_bytes(b"before")

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(RunError, match="cannot be written"):
        export_decoder(built("gan-points"), path)
    assert path.read_bytes() == b"before" and [p.name for p in tmp_path.iterdir()] == ["d.onnx"]


def test_without_the_packages_there_is_a_hint(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(UsageError, match=r"pip install 'reverie\[studio\]'"):
        export_decoder(built("gan-points"), tmp_path / "d.onnx")
