"""Where a training runs and how it multiplies: devices, precision, memory layout."""

import contextlib
from typing import Literal

import torch
from torch import nn

from reverie.core.errors import UsageError

Precision = Literal["fp32", "bf16"]


def pick_device(name: str = "auto") -> torch.device:
    """`auto` is CUDA, then MPS, then CPU.

    Raises:
        UsageError: the name means nothing here, or the device is absent.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError):
        raise UsageError(f"device: {name!r} is not on this machine. Use auto, cpu, cuda, cuda:1 or mps.") from None
    return device


def pick_precision(asked: str, device: torch.device) -> Precision:
    """`auto` is bf16 where the device multiplies it in hardware: Ampere and newer, or a CPU with AVX512-BF16 or AMX."""
    if asked != "auto":
        return "bf16" if asked == "bf16" else "fp32"
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    if device.type == "cpu":
        capable = torch.backends.cpu.get_cpu_capability() == "AVX512" and torch.cpu._is_avx512_bf16_supported()
        return "bf16" if capable else "fp32"
    return "fp32"


def autocast(precision: str, device: torch.device) -> contextlib.AbstractContextManager[object]:
    """Runs matrix products and convolutions in bf16 when `precision` says so; weights and sums stay fp32."""
    if precision == "fp32":
        return contextlib.nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)


def place(model: nn.Module, device: torch.device) -> nn.Module:
    """Moves a model to the device, with convolution weights in the channels-last layout, which is the fast one."""
    return model.to(device=device, memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
