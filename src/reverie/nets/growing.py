"""Resolutions that are added one by one (Karras et al. 2018, section 2 and figure 2).

A level counts resolutions from the coarsest, 1. Level l + a fades the (l + 1)-th in: the image is the coarser one,
doubled, by 1 - a, and the finer one by a.
"""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor


def whole_and_part(level: float | None, num_levels: int) -> tuple[int, float]:
    """l and a of a level l + a, held within [1, num_levels]; None is all of them.

    Example:
        >>> whole_and_part(2.25, 3), whole_and_part(None, 3), whole_and_part(9.5, 3)
        ((2, 0.25), (3, 0.0), (3, 0.0))
    """
    if level is None:
        return num_levels, 0.0
    level = min(max(level, 1.0), float(num_levels))
    return int(level), level - int(level)


def enlarged(x: Tensor, sizes: Sequence[tuple[int, int]]) -> Tensor:
    """Images through each of the sizes, ever doubling pixels and cropping: (n, c, h, w) -> (n, c, *sizes[-1]).

    Args:
        x: images.
        sizes: (height, width) of each step, at most twice the one before; none leaves the images alone.

    Example:
        >>> import torch
        >>> enlarged(torch.tensor([[[[1.0, 2.0]]]]), [(1, 3)]).tolist()
        [[[[1.0, 1.0, 2.0]]]]
    """
    for height, width in sizes:
        x = F.interpolate(x, scale_factor=2.0, mode="nearest")[:, :, :height, :width]
    return x


def halved(x: Tensor, times: int = 1) -> Tensor:
    """Means of 2 x 2 pixels, fewer at an odd edge: (n, c, h, w) -> (n, c, ceil(h / 2), ceil(w / 2)), `times` times.

    Example:
        >>> import torch
        >>> halved(torch.tensor([[[[1.0, 3.0, 5.0]]]])).tolist()
        [[[[2.0, 5.0]]]]
    """
    for _ in range(times):
        x = F.avg_pool2d(x, 2, ceil_mode=True, count_include_pad=False)
    return x
