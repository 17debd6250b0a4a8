"""The self-supervised family: `recipe.py` says what can be asked, `objective.py` is the mathematics of each method."""

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from reverie.core.errors import UsageError
from reverie.core.family import Family, Phase
from reverie.core.recipe import Recipe
from reverie.core.spec import DataSpec
from reverie.families.ssl import presets
from reverie.families.ssl.recipe import SslRecipe

if TYPE_CHECKING:
    from reverie.families.ssl.model import Ssl


class SslFamily(Family):
    """Self-supervised encoders: codes of images, learnt without labels, for classifiers, searches and comparisons."""

    name: ClassVar[str] = "ssl"
    summary: ClassVar[str] = "an encoder learnt without labels, for classifying and searching; makes no images"
    recipe: ClassVar[type[Recipe]] = SslRecipe
    can: ClassVar[tuple[str, ...]] = ("Encodes",)

    def presets(self) -> dict[str, Callable[[], Recipe]]:
        """See `presets.py`."""
        return {name.replace("_", "-"): getattr(presets, name) for name in presets.__all__}

    def build(self, recipe: SslRecipe, spec: DataSpec) -> "Ssl":
        """The untrained encoder of a recipe; weights depend on the seed alone."""
        from reverie.families.ssl.build import build

        return build(recipe, spec)

    def phases(self, model: "Ssl", recipe: SslRecipe, num_items: int) -> tuple[Phase, ...]:
        """One phase, `views`.

        Raises:
            UsageError: the encoder comes trained.
        """
        if recipe.ssl.net == "dinov2":
            raise UsageError(
                'recipe.ssl.net: "dinov2" comes trained and stays as it is. Use `reverie adopt`, or net = "resnet".'
            )
        from reverie.families.ssl.build import strength
        from reverie.families.ssl.objective import project, terms
        from reverie.nets.compiling import compile_function

        run = compile_function(project) if recipe.train.compile else project
        params = [param for param in model.parameters() if param.requires_grad]
        how = strength(recipe)
        return (Phase("views", params, lambda batch, moment: terms(model, batch, moment, recipe.ssl, how, run)),)


FAMILY = SslFamily()
