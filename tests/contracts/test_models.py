"""Every net of every family through one suite: shapes, ranges, seeds, and what a model promises about batches."""

import itertools

import pytest
import torch
from torch import nn

from reverie.core.capability import Decodes, Encodes, Reconstructs, Samples, Scores
from reverie.core.errors import UsageError
from reverie.core.family import Batch, Moment, family_names, get_family
from reverie.core.recipe import Recipe
from reverie.core.rng import Rng
from reverie.core.spec import DataSpec

NETS = ("mlp", "conv", "resnet", "ladder")
SHAPES = [(1, 8, 8), (3, 9, 13), (4, 28, 20), (2, 16, 16), (3, 64, 48)]
SMALL = {"width": 4, "hidden": 16, "latent": 3, "layers": 3}


def build(net: str, shape: tuple[int, int, int], **section: object) -> tuple[nn.Module, Recipe]:
    recipe = Recipe.from_dict({"family": "vae", "vae": SMALL | {"net": net} | section})
    spec = DataSpec(*shape, classes=("a", "b", "c"))
    return get_family("vae").build(recipe, spec), recipe


@pytest.mark.parametrize(("net", "shape"), list(itertools.product(NETS, SHAPES)))
def test_any_size_in_and_out(net: str, shape: tuple[int, int, int]) -> None:
    model, _ = build(net, shape)
    model.eval()
    assert isinstance(model, Samples) and isinstance(model, Encodes) and isinstance(model, Decodes)
    assert isinstance(model, Reconstructs) and isinstance(model, Scores)
    images = torch.rand(3, *shape) * 2 - 1
    z = model.encode(images)
    assert z.shape == (3, model.latent_dim) == model.latents([1, 2, 3]).shape
    for out in (model.decode(z), model.reconstruct(images), model.sample([4, 5, 6])):
        assert out.shape == (3, *shape) and out.dtype == torch.float32
        assert out.min() >= -1 and out.max() <= 1
    assert model.kl_per_dimension(images).shape == (3, model.latent_dim)
    assert torch.allclose(model.decode(z), model.reconstruct(images), atol=1e-5)


@pytest.mark.parametrize("net", [n for n in NETS if n != "mlp"])
@pytest.mark.parametrize("side", [8, 255, 256])
def test_the_smallest_and_largest_sizes(net: str, side: int) -> None:
    model, _ = build(net, (1, side, 8))
    assert model.sample([0]).shape == (1, 1, side, 8)  # pyright: ignore


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("extra", [{}, {"conditional": True}, {"likelihood": "logistic"}, {"likelihood": "laplace"}])
def test_training_reaches_every_parameter(net: str, extra: dict[str, object]) -> None:
    model, recipe = build(net, (3, 12, 10), **extra)
    batch = Batch(torch.randint(0, 256, (4, 3, 12, 10)) / 127.5 - 1, torch.tensor([0, 1, 2, 0]))
    get_family("vae").prepare(model, batch, recipe)
    phase = get_family("vae").phases(model, recipe, 100)[0]
    said = phase.terms(batch, Moment(0, 0.5, Rng(0, 0, count=4)))
    torch.stack(list(said.loss.values())).sum().backward()
    dead = [name for name, p in model.named_parameters() if p.grad is None]
    assert not dead


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("conditional", [False, True])
def test_an_image_depends_on_its_own_seed_alone(net: str, conditional: bool) -> None:
    model, _ = build(net, (1, 12, 12), conditional=conditional)
    model.eval()
    together, alone = model.sample([3, 8, 9]), model.sample([8])  # pyright: ignore
    torch.testing.assert_close(together[1], alone[0], rtol=1e-4, atol=1e-5)
    assert not torch.allclose(together[0], together[1], atol=1e-4)


def test_a_vamp_prior_samples_from_its_components() -> None:
    model, _ = build("mlp", (1, 8, 8), prior="vamp", pseudo_inputs=5)
    model.eval()
    means, _ = model.prior.components(model.net)  # pyright: ignore
    z = model._draw_prior(range(50), truncation=0.0)  # pyright: ignore
    assert torch.cdist(z, means).min(1).values.max() < 1e-4
    dense = torch.cat([torch.full((200, 1, 3), 0.0) + torch.randn(200, 1, 3)])
    from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

    means, log_variances = model.prior.components(model.net)  # pyright: ignore
    mixture = MixtureSameFamily(
        Categorical(torch.ones(5)), Independent(Normal(means, torch.exp(0.5 * log_variances)), 1)
    )
    torch.testing.assert_close(model.log_prior(dense)[:, 0], mixture.log_prob(dense[:, 0]), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("net", NETS)
def test_nets_export(net: str) -> None:
    """Nothing that an exporter cannot write: no transposed convolution, and the decoder traces to the same numbers."""
    model, _ = build(net, (1, 14, 12))
    model.eval()
    assert not any(isinstance(m, nn.ConvTranspose1d | nn.ConvTranspose2d) for m in model.modules())
    z = torch.randn(2, model.latent_dim)  # pyright: ignore
    with torch.inference_mode(False), torch.no_grad():
        program = torch.export.export(_Generator(model), (z,))
        torch.testing.assert_close(program.module()(z), _Generator(model)(z), rtol=1e-4, atol=1e-5)


class _Generator(nn.Module):
    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return self.model.net.generate(z, None)  # pyright: ignore


@pytest.mark.parametrize(
    ("section", "spec", "words"),
    [
        ({"net": "resnet"}, DataSpec(2, 1, 1, kind="points"), "8 to 256 pixels"),
        ({"net": "conv"}, DataSpec(1, 300, 8), "8 to 256 pixels"),
        ({"net": "mlp", "likelihood": "bernoulli"}, DataSpec(2, 1, 1, kind="points"), "not for points"),
        ({"net": "mlp", "likelihood": "logistic"}, DataSpec(1, 8, 8, binary=True), "8-bit images"),
        ({"net": "mlp", "conditional": True}, DataSpec(1, 8, 8), "needs labels"),
        ({"net": "mlp", "conditional": True, "prior": "vamp"}, DataSpec(1, 8, 8, ("a", "b")), "vamp"),
    ],
)
def test_what_a_recipe_cannot_serve_is_a_sentence(section: dict[str, object], spec: DataSpec, words: str) -> None:
    recipe = Recipe.from_dict({"family": "vae", "vae": section})
    with pytest.raises(UsageError, match=words):
        get_family("vae").build(recipe, spec)


@pytest.mark.parametrize("family", family_names())
def test_weights_depend_on_the_seed_alone(family: str) -> None:
    recipe = get_family(family).presets()["default"]()
    spec = DataSpec(3, 16, 16)
    torch.manual_seed(1)
    first = get_family(family).build(recipe, spec).state_dict()
    torch.manual_seed(2)
    before = torch.get_rng_state()
    second = get_family(family).build(recipe, spec).state_dict()
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(first[k], second[k]) for k in first)
    other = get_family(family).build(recipe.change({"seed": 5}), spec).state_dict()
    assert any(not torch.equal(first[k], other[k]) for k in first)
