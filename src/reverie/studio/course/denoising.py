"""What one pass of a decoder costs beside the many passes of a denoiser of the same size, measured on this machine.

Nothing is trained: the time of a pass does not hang on the weights' values.
"""

import time
from typing import Any, final

import torch
from torch import Tensor, nn

from reverie.nets.conv import ConvDecoder, ConvEncoder
from reverie.studio.course.facts import short

STEPS = 50
_WARM_UP, _REPEATS = 5, 40


@final
class Denoiser(nn.Module):
    """A small net of the shape that denoises images: down by strided convolutions, a skip, up again.

    Args:
        shape: (channels, height, width).
        width: channels at half resolution.
    """

    def __init__(self, shape: tuple[int, int, int], width: int) -> None:
        super().__init__()
        self.down = ConvEncoder(shape=shape, base=width, depth=0, num_out=128)
        self.up = ConvDecoder(num_in=128, shape=shape, base=width, depth=0, hidden=128)
        self.skip = nn.Conv2d(shape[0], shape[0], 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(b, *shape) -> (b, *shape)."""
        return self.skip(x) + self.up(self.down(x))


@torch.inference_mode()
def denoising(model: Any, shape: tuple[int, int, int]) -> dict[str, Any]:
    """Milliseconds of one image on one thread: the decoder once, a denoiser of as many weights `STEPS` times.

    Args:
        model: a VAE.
        shape: of its images.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        decoder = model.net.decoder
        num = count(decoder)
        denoiser = min((Denoiser(shape, width) for width in range(4, 64, 2)), key=lambda net: abs(count(net) - num))
        z, x = torch.randn(1, model.latent_dim), torch.randn(1, *shape)
        one = _milliseconds(decoder.eval(), z)
        step = _milliseconds(denoiser.eval(), x)
    finally:
        torch.set_num_threads(before)
    pixels = shape[0] * shape[1] * shape[2]
    return {
        "decoder_ms": short(one),
        "step_ms": short(step),
        "steps": STEPS,
        "denoising_ms": short(STEPS * step),
        "times": round(STEPS * step / one),
        "decoder_parameters": num,
        "denoiser_parameters": count(denoiser),
        "pixels": pixels,
        "latent": model.latent_dim,
        "ratio": short(pixels / model.latent_dim),
        "measured": f"medians of {_REPEATS} forward passes, one image, one CPU thread, fp32; the denoiser is "
        f"untrained, and its {STEPS} steps are one pass times {STEPS}",
    }


def count(net: nn.Module) -> int:
    """Weights."""
    return sum(p.numel() for p in net.parameters())


def _milliseconds(net: nn.Module, x: Tensor) -> float:
    taken: list[float] = []
    for _ in range(_WARM_UP + _REPEATS):
        begin = time.perf_counter()
        net(x)
        taken.append(1e3 * (time.perf_counter() - begin))
    return float(torch.tensor(taken[_WARM_UP:]).median())
