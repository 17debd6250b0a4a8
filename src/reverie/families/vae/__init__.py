"""The VAE family: `recipe.py` says what can be asked, `objective.py` is the mathematics, `model.py` the model."""

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from reverie.core.family import Batch, Family, Moment, Phase, Terms
from reverie.core.recipe import Recipe
from reverie.core.spec import DataSpec
from reverie.families.vae import presets
from reverie.families.vae.recipe import VaeRecipe

if TYPE_CHECKING:
    from reverie.families.vae.model import Vae


class VaeFamily(Family):
    """Variational autoencoders: a smooth latent space, a likelihood, one pass to sample."""

    name: ClassVar[str] = "vae"
    summary: ClassVar[str] = (
        "a smooth latent space, an encoder and a likelihood; stable to train, samples a little soft"
    )
    recipe: ClassVar[type[Recipe]] = VaeRecipe
    can: ClassVar[tuple[str, ...]] = ("Samples", "Encodes", "Decodes", "Reconstructs", "Scores")

    def presets(self) -> dict[str, Callable[[], Recipe]]:
        """See `presets.py`."""
        return {name.replace("_", "-"): getattr(presets, name) for name in presets.__all__}

    def build(self, recipe: VaeRecipe, spec: DataSpec) -> "Vae":
        """The untrained VAE of a recipe; weights depend on the seed alone."""
        from reverie.families.vae.build import build

        return build(recipe, spec)

    def phases(self, model: "Vae", recipe: VaeRecipe, num_items: int) -> tuple[Phase, ...]:
        """One phase, `elbo`."""
        from reverie.families.vae.objective import terms
        from reverie.nets.compiling import compile_function

        compiled = compile_function(model.log_likelihood) if recipe.train.compile else None
        params = list(model.parameters())

        def elbo(batch: Batch, moment: Moment) -> Terms:
            return terms(model, batch, moment, recipe.vae, num_items, compiled)

        return (Phase("elbo", params, elbo),)

    def prepare(self, model: "Vae", batch: Batch, recipe: VaeRecipe) -> None:
        """Starts the output at the data's mean, and pseudo-inputs at training images."""
        from reverie.families.vae.build import prepare

        prepare(model, batch)


FAMILY = VaeFamily()
