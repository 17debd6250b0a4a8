"""How much of an image is fine detail: energy above half the Nyquist frequency, and in the octaves below."""

import math
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from reverie.core.errors import ReverieError
from reverie.core.spec import DataSpec
from reverie.measure.metric import not_pixels
from reverie.measure.statistics import Floats
from reverie.measure.value import Value

_LEAST_PX = 4
# Cycles a pixel: the ends of octaves. Half the Nyquist frequency is the first.
_OCTAVES = (0.25, 0.125, 0.0625, 0.03125)


def unfit(spec: DataSpec) -> str | None:
    """Why items of this shape have no spectrum to speak of."""
    small = f"images of {spec.height} x {spec.width} pixels have no fine detail"
    return not_pixels(spec) or (small if min(spec.height, spec.width) < _LEAST_PX else None)


def energies(images: Tensor) -> Tensor:
    """Energy above half the Nyquist frequency (0.25 cycles a pixel, in any direction), at all frequencies but 0, and in
    each of three octaves below the first, the finest first.

    Channels are added up. A Hann window keeps the jump between opposite borders out of the spectrum, where it would
    pass for detail that no blur removes (Harris 1978).

    Args:
        images: (n, c, h, w).
    Returns:
        (n, 5) in the images' dtype and on their device.
    """
    height, width = images.shape[-2:]
    window = _hann(height, images)[:, None] * _hann(width, images)
    # The mean under the window, so that none of it leaks into the lowest frequencies.
    mean = (images * window).sum((-2, -1), keepdim=True) / window.sum()
    power = torch.fft.fft2((images - mean) * window).abs().square().sum(1)
    down = torch.fft.fftfreq(height, device=images.device)[:, None]
    across = torch.fft.fftfreq(width, device=images.device)
    radius = (down.square() + across.square()).sqrt()
    fine, whole = radius > _OCTAVES[0], radius > 0
    octaves = [(radius > low) & (radius <= high) for high, low in pairwise(_OCTAVES)]
    return torch.stack([power[:, part].sum(1) for part in (fine, whole, *octaves)], dim=1)


def detail_ratio(name: str, made: Floats, real: Floats, *, paired: bool) -> Value:
    """Share of energy that is fine detail, in made images over that in real ones; 1 is as sharp as the data.

    The value of each part is the same of an octave, from coarse to fine; the last is the number itself. A blur takes
    from the fine end first, a generator that misplaces large shapes errs at the other.

    Shares are of all images together, so that flat ones neither count nor hurt. The error is the delta method's.

    Args:
        name: the metric, for messages.
        made: `energies` of the model's images, (n, 5).
        real: `energies` of real images, (n, 5).
        paired: row i of both shows the same thing (a reconstruction), so that their errors go together.

    Raises:
        ReverieError: one of the sets is flat, or the real images have no fine detail to compare with.
    """
    for energy, whose in ((made, "the model's images"), (real, "the real images")):
        if energy[:, 1].mean() < 1e-12:
            raise ReverieError(f"{name}: {whose} are all constant, so they have no detail. Look at samples and data.")
    if real[:, 0].sum() < 1e-6 * real[:, 1].sum():
        raise ReverieError(f"{name}: the real images have no fine detail at all. Prepare them at a smaller size.")
    ratio = made[:, 0].sum() / made[:, 1].sum() / (real[:, 0].sum() / real[:, 1].sum())
    # The influence of each image on the ratio, through its set's share.
    real_share, made_share = (e[:, 0].sum() / e[:, 1].sum() for e in (real, made))
    of_made = (made[:, 0] - made_share * made[:, 1]) / made[:, 1].mean() / real_share
    of_real = (real[:, 0] - real_share * real[:, 1]) / real[:, 1].mean() * made_share / real_share**2
    spread = np.var(of_made - of_real, ddof=1) if paired else np.var(of_made, ddof=1) + np.var(of_real, ddof=1)
    parts = [e[:, [4, 3, 2, 0]].sum(0) / e[:, 1].sum() for e in (made, real)]
    per = tuple(float(m / r) for m, r in zip(*parts, strict=True) if r > 1e-6)  # small images lack coarse octaves
    return Value(float(ratio), math.sqrt(float(spread) / len(made)), len(made), "", per)


def _hann(length: int, like: Tensor) -> Tensor:
    """Without the zeros at both ends: they would throw the border pixels away."""
    return torch.hann_window(length + 2, periodic=False, dtype=like.dtype, device=like.device)[1:-1]
