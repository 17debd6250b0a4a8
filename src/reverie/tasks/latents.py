"""Latents of real images, whichever way a model has to find them."""

from torch import Tensor

from reverie.core.capability import Encodes, Inverts
from reverie.core.errors import UsageError
from reverie.tasks.require import capabilities


def latents_of(model: object, images: Tensor, *, labels: Tensor | None = None, name: str = "this model") -> Tensor:
    """Latents whose images are near the given ones: by one pass of an encoder, or by optimisation where there is none.

    Args:
        model: has `Encodes` or `Inverts`.
        images: (n, c, h, w) in [-1, 1].
        labels: (n,) int64, for a conditional model.
        name: what to call the model in an error.
    Returns:
        (n, latent_dim).
    Raises:
        UsageError: the model has neither.

    Example:
        >>> import torch
        >>> latents_of(object(), torch.zeros(1, 3, 8, 8), name="plain")
        Traceback (most recent call last):
        ...
        reverie.core.errors.UsageError: 'plain' finds no latents of images (it has no capability). Start from seeds.
    """
    if isinstance(model, Encodes):
        return model.encode(images, labels=labels)
    if isinstance(model, Inverts):
        return model.invert(images, labels=labels)
    raise UsageError(f"{name!r} finds no latents of images (it {capabilities(model)}). Start from seeds.")
