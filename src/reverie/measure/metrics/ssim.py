"""Structural similarity of reconstructions."""

from typing import ClassVar, Literal, final

import torch
from torch import Tensor
from torch.nn import functional

from reverie.core.capability import Reconstructs
from reverie.core.spec import DataSpec
from reverie.measure.metric import Metric, Setting, not_pixels
from reverie.measure.pixels import round_to_8_bits
from reverie.measure.statistics import Moments
from reverie.measure.value import Value

_WINDOW_PX, _SIGMA_PX, _K1, _K2 = 11, 1.5, 0.01, 0.03


def structural_similarity(images: Tensor, others: Tensor) -> Tensor:
    """SSIM of each pair, (n,): Wang et al. 2004, eq. 13, with an 11 x 11 Gaussian window of sigma 1.5 and no padding.

    Values are taken to [0, 1] first, range 1 (the index is not blind to shifts). Channels are compared one by one and
    averaged. Images smaller than 11 pixels get the largest odd window that fits, of the same sigma.

    Args:
        images: (n, c, h, w) in [-1, 1].
        others: the same shape.
    """
    count, channels, height, width = images.shape
    x, y = ((t.reshape(count * channels, 1, height, width) + 1) / 2 for t in (images, others.to(images.dtype)))
    fitting = min(_WINDOW_PX, height, width)
    reach = (fitting - 1) // 2
    offsets = torch.arange(-reach, reach + 1, dtype=x.dtype, device=x.device)
    weights = (-offsets.square() / (2 * _SIGMA_PX**2)).exp()
    weights = weights / weights.sum()

    def blur(t: Tensor) -> Tensor:
        return functional.conv2d(functional.conv2d(t, weights.view(1, 1, -1, 1)), weights.view(1, 1, 1, -1))

    mean_x, mean_y = blur(x), blur(y)
    var_x, var_y = blur(x * x) - mean_x**2, blur(y * y) - mean_y**2
    covariance = blur(x * y) - mean_x * mean_y
    c1, c2 = _K1**2, _K2**2
    likeness = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    likeness = likeness / ((mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2))
    return likeness.view(count, -1).mean(1)


@final
class Ssim(Metric):
    """Mean over the images, after the reconstructions are rounded to 8 bits; 1 is equal."""

    name: ClassVar[str] = "ssim"
    unit: ClassVar[str] = ""
    needs: ClassVar[tuple[type, ...]] = (Reconstructs,)
    better: ClassVar[Literal["lower", "higher", "none"]] = "higher"
    summary: ClassVar[str] = "How alike reconstructions look in brightness, contrast and structure; at most 1."

    def unfit(self, spec: DataSpec) -> str | None:
        """Points are not pixels."""
        return not_pixels(spec)

    def measure(self, model: Reconstructs, setting: Setting) -> dict[str, Value]:
        """`ssim`."""
        found = Moments()
        for _, batch in setting.batches():
            made = setting.check(model.reconstruct(batch.images, labels=batch.labels), "the reconstructions")
            found.add(structural_similarity(batch.images, round_to_8_bits(made)))
        return {"ssim": found.value(self.unit)}


METRIC = Ssim()
