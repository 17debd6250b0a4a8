"""How weights start, and how a label joins a latent: what the nets of both players share before the first step."""

import math
from typing import TypeVar

import torch
from torch import Tensor, nn

RELU_GAIN = math.sqrt(2)
LEAK = 0.2
LEAKY_GAIN = math.sqrt(2 / (1 + LEAK**2))  # keeps the second moment through a leaky ReLU (He et al. 2015, eq. 15)

Layer = TypeVar("Layer", nn.Linear, nn.Conv2d)


def started(layer: Layer, gain: float = 1.0) -> Layer:
    """The layer with weights from N(0, gain^2 / fan_in) and a bias of zero (He et al. 2015, section 2.2).

    Args:
        layer: a linear layer or a convolution; changed in place.
        gain: of the output's scale over the input's; 0 starts the layer at zero.

    Example:
        >>> started(nn.Linear(3, 2), 0.0)(torch.ones(1, 3)).tolist()
        [[0.0, 0.0]]
    """
    nn.init.normal_(layer.weight, std=gain / math.sqrt(layer.weight[0].numel()))
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def full_precision(x: Tensor) -> Tensor:
    """Half-precision values in fp32; any others as they are."""
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x


def with_label(z: Tensor, one_hot: Tensor | None, num_classes: int) -> Tensor:
    """Latents with their label appended, scaled to the latent's unit second moment: (n, d) -> (n, d + num_classes).

    A conditional net that gets no label sees zeros; an unconditional one ignores the label.

    Example:
        >>> with_label(torch.zeros(1, 2), torch.tensor([[0.0, 1.0, 0.0, 0.0]]), 4).tolist()
        [[0.0, 0.0, 0.0, 2.0, 0.0, 0.0]]
    """
    if not num_classes:
        return z
    label = z.new_zeros(z.shape[0], num_classes) if one_hot is None else one_hot.to(z.dtype)
    return torch.cat([z, math.sqrt(num_classes) * label], dim=1)
