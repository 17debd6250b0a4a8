"""What a trained GAN says of its latents."""

import pytest
import torch

from reverie.core.errors import UsageError
from reverie.core.family import get_family
from reverie.core.recipe import Recipe
from reverie.core.spec import DataSpec
from reverie.families.gan.model import Gan

SEEDS = range(12)


def test_the_latents_of_a_conditional_style_generator_are_of_the_class_that_their_samples_are_of() -> None:
    recipe = Recipe.from_dict({"family": "gan", "gan": {"net": "style", "width": 4, "latent": 3, "conditional": True}})
    model = get_family("gan").build(recipe, DataSpec(1, 8, 8, classes=("a", "b", "c"))).eval()
    with torch.no_grad():
        for name, strength in model.named_parameters():
            if name.endswith("strength"):
                strength.zero_()  # a sample's noise is its own
    made = model.decode(model.latents(SEEDS))  # pyright: ignore
    torch.testing.assert_close(made, model.sample(SEEDS), rtol=1e-4, atol=1e-5)  # pyright: ignore
    first = model.sample(SEEDS, labels=torch.zeros(len(SEEDS), dtype=torch.long))  # pyright: ignore
    assert not torch.allclose(made, first, atol=1e-3)


def in_pieces(**section: object) -> Gan:
    gan = {"net": "mlp", "width": 32, "latent": 6, "signs": 3, "inverter_every": 0} | section
    model = get_family("gan").build(Recipe.from_dict({"family": "gan", "gan": gan}), DataSpec(1, 8, 8)).eval()
    assert isinstance(model, Gan)
    return model


def test_of_its_first_values_the_generator_sees_only_the_sign() -> None:
    model, z = in_pieces(), torch.randn(20, 6, generator=torch.Generator().manual_seed(0))
    other = z.clone()
    other[:, :3] *= torch.rand(20, 3) + 0.1
    assert torch.equal(model.decode(z), model.decode(other))
    for i in range(6):
        other = z.clone()
        other[:, i] = -other[:, i]
        assert (model.decode(z) - model.decode(other)).abs().flatten(1).amax(1).min() > 1e-4


def test_samples_are_the_images_of_their_latents_and_truncation_stays_in_the_piece() -> None:
    model = in_pieces()
    z = model.latents(SEEDS)
    torch.testing.assert_close(model.sample(SEEDS), model.decode(z))
    middle = torch.cat([z[:, :3], torch.zeros(len(SEEDS), 3)], dim=1)
    torch.testing.assert_close(model.sample(SEEDS, truncation=1e-6), model.decode(middle), rtol=1e-3, atol=1e-4)


def test_an_image_of_another_piece_is_found() -> None:
    model = in_pieces()
    z = torch.cat([-torch.ones(8, 3), torch.zeros(8, 3)], dim=1)  # the search starts at zero, where every sign is plus
    images = model.decode(z)
    found = model.invert(images)
    assert (found[:, :3] < 0).all()
    assert (model.decode(found) - images).square().mean() < 0.01 * images.square().mean()


@pytest.mark.parametrize("section", [{"signs": 7}, {"net": "style", "signs": 2}, {"signs": -1}])
def test_signs_that_cannot_be_are_refused(section: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="signs"):
        in_pieces(**section)


@pytest.mark.parametrize("net", ["dcgan", "resnet", "style", "auto"])
def test_a_skip_is_refused_where_no_net_has_it(net: str) -> None:
    recipe = Recipe.from_dict({"family": "gan", "gan": {"net": net, "width": 8, "skip": True}})
    with pytest.raises(UsageError, match="skip"):
        get_family("gan").build(recipe, DataSpec(1, 16, 16))
