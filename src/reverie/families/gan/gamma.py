"""The weight of R1 and R2 without a person to guess it: a start from the resolution, the first steps, and a fall.

See docs/decisions/0008 for why, and for what it was tried on.
"""

import math

import torch
from torch import Tensor

from reverie.core.family import Moment
from reverie.core.spec import DataSpec
from reverie.families.gan.recipe import GanSection

STEPS = 500  # in which gamma follows the game; afterwards only the schedule moves it
RATE = 0.01  # largest change of log gamma a step
REACH = 10.0  # times its start, at most
MARGIN = 0.5  # by which the critic may tell an untrained generator's images from real ones
RATIO = 2.0  # |grad D(fake)|^2 / |grad D(real)|^2 above which R3GAN's authors see divergence begin
FALL_OF_POINTS, FALL_OF_IMAGES = 0.03, 0.1  # the share at which gamma ends: finer structure needs a sharper critic
FALLEN_AT = 0.7  # share of the budget by which it has fallen


def start(spec: DataSpec) -> float:
    """log gamma before the first step: 1 for points and for 32 x 32 pixels, and as the number of pixels."""
    return 0.0 if spec.kind == "points" else math.log(spec.height * spec.width / 32**2)


def weight(log_gamma: Tensor, gan: GanSection, fraction: float, *, points: bool) -> Tensor | float:
    """Gamma at this share of the budget."""
    if not isinstance(gan.gamma, str):
        return gan.gamma
    fall = FALL_OF_POINTS if points else FALL_OF_IMAGES
    return log_gamma.exp() * fall ** min(1.0, fraction / FALLEN_AT)


@torch.no_grad()
def follow(log_gamma: Tensor, start: Tensor, gan: GanSection, moment: Moment, *, margin: Tensor, ratio: Tensor) -> None:
    """Raises gamma in the first steps, while the critic is too sure or its slope on made images runs away.

    A linear critic of two sets at distance S has margin a where sigmoid(-a) S^2 = 2 gamma a, so the margin says how
    large gamma is beside the data's own scale, whatever its resolution or unit.

    Args:
        log_gamma: a buffer, changed in place.
        start: what it started from.
        margin: mean D(x) - D(G(z)) of this step.
        ratio: mean squared input gradient on made images over that on real ones.
    """
    if gan.gamma == "auto" and moment.images // moment.rng.total < STEPS:
        surplus = (margin - MARGIN).clamp(0, 1) + (ratio / RATIO).clamp(min=1e-6).log().clamp(0, 1)
        moved = log_gamma + RATE * surplus.nan_to_num(0.0).clamp(0, 1)
        log_gamma.copy_(moved.clamp(max=start + math.log(REACH)))
