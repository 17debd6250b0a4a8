"""The GAN family: `recipe.py` says what can be asked, `objective.py` is the game, `penalties.py` what tames it."""

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from reverie.core.family import Batch, Family, Phase
from reverie.core.recipe import Recipe
from reverie.core.spec import DataSpec
from reverie.families.gan import presets
from reverie.families.gan.recipe import GanRecipe

if TYPE_CHECKING:
    from reverie.families.gan.model import Gan


class GanFamily(Family):
    """Generative adversarial networks: sharp images in one pass, no likelihood."""

    name: ClassVar[str] = "gan"
    summary: ClassVar[str] = "sharp samples in one pass; no likelihood, and a training that has to be watched"
    recipe: ClassVar[type[Recipe]] = GanRecipe
    can: ClassVar[tuple[str, ...]] = ("Samples", "Decodes", "Judges", "Inverts")

    def presets(self) -> dict[str, Callable[[], Recipe]]:
        """See `presets.py`."""
        return {name.replace("_", "-"): getattr(presets, name) for name in presets.__all__}

    def build(self, recipe: GanRecipe, spec: DataSpec) -> "Gan":
        """The untrained GAN of a recipe; weights depend on the seed alone."""
        from reverie.families.gan.build import build

        return build(recipe, spec)

    def phases(self, model: "Gan", recipe: GanRecipe, num_items: int) -> tuple[Phase, ...]:
        """`critic`, `generator` every `critic_steps`, and `inverter` now and then."""
        from reverie.families.gan.objective import Game

        game, gan = Game(model, recipe.gan), recipe.gan
        phases = [
            Phase("critic", list(model.critic_net.parameters()), game.critic),
            Phase("generator", list(model.generator.parameters()), game.generator, every=gan.critic_steps),
        ]
        if model.inverter is not None:
            params = list(model.inverter.parameters())
            phases.append(Phase("inverter", params, game.inverter, every=gan.inverter_every))
        return tuple(phases)

    def prepare(self, model: "Gan", batch: Batch, recipe: GanRecipe) -> None:
        """Takes the centre and the scale of points."""
        from reverie.families.gan.build import prepare

        prepare(model, batch)


FAMILY = GanFamily()
