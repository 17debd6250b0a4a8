"""DINOv2 (Oquab et al. 2024) as an extractor, from weights that the user has: no download happens here.

The file is the `model.safetensors` of the Hugging Face hub; `nets/dinov2.py` has the net and its preprocessing.
"""

from hashlib import sha256
from pathlib import Path
from typing import final

import torch
from torch import Tensor

from reverie.core.errors import UsageError
from reverie.measure.extractor import Extractor, Kind, Means
from reverie.measure.weights import read_weights
from reverie.nets.dinov2 import DEVIATION, MEAN, SIDE_PX, Dinov2, renamed, size_of

HUBS = {"dinov2-s14": "facebook/dinov2-small", "dinov2-b14": "facebook/dinov2-base"}


@final
class Tokens(Extractor):
    """The class token after the last normalisation, of images resized to 224 x 224 pixels.

    Args:
        name: "dinov2-b14" or "dinov2-s14".
        net: in evaluation mode.
        digest: SHA-256 of its weights' file, in hex.
    """

    def __init__(self, name: str, net: Dinov2, digest: str) -> None:
        self.name, self.dear, self.dim = name, True, net.token.shape[2]
        self.about = {"sha256": digest}
        self._net = net
        preprocessing = f"bicubic antialiased {SIDE_PX}, {MEAN}, {DEVIATION}, class token"
        self.fingerprint = sha256(f"{digest} {preprocessing}".encode()).hexdigest()[:32]

    def features(self, images: Tensor) -> Tensor:
        """(n, c, h, w) -> (n, dim); grey images get three equal channels, an alpha channel is left out."""
        return self._net(images).float()


def open_dinov2(asked: str, name: str, weights_dir: Path | None, *, instead: str) -> tuple[Dinov2, str]:
    """The net with the user's weights, on the CPU and in evaluation mode, and the SHA-256 of their file.

    Args:
        asked: what the user gave, for messages: "--features dinov2-s14".
        name: of `HUBS`.
        weights_dir: holds NAME/model.safetensors; REVERIE_WEIGHTS when left out.
        instead: what to use without them.
    Raises:
        UsageError: the file is not there, is damaged, or is of another net.
    """
    source = f"get {HUBS[name]} from the Hugging Face hub"
    tensors, digest = read_weights(asked, name, weights_dir, source, instead=instead)
    tensors = renamed(tensors)
    size = size_of(tensors)
    if size is None:
        raise UsageError(f"{asked}: its weights are of another net. To have the right ones, {source}.")
    with torch.device("meta"):
        net = Dinov2(width=size[0], depth=size[1])
    net.load_state_dict({place: tensor.float() for place, tensor in tensors.items()}, assign=True)
    return net.eval().requires_grad_(False), digest


def kind(name: str) -> Kind:
    """The kind of extractor of one size, of `HUBS`."""
    return Kind(name, f"DINOv2, with the weights of {HUBS[name]}.", lambda argument, means: _open(name, means))


def _open(name: str, means: Means) -> Extractor:
    asked = f"--features {name}"
    if means.spec.kind != "images" or means.spec.channels == 2:
        raise UsageError(f"{asked}: is for images, and these are {means.spec.kind}. Use pixels.")
    net, digest = open_dinov2(asked, name, means.weights_dir, instead="pixels, or classifier:DATA")
    return Tokens(name, net.to(means.device), digest)
