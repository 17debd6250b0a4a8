"""What a data set looks like to a model: shapes and labels, never pixels."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DataSpec:
    """Shape of one item, and the names of the classes.

    Points in the plane (`ring8`, `grid25`) are items of 2 channels and 1 x 1 pixel, so that one convention serves all.

    Args:
        channels: 1 (grey), 2 (points), 3 (RGB) or 4 (RGB and alpha).
        height: pixels.
        width: pixels.
        classes: label names in label order; empty when the data has no labels.
        binary: True when every value is exactly -1 or 1 (binarised data).
        kind: "images", or "points" for coordinates that are not pixels.
        mixture: name of the mixture that points are drawn from; empty for images.

    Example:
        >>> DataSpec(channels=3, height=64, width=48).shape
        (3, 64, 48)
    """

    channels: int
    height: int
    width: int
    classes: tuple[str, ...] = ()
    binary: bool = False
    kind: str = "images"
    mixture: str = ""

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width)."""
        return (self.channels, self.height, self.width)

    @property
    def num_values(self) -> int:
        """Numbers in one item: channels x height x width."""
        return self.channels * self.height * self.width

    @property
    def num_classes(self) -> int:
        """0 when there are no labels."""
        return len(self.classes)
