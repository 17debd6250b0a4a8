"""Finding extractors by name, pixels, and a run's encoder."""

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from reverie.core.capability import Encodes, Samples
from reverie.core.errors import UsageError
from reverie.core.spec import DataSpec
from reverie.measure.extractor import Extractor, Means, extractor_names, get_kind, open_extractor
from reverie.nets.inception import Inception

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
        ("zzz", "Use one of: classifier:DATA, dinov2-b14, dinov2-s14, inception-tf, pixels, run:PATH."),
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
    with pytest.raises(UsageError, match=r"folder named by --weights-dir or REVERIE_WEIGHTS \(get .*\). Or use pixels"):
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

    from reverie.nets.dinov2 import DEVIATION, MEAN, prepare

    levels = (torch.rand(3, 300, 260, generator=torch.Generator().manual_seed(0)) * 60 + 100).byte()
    picture = Image.fromarray(levels.permute(1, 2, 0).numpy()).resize((224, 224), Image.Resampling.BICUBIC)
    wanted = torch.from_numpy(np.array(picture)).permute(2, 0, 1) / 255
    mean, deviation = (torch.tensor(numbers)[:, None, None] for numbers in (MEAN, DEVIATION))
    found = prepare((levels / 127.5 - 1)[None])[0] * deviation + mean
    assert float((found - wanted).abs().max()) * 255 < 1.5
    grey = prepare(torch.rand(2, 1, 9, 9))
    assert grey.shape == (2, 3, 224, 224) and prepare(torch.rand(1, 4, 9, 9)).shape == (1, 3, 224, 224)


def hub_names(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """A net's tensors under the names of the Hugging Face hub."""
    names = (("patches.", "embeddings.patch_embeddings.projection."), ("token", "embeddings.cls_token"))
    names += (("positions", "embeddings.position_embeddings"), ("norm.", "layernorm."))
    found: dict[str, Tensor] = {"embeddings.mask_token": torch.zeros(1, 64)}
    for name, tensor in tensors.items():
        if name.startswith("blocks."):
            name = name.replace("blocks.", "encoder.layer.").replace("out.", "attention.output.dense.")
            for part in ("query", "key", "value"):
                name = name.replace(part, f"attention.attention.{part}")
            name = name.replace("fc", "mlp.fc")
            name = name.replace("scale1", "layer_scale1.lambda1").replace("scale2", "layer_scale2.lambda1")
        else:
            for ours, theirs in names:
                name = theirs + name.removeprefix(ours) if name.startswith(ours) else name
        found[name] = tensor
    return found


def test_dinov2_from_a_folder(tmp_path: Path) -> None:
    from reverie.nets.dinov2 import Dinov2

    net = Dinov2(width=64, depth=2).eval()
    path = tmp_path / "dinov2-s14" / "model.safetensors"
    path.parent.mkdir()
    save_file(hub_names(net.state_dict()), path)
    found: Extractor = open_extractor("dinov2-s14", means((1, 8, 8), weights_dir=tmp_path))
    images = torch.rand(3, 1, 8, 8)
    with torch.inference_mode():
        whole, alone = found.features(images), found.features(images[1:2])
        torch.testing.assert_close(whole, net(images))
    assert whole.shape == (3, 64) == (3, found.dim) and found.about["sha256"] == sha256(path.read_bytes()).hexdigest()
    torch.testing.assert_close(whole[1:2], alone, atol=1e-5, rtol=1e-4)
    save_file({"embeddings.cls_token": torch.zeros(1, 1, 64)}, path)
    with pytest.raises(UsageError, match="its weights are of another net. .* get facebook/dinov2-small"):
        open_extractor("dinov2-s14", means((1, 8, 8), weights_dir=tmp_path))
    path.write_bytes(b"abc")
    with pytest.raises(UsageError, match="cannot be loaded"):
        open_extractor("dinov2-s14", means((1, 8, 8), weights_dir=tmp_path))


def test_dinov2_is_that_of_transformers() -> None:
    transformers = pytest.importorskip("transformers", reason="needs transformers, for comparison alone")
    from reverie.nets.dinov2 import Dinov2, prepare, renamed, size_of

    config = transformers.Dinov2Config(
        hidden_size=128, num_hidden_layers=2, num_attention_heads=2, patch_size=14, image_size=518
    )
    theirs = transformers.Dinov2Model(config).eval()
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.copy_(0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    tensors = renamed(theirs.state_dict())
    assert size_of(tensors) == (128, 2)
    ours = Dinov2(width=128, depth=2).eval()
    ours.load_state_dict(tensors)
    images = torch.rand(2, 3, 40, 30) * 2 - 1
    with torch.no_grad():
        wanted = theirs(pixel_values=prepare(images)).last_hidden_state[:, 0]
        torch.testing.assert_close(ours(images), wanted, atol=1e-4, rtol=1e-4)


def test_published_sizes() -> None:
    from reverie.nets.dinov2 import Dinov2

    with torch.device("meta"):
        counts = [sum(p.numel() for p in Dinov2(width=w, depth=12).parameters()) for w in (384, 768)]
    # Less the token of masked patches, one vector: 22,056,576 and 86,580,480 with it.
    assert counts == [22_056_576 - 384, 86_580_480 - 768]


def test_inception_is_the_published_net() -> None:
    """Parameters by hand from the paper's table, as TF-Slim has them, with 1,008 classes; names as they are known."""
    with torch.device("meta"):
        net = Inception()
    assert sum(p.numel() for name, p in net.named_parameters() if not name.startswith("fc")) == 21_785_568
    assert sum(p.numel() for p in net.parameters()) == 23_850_960
    shapes = {name: tuple(tensor.shape) for name, tensor in net.state_dict().items()}
    assert shapes["Conv2d_1a_3x3.conv.weight"] == (32, 3, 3, 3)
    assert shapes["Mixed_5b.branch_pool.conv.weight"] == (32, 192, 1, 1)
    assert shapes["Mixed_6b.branch7x7dbl_5.conv.weight"] == (192, 128, 1, 7)
    assert shapes["Mixed_7a.branch7x7x3_3.conv.weight"] == (192, 192, 7, 1)
    assert shapes["Mixed_7c.branch3x3dbl_3b.bn.running_var"] == (384,)
    assert shapes["fc.weight"] == (1008, 2048)
    assert sum(name.endswith("conv.weight") for name in shapes) == 94


def test_inception_resizes_as_tensorflow_1_did() -> None:
    from reverie.measure.extractors.inception_tf import prepare, resized

    levels = torch.randint(256, (1, 3, 7, 5), generator=torch.Generator().manual_seed(0)).double()
    found = resized(levels, 299)
    for y, x in ((0, 0), (150, 42), (298, 298), (297, 1)):
        at_y, at_x = y * 7 / 299, x * 5 / 299
        top, left = int(at_y), int(at_x)
        down, across = at_y - top, at_x - left
        low, right = min(top + 1, 6), min(left + 1, 4)
        above = levels[0, :, top, left] * (1 - across) + levels[0, :, top, right] * across
        below = levels[0, :, low, left] * (1 - across) + levels[0, :, low, right] * across
        torch.testing.assert_close(found[0, :, y, x], above * (1 - down) + below * down, atol=1e-9, rtol=0)
    assert torch.equal(resized(levels, 7)[..., 0], levels[..., 0]), "rows that stay are not touched"
    ends = prepare(torch.tensor([-1.0, 1.0]).view(2, 1, 1, 1))
    assert ends.shape == (2, 3, 299, 299) and ends[0].unique().item() == -1.0 and ends[1].unique().item() == 127 / 128


def test_inception_from_a_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        open_extractor("inception-tf", means((3, 8, 8), weights_dir=tmp_path))
    for words in (f"{tmp_path}/inception-tf/model.safetensors", "6726825d", "--weights-dir", "Or use pixels"):
        assert words in str(caught.value)
    torch.manual_seed(0)
    net = Inception().eval()
    for name, buffer in net.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_(0, 0.1)
    path = tmp_path / "inception-tf" / "model.safetensors"
    path.parent.mkdir()
    save_file({n: t for n, t in net.state_dict().items() if not n.endswith("num_batches_tracked")}, path)
    found: Extractor = open_extractor("inception-tf", means((1, 8, 8), weights_dir=tmp_path))
    images = torch.rand(2, 1, 8, 8)
    from reverie.measure.extractors.inception_tf import prepare

    with torch.inference_mode():
        features = found.features(images)
        torch.testing.assert_close(features, net(prepare(images)))
    assert features.shape == (2, 2048) == (2, found.dim) and bool((features >= 0).all())
    save_file({"fc.weight": torch.zeros(2)}, path)
    with pytest.raises(UsageError, match="its weights are of another net"):
        open_extractor("inception-tf", means((1, 8, 8), weights_dir=tmp_path))
    with pytest.raises(UsageError, match="is for images, and these are points"):
        open_extractor("inception-tf", Means(DataSpec(2, 1, 1, kind="points"), CPU, weights_dir=tmp_path))
