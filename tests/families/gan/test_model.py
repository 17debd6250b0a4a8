"""What a trained GAN says of its latents."""

import torch

from reverie.core.family import get_family
from reverie.core.recipe import Recipe
from reverie.core.spec import DataSpec

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
