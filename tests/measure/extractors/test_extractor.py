"""Finding extractors by name, pixels, and a run's encoder."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from reverie.core.capability import Encodes, Samples
from reverie.core.errors import UsageError
from reverie.core.spec import DataSpec
from reverie.measure.extractor import Extractor, Means, extractor_names, get_kind, open_extractor

CPU = torch.device("cpu")


class Doubler(nn.Module, Encodes):
    """Latents are twice the first two values."""

    latent_dim = 2

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(2.0))

    def encode(self, images: Tensor, *, labels: Tensor | None = None) -> Tensor:
        return self.scale * images.flatten(1)[:, :2].double()


def means(shape: tuple[int, int, int], **given: Any) -> Means:
    return Means(DataSpec(*shape), CPU, **given)


@pytest.mark.parametrize("name", extractor_names())
def test_every_kind_says_how_it_is_named(name: str) -> None:
    kind = get_kind(name)
    assert kind.usage.partition(":")[0] == name and kind.summary.endswith(".")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("pixel", "--features: 'pixel' is not an extractor. Did you mean 'pixels'?"),
        ("zzz", "Use one of: classifier:DATA, dinov2-b14, dinov2-s14, pixels, run:PATH."),
        ("classifier", "--features classifier: must look like classifier:DATA."),
        ("pixels:3", "--features pixels:3: must look like pixels."),
        ("run:there", "--features run:there: runs cannot be loaded here."),
    ],
)
def test_a_wrong_name_is_a_sentence(name: str, sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        open_extractor(name, means((1, 4, 4)))
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("shape", "dim"),
    [((2, 1, 1), 2), ((1, 28, 28), 784), ((3, 32, 32), 3072), ((3, 64, 64), 3072), ((3, 50, 100), 3 * 16 * 33)],
)
def test_pixels_are_means_over_squares(shape: tuple[int, int, int], dim: int) -> None:
    pixels = open_extractor("pixels", means(shape))
    images = torch.rand(5, *shape)
    found = pixels.features(images)
    assert pixels.dim == dim <= 3072 and found.shape == (5, dim) and found.dtype == torch.float32
    torch.testing.assert_close(found.mean(1), images.flatten(1).mean(1), atol=0.02, rtol=0)
    if shape == (3, 64, 64):
        by_hand = images.view(5, 3, 32, 2, 32, 2).mean((3, 5)).flatten(1)
        torch.testing.assert_close(found, by_hand)


def test_pixels_of_different_shapes_have_different_fingerprints() -> None:
    prints = {open_extractor("pixels", means(shape)).fingerprint for shape in ((1, 8, 8), (1, 8, 9), (3, 64, 64))}
    assert len(prints) == 3


def test_a_run_gives_its_latents() -> None:
    model, spec = Doubler(), DataSpec(1, 2, 2)
    asked: list[str] = []

    def load(path: str) -> tuple[Any, DataSpec]:
        asked.append(path)
        return model, spec

    found = open_extractor("run:runs/a:b", means((1, 2, 2), load=load))
    images = torch.rand(3, 1, 2, 2)
    assert asked == ["runs/a:b"] and found.name == "run:runs/a:b" and found.dim == 2
    torch.testing.assert_close(found.features(images), (2 * images.flatten(1)[:, :2]).detach())
    before = found.fingerprint
    with torch.no_grad():
        model.scale += 1e-6
    assert open_extractor("run:x", means((1, 2, 2), load=load)).fingerprint != before


def test_a_run_that_does_not_fit_is_a_sentence() -> None:
    with pytest.raises(UsageError, match="encodes 3x2x2 images, these are 1x2x2"):
        open_extractor("run:x", means((1, 2, 2), load=lambda path: (Doubler(), DataSpec(3, 2, 2))))

    class Maker(Samples):
        def sample(self, seeds: Any, *, labels: Any = None, truncation: float = 1.0) -> Tensor:
            return torch.zeros(len(seeds), 1, 2, 2)

    with pytest.raises(UsageError, match="does not encode images"):
        open_extractor("run:x", means((1, 2, 2), load=lambda path: (Maker(), DataSpec(1, 2, 2))))


def test_dinov2_without_weights_says_what_to_get(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REVERIE_WEIGHTS", raising=False)
    with pytest.raises(UsageError, match="folder named by --weights-dir or REVERIE_WEIGHTS. Or use pixels"):
        open_extractor("dinov2-s14", means((3, 8, 8)))
    for given in ({"weights_dir": tmp_path}, {}):
        monkeypatch.setenv("REVERIE_WEIGHTS", str(tmp_path))
        with pytest.raises(UsageError) as caught:
            open_extractor("dinov2-b14", means((3, 8, 8), **given))
        for words in (f"{tmp_path}/dinov2-b14/model.safetensors", "facebook/dinov2-base", "--weights-dir", "pixels"):
            assert words in str(caught.value)
    with pytest.raises(UsageError, match="is for images"):
        open_extractor("dinov2-s14", Means(DataSpec(2, 1, 1, kind="points"), CPU, weights_dir=tmp_path))


def test_dinov2_sees_images_as_it_was_trained() -> None:
    """Against Pillow's bicubic filter, which rounds to 8 bits twice."""
    import numpy as np
    from PIL import Image

    from reverie.measure.dinov2 import DEVIATION, MEAN, prepare

    levels = (torch.rand(3, 300, 260, generator=torch.Generator().manual_seed(0)) * 60 + 100).byte()
    picture = Image.fromarray(levels.permute(1, 2, 0).numpy()).resize((224, 224), Image.Resampling.BICUBIC)
    wanted = torch.from_numpy(np.array(picture)).permute(2, 0, 1) / 255
    mean, deviation = (torch.tensor(numbers)[:, None, None] for numbers in (MEAN, DEVIATION))
    found = prepare((levels / 127.5 - 1)[None])[0] * deviation + mean
    assert float((found - wanted).abs().max()) * 255 < 1.5
    grey = prepare(torch.rand(2, 1, 9, 9))
    assert grey.shape == (2, 3, 224, 224) and prepare(torch.rand(1, 4, 9, 9)).shape == (1, 3, 224, 224)


def test_dinov2_from_a_folder(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="needs the extra dinov2")
    config = transformers.Dinov2Config(hidden_size=24, num_hidden_layers=2, num_attention_heads=2, patch_size=14)
    folder = tmp_path / "dinov2-s14"
    transformers.Dinov2Model(config).save_pretrained(folder)
    found: Extractor = open_extractor("dinov2-s14", means((1, 8, 8), weights_dir=tmp_path))
    images = torch.rand(3, 1, 8, 8)
    with torch.inference_mode():
        whole, alone = found.features(images), found.features(images[1:2])
    assert whole.shape == (3, 24) == (3, found.dim) and len(found.about["sha256"]) == 64
    torch.testing.assert_close(whole[1:2], alone, atol=1e-5, rtol=1e-4)
    (folder / "model.safetensors").write_bytes(b"abc")
    with pytest.raises(UsageError, match="cannot be loaded"):
        open_extractor("dinov2-s14", means((1, 8, 8), weights_dir=tmp_path))
