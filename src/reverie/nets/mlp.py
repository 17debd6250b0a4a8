"""Fully connected nets for small images and for points."""

import torch
from torch import Tensor, nn


class GatedLinear(nn.Module):
    """A linear map whose output a learned sigmoid gate scales (Dauphin et al. 2017, section 2).

    Args:
        num_in: input width.
        num_out: output width.
    """

    def __init__(self, num_in: int, num_out: int) -> None:
        super().__init__()
        self.linear = nn.Linear(num_in, 2 * num_out)

    def forward(self, x: Tensor) -> Tensor:
        """(..., num_in) -> (..., num_out)."""
        value, gate = self.linear(x).chunk(2, dim=-1)
        return value * torch.sigmoid(gate)


def mlp(*, num_in: int, width: int, depth: int, activation: str = "silu") -> nn.Sequential:
    """`depth` hidden layers of `width`; activation "relu", "silu", "tanh" or "gated".

    Example:
        >>> mlp(num_in=4, width=8, depth=2)(torch.zeros(3, 4)).shape
        torch.Size([3, 8])
    """
    plain = {"relu": nn.ReLU, "silu": nn.SiLU, "tanh": nn.Tanh}
    layers: list[nn.Module] = []
    for index in range(depth):
        before = width if index else num_in
        layers += (
            [GatedLinear(before, width)] if activation == "gated" else [nn.Linear(before, width), plain[activation]()]
        )
    return nn.Sequential(*layers)


class MlpEncoder(nn.Module):
    """Images to features.

    Args:
        num_in: values in an image.
        width: hidden and output width.
        depth: hidden layers.
        activation: see `mlp`.
    """

    def __init__(self, *, num_in: int, width: int, depth: int, activation: str) -> None:
        super().__init__()
        self.num_out = width
        self.body = mlp(num_in=num_in, width=width, depth=depth, activation=activation)

    def forward(self, x: Tensor) -> Tensor:
        """(b, c, h, w) -> (b, num_out)."""
        return self.body(x.flatten(1))


class MlpDecoder(nn.Module):
    """Latents to the parameters of a pixel distribution.

    Args:
        num_in: latent width.
        shape: (channels, height, width) of the output.
        width: hidden width.
        depth: hidden layers.
        activation: see `mlp`.
    """

    def __init__(self, *, num_in: int, shape: tuple[int, int, int], width: int, depth: int, activation: str) -> None:
        super().__init__()
        self.shape = shape
        self.body = mlp(num_in=num_in, width=width, depth=depth, activation=activation)
        self.out = nn.Linear(width if depth else num_in, shape[0] * shape[1] * shape[2])

    def forward(self, z: Tensor) -> Tensor:
        """(n, num_in) -> (n, *shape)."""
        return self.out(self.body(z)).view(z.shape[0], *self.shape)
