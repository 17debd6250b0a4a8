"""What metrics of pixels agree on."""

from torch import Tensor


def round_to_8_bits(images: Tensor) -> Tensor:
    """Images as they come back from a file: clipped to [-1, 1] and rounded to the nearest of 256 levels.

    Example:
        >>> import torch
        >>> round_to_8_bits(torch.tensor([-3.0, 0.999, 1.2]))
        tensor([-1.,  1.,  1.])
    """
    return ((images.clamp(-1, 1) + 1) * 127.5).round() / 127.5 - 1
