"""A trained run's encoder as an extractor."""

from hashlib import sha256
from typing import Any, final

import torch
from torch import Tensor

from reverie.core.capability import Encodes
from reverie.core.errors import UsageError
from reverie.measure.extractor import Extractor, Kind, Means


@final
class Encoder(Extractor):
    """The representative latent of each image, from any model that Encodes.

    Two encoders are two units of measurement: numbers from different runs do not compare.

    Args:
        name: for protocols.
        model: an nn.Module that Encodes, in evaluation mode.
    """

    def __init__(self, name: str, model: Any) -> None:
        self.name, self.dear, self.about = name, True, {}
        self._model: Any = model
        self.dim = model.latent_dim
        self.fingerprint = weights_digest(model, "encode")

    def features(self, images: Tensor) -> Tensor:
        """(n, c, h, w) -> (n, latent_dim)."""
        return self._model.encode(images).float().flatten(1)


def weights_digest(module: torch.nn.Module, preprocessing: str) -> str:
    """32 hex digits of every parameter and buffer, by name, and of what happens to images before them."""
    state = sha256(preprocessing.encode())
    for name, tensor in sorted(module.state_dict().items()):
        state.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        state.update(tensor.detach().cpu().reshape(-1).view(torch.uint8).numpy().tobytes())
    return state.hexdigest()[:32]


def _open(argument: str, means: Means) -> Extractor:
    where = f"--features run:{argument}"
    if means.load is None:
        raise UsageError(f"{where}: runs cannot be loaded here. Use pixels, or `reverie measure`.")
    model, spec = means.load(argument)
    if not isinstance(model, Encodes):
        raise UsageError(f"{where}: does not encode images. Name a run with an encoder, or use pixels.")
    if spec.shape != means.spec.shape:
        raise UsageError(
            f"{where}: encodes {_shown(spec.shape)} images, these are {_shown(means.spec.shape)}. "
            "Name a run that was trained on images of this shape."
        )
    return Encoder(f"run:{argument}", model.to(means.device) if isinstance(model, torch.nn.Module) else model)


def _shown(shape: tuple[int, int, int]) -> str:
    return "x".join(map(str, shape))


KIND = Kind("run:PATH", "The encoder of a run folder; numbers compare within one encoder only.", _open)
