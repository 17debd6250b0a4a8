"""How smoothly images change along a path between two latents."""

from dataclasses import dataclass

from torch import Tensor

from reverie.core.errors import ReverieError
from reverie.measure.statistics import mean_value
from reverie.measure.value import Value

_LEAST_STEPS = 2


@dataclass(frozen=True)
class Smoothness:
    """What is said of paths, each number the mean over paths.

    Args:
        even: the mean step over the largest one: 1 when every step changes the image by as much, 1/steps when it all
            changes in one jump.
        straight: the distance between the ends over the length of the way: 1 when no step is a detour.
        rows: both numbers of every path, (n, 2) float64.
    """

    even: Value
    straight: Value
    rows: Tensor


def smoothness(features: Tensor) -> Smoothness:
    """Smoothness of paths through feature space.

    A step is the Euclidean distance between the features of two images next to each other. Latents are evenly spaced,
    so uneven steps are the decoder's. A path along which nothing changes at all is no morph and counts as 0.

    Args:
        features: of the images along each path, in order, (paths, images, dim).

    Raises:
        ReverieError: there are fewer than two paths or three images to one.

    Example:
        >>> import torch
        >>> even = torch.tensor([[[0.0], [1.0], [2.0]]] * 2); jump = torch.tensor([[[0.0], [0.0], [2.0]]] * 2)
        >>> smoothness(even).even.value, smoothness(jump).even.value, smoothness(jump).straight.value
        (1.0, 0.5, 1.0)
    """
    if len(features) < 2 or features.shape[1] <= _LEAST_STEPS:
        raise ReverieError(
            f"smoothness: needs two paths of three images at least, got {len(features)} of {features.shape[1]}. "
            "Ask for more."
        )
    points = features.double()
    steps = (points[:, 1:] - points[:, :-1]).norm(dim=2)
    way, largest = steps.sum(1), steps.max(1).values
    direct = (points[:, -1] - points[:, 0]).norm(dim=1)
    even = (steps.mean(1) / largest.clamp_min(1e-300)).where(largest > 0, 0.0)
    straight = (direct / way.clamp_min(1e-300)).where(way > 0, 0.0)
    return Smoothness(
        even=mean_value(even.numpy(), ""),
        straight=mean_value(straight.numpy(), ""),
        rows=even.new_tensor([even.tolist(), straight.tolist()]).T,
    )
