"""Morphs: the images along a path between two latents.

Paths are straight lines or great circles. Seeds and image files become latents in `reverie.api`, not here.
"""

from typing import Literal

import torch
from torch import Tensor

from reverie.core.capability import Decodes
from reverie.core.errors import UsageError
from reverie.tasks.require import require

Method = Literal["slerp", "lerp"]


def interpolate(
    model: object,
    z_a: Tensor,
    z_b: Tensor,
    *,
    steps: int = 9,
    method: Method = "slerp",
    label: int | None = None,
    name: str = "this model",
) -> Tensor:
    """Decodes the path from one latent to another; the first image is of `z_a`, the last of `z_b`.

    Args:
        model: has Decodes.
        z_a: (latent_dim,) or (1, latent_dim).
        z_b: likewise.
        steps: images, both ends included; at least 2.
        method: "slerp" keeps the latents' typical length, "lerp" is the straight line.
        label: the class of every image, for a conditional model.
        name: what messages call the model.
    Returns:
        images (steps, c, h, w) in [-1, 1].
    Raises:
        UsageError: the model lacks Decodes, or a value is out of range.
    """
    require(model, "interpolate", Decodes, name=name)
    if not isinstance(model, Decodes):  # `require` has raised; this line tells the type checker
        raise UsageError("interpolate needs Decodes.")
    latents = path(z_a, z_b, steps=steps, method=method)
    labels = None if label is None else torch.full((steps,), label, device=latents.device)
    with torch.inference_mode():
        return model.decode(latents, labels=labels)


def path(z_a: Tensor, z_b: Tensor, *, steps: int = 9, method: Method = "slerp") -> Tensor:
    """Latents from `z_a` to `z_b`, evenly spaced, both ends included: (steps, latent_dim).

    Example:
        >>> path(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0]), steps=3)[1]
        tensor([0.7071, 0.7071])
    """
    a, b = z_a.reshape(-1), z_b.reshape(-1)
    if a.shape != b.shape:
        raise UsageError(
            f"interpolate: both latents must have one size, got {len(a)} and {len(b)}. Use one run for both."
        )
    if steps < 2:
        raise UsageError(f"--steps: must be >= 2 (both ends are images), got {steps}. Use 9 for a strip.")
    if method not in ("slerp", "lerp"):
        raise UsageError(f"--method: must be slerp or lerp, got {method!r}.")
    t = torch.linspace(0, 1, steps, device=a.device, dtype=a.dtype).unsqueeze(1)
    return slerp(a, b, t) if method == "slerp" else lerp(a, b, t)


def lerp(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """The straight line (1 - t) a + t b, exact at both ends. a, b: (d,); t: (n, 1); result (n, d)."""
    return (1 - t) * a + t * b


def slerp(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """The great circle between two directions (Shoemake 1985, eq. 3), with lengths mixed alike.

    A Gaussian latent of many dimensions lies near a sphere; the straight line cuts through its inside, where a decoder
    has seen nothing (White 2016). Parallel, opposite and zero vectors have no one circle: they get the straight line.

    Args:
        a: (d,).
        b: (d,).
        t: (n, 1), in [0, 1].
    Returns:
        (n, d).
    """
    lengths = a.norm() * b.norm()
    cosine = ((a @ b) / lengths).clamp(-1, 1) if lengths > 0 else torch.ones_like(lengths)
    if 1 - cosine.abs() < 1e-6:
        return lerp(a, b, t)
    omega = torch.arccos(cosine)
    return (torch.sin((1 - t) * omega) * a + torch.sin(t * omega) * b) / torch.sin(omega)
