"""Small features for comparing sets of images during a training: area-pooled pixels, then principal components.

Cheap and without trained weights: they know shape, pose and colour, not meaning. Final numbers want a real extractor.
"""

from dataclasses import dataclass
from typing import Self, final

import torch
from torch import Tensor
from torch.nn import functional

from reverie.core.spec import DataSpec

MAX_SIDE_PX, MAX_DIMENSIONS = 16, 64
# Fewer images a dimension support no component, nor a covariance of as many other images.
_IMAGES_PER_DIMENSION = 4


@final
@dataclass(frozen=True)
class Projection:
    """Images to features without a unit, once fitted.

    The features have the directions of largest variance (Pearson 1901) of the images that it was fitted to, in their
    own proportions, and a total variance of 1 over those images. Points in the plane keep their two coordinates.

    Args:
        side: height and width after pooling, pixels.
        mean: of the pooled values, (v,) float32.
        basis: columns are directions, divided by the root of the total variance, (v, d) float32.
    """

    side: tuple[int, int]
    mean: Tensor
    basis: Tensor

    @classmethod
    def fit(cls, pooled: Tensor, spec: DataSpec) -> Self:
        """From pooled images of the training split.

        Args:
            pooled: what `pool` gave, (n, v); constant images give a single feature that is always 0.
            spec: what an item is.

        Example:
            >>> points = DataSpec(channels=2, height=1, width=1, kind="points")
            >>> made = Projection.fit(torch.tensor([[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0], [0.0, -1.0]]), points)
            >>> made(torch.tensor([[[[3.0]], [[0.0]]]])).mul(1000).round().tolist()
            [[1342.0, 0.0]]
        """
        values = pooled.double()
        mean = values.mean(0)
        centred = values - mean
        if spec.kind == "points":
            basis = torch.eye(values.shape[1], dtype=torch.float64)
        else:
            variances, directions = torch.linalg.eigh(centred.T @ centred)
            most = min(MAX_DIMENSIONS, max(1, len(values) // _IMAGES_PER_DIMENSION))
            useful = int((variances > 1e-9 * variances[-1].clamp_min(1e-30)).sum())
            basis = directions.flip(1)[:, : max(1, min(most, useful))]
            # Of the two directions of an axis, the one whose largest entry is positive: solvers differ.
            basis = basis * basis.gather(0, basis.abs().argmax(0, keepdim=True)).sign()
        total = (centred @ basis).square().mean(0).sum()
        return cls(pooled_side(spec), mean.float(), (basis / total.sqrt() if total > 0 else basis).float())

    @property
    def dimensions(self) -> int:
        """How many features there are."""
        return self.basis.shape[1]

    def __call__(self, images: Tensor) -> Tensor:
        """Features (n, d) float32, on the CPU, of images (n, c, h, w)."""
        return self.project(pool(images, self.side))

    def project(self, pooled: Tensor) -> Tensor:
        """Features (n, d) float32 of pooled images (n, v)."""
        return (pooled - self.mean) @ self.basis


def pooled_side(spec: DataSpec) -> tuple[int, int]:
    """Height and width after pooling: the longer side at most 16 px, the shorter in proportion.

    Example:
        >>> pooled_side(DataSpec(channels=3, height=64, width=48))
        (16, 12)
    """
    shrink = min(1.0, MAX_SIDE_PX / max(spec.height, spec.width))
    return max(1, round(spec.height * shrink)), max(1, round(spec.width * shrink))


def pool(images: Tensor, side: tuple[int, int]) -> Tensor:
    """Means over areas, flattened: (n, c, h, w) to (n, c x side) float32 on the CPU."""
    small = images.float() if images.shape[-2:] == side else functional.adaptive_avg_pool2d(images.float(), side)
    return small.flatten(1).cpu()
