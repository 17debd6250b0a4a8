"""An exponential moving average of weights, with its half-life in images (Karras et al. 2024, section 3)."""

import torch
from torch import nn


@torch.no_grad()
def update(average: nn.Module, model: nn.Module, *, batch: int, images: int, half_life: float) -> None:
    """Moves `average` towards `model` by one step of `batch` images.

    The half-life is at most a tenth of the images seen, so that the average leaves the random start behind.

    Args:
        images: training images seen, this step's included.
        half_life: images after which an old weight counts half; 0 copies.
    """
    life = min(half_life, images / 10)
    weight = 1.0 if life == 0 else 1 - 0.5 ** (batch / life)
    torch._foreach_lerp_(list(average.parameters()), list(model.parameters()), weight)
    for kept, new in zip(average.buffers(), model.buffers(), strict=True):
        kept.copy_(new)
