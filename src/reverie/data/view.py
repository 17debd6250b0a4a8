"""How images become rows of one shape: the part of the data recipe that decides pixels."""

from dataclasses import asdict, dataclass
from typing import Any

from PIL import ImageColor

from reverie.core.errors import UsageError
from reverie.core.recipe import DataRecipe

LARGEST_NATIVE_PX = 256
USUAL_PX = 64
CHANNELS = {"grey": 1, "rgb": 3, "rgba": 4}


@dataclass(frozen=True)
class View:
    """Size, channels, background and fit, resolved from a recipe.

    Args:
        size: (height, width) in pixels; None takes the native size where all images agree.
        channels: "auto", "grey", "rgb" or "rgba".
        background: the colour under transparent pixels, 8-bit RGB.
        fit: "crop", "pad" or "stretch".
    """

    size: tuple[int, int] | None = None
    channels: str = "auto"
    background: tuple[int, int, int] = (255, 255, 255)
    fit: str = "crop"

    @staticmethod
    def of(recipe: DataRecipe) -> "View":
        """The view that a recipe asks for.

        Raises:
            UsageError: the background is not a colour.

        Example:
            >>> View.of(DataRecipe(size=32, background="#102030"))
            View(size=(32, 32), channels='auto', background=(16, 32, 48), fit='crop')
        """
        try:
            background = ImageColor.getrgb(recipe.background)[:3]
        except ValueError:
            raise UsageError(
                f"recipe.data.background: must be a colour, got {recipe.background!r}. "
                "Use a name such as white, or #rrggbb."
            ) from None
        size = (recipe.size, recipe.size) if isinstance(recipe.size, int) else recipe.size
        return View(size, recipe.channels, background, recipe.fit)

    def shape(self, native: tuple[int, int] | None, *, grey: bool, transparent: bool = False) -> tuple[int, int, int]:
        """The (channels, height, width) of every row.

        Args:
            native: the (height, width) that all images have, or None where they differ.
            grey: True when every image is grey.
            transparent: True when some image shows the background.
        """
        usual = native if native is not None and max(native) <= LARGEST_NATIVE_PX else (USUAL_PX, USUAL_PX)
        tinted = transparent and len(set(self.background)) > 1
        auto = 1 if grey and not tinted else 3
        height, width = self.size or usual
        return CHANNELS.get(self.channels, auto), height, width

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for the cache's key and manifest."""
        return asdict(self)
