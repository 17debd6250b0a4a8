"""An exponential moving average of weights, with its half-life in images (Karras et al. 2024, section 3)."""

import torch
from torch import Tensor, nn


class Ema:
    """Moves one module's weights after its twin's. Their tensors are listed once: walking the modules takes longer.

    Args:
        average: moves; its buffers are copies.
        model: is being trained.
    """

    def __init__(self, average: nn.Module, model: nn.Module) -> None:
        self.weights: tuple[list[Tensor], list[Tensor]] = (list(average.parameters()), list(model.parameters()))
        self.buffers = list(zip(average.buffers(), model.buffers(), strict=True))

    @torch.no_grad()
    def update(self, *, batch: int, images: int, half_life: float) -> None:
        """One step of `batch` images.

        The half-life is at most a tenth of the images seen, so that the average leaves the random start behind.

        Args:
            images: training images seen, this step's included.
            half_life: images after which an old weight counts half; 0 copies.
        """
        life = min(half_life, images / 10)
        weight = 1.0 if life == 0 else 1 - 0.5 ** (batch / life)
        torch._foreach_lerp_(*self.weights, weight)
        for kept, new in self.buffers:
            kept.copy_(new)
