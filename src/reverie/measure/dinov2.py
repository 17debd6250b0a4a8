"""DINOv2 (Oquab et al. 2024) as an extractor, from weights that the user has: no download happens here.

The folder is what `transformers` saves and what the Hugging Face hub holds: `config.json` and `model.safetensors`.
Preprocessing is our own, on tensors: an antialiased bicubic resize and ImageNet's mean and deviation.
"""

import os
from hashlib import sha256
from pathlib import Path
from typing import Any, final

import torch
from safetensors import SafetensorError
from torch import Tensor
from torch.nn import functional

from reverie.core.errors import UsageError
from reverie.measure.extractor import Extractor, Kind, Means

SIDE_PX = 224
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, on [0, 1]


@final
class Dinov2(Extractor):
    """The class token after the last normalisation, of images resized to 224 x 224 pixels.

    Args:
        name: "dinov2-b14" or "dinov2-s14".
        model: a `transformers.Dinov2Model` in evaluation mode.
        digest: SHA-256 of its weights' file, in hex.
    """

    def __init__(self, name: str, model: Any, digest: str) -> None:
        self.name, self.dear, self.dim = name, True, int(model.config.hidden_size)
        self.about = {"sha256": digest}
        self._model = model
        preprocessing = f"bicubic antialiased {SIDE_PX}, {MEAN}, {DEVIATION}, class token"
        self.fingerprint = sha256(f"{digest} {preprocessing}".encode()).hexdigest()[:32]

    def features(self, images: Tensor) -> Tensor:
        """(n, c, h, w) -> (n, dim); grey images get three equal channels, an alpha channel is left out."""
        return self._model(pixel_values=prepare(images)).last_hidden_state[:, 0].float()


def prepare(images: Tensor) -> Tensor:
    """Images as the net was trained to see them.

    Args:
        images: (n, c, h, w) in [-1, 1], of 1, 3 or 4 channels.
    Returns:
        (n, 3, 224, 224), normalised.
    """
    colour = images.float().expand(-1, 3, -1, -1) if images.shape[1] == 1 else images.float()[:, :3]
    resized = functional.interpolate(colour, (SIDE_PX, SIDE_PX), mode="bicubic", antialias=True, align_corners=False)
    mean, deviation = (resized.new_tensor(numbers)[:, None, None] for numbers in (MEAN, DEVIATION))
    return ((resized.clamp(-1, 1) + 1) / 2 - mean) / deviation


def kind(size: str, hub: str) -> Kind:
    """The kind of extractor of one size.

    Args:
        size: "b14" or "s14".
        hub: the name of its weights on the Hugging Face hub.
    """
    name = f"dinov2-{size}"
    return Kind(name, f"DINOv2, with the weights of {hub}.", lambda argument, means: _open(name, hub, means))


def _open(name: str, hub: str, means: Means) -> Extractor:
    if means.spec.kind != "images" or means.spec.channels == 2:
        raise UsageError(f"--features {name}: is for images, and these are {means.spec.kind}. Use pixels.")
    folder = _root(name, means.weights_dir) / name
    path = folder / "model.safetensors"
    for file in (path, folder / "config.json"):
        if not file.is_file():
            raise UsageError(
                f"--features {name}: needs {file}, which is not there (get {hub} from the Hugging Face hub, and name "
                "the folder above with --weights-dir or REVERIE_WEIGHTS). Or use pixels, or classifier:DATA."
            )
    try:
        from transformers import Dinov2Model  # pyright: ignore[reportMissingImports]  (an extra)
    except ImportError:
        raise UsageError(f"--features {name}: needs `pip install 'reverie[dinov2]'`. Or use pixels.") from None
    try:
        model = Dinov2Model.from_pretrained(folder, local_files_only=True, use_safetensors=True)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        reason = str(error).strip().split("\n")[0][:160]
        raise UsageError(f"--features {name}: {folder} cannot be loaded ({reason}). Get {hub} again.") from None
    with path.open("rb") as file:
        state = sha256()
        while block := file.read(2**20):
            state.update(block)
    module = torch.nn.Module.to(model, means.device)
    return Dinov2(name, module.eval().requires_grad_(False), state.hexdigest())


def _root(name: str, given: Path | None) -> Path:
    root = given or (Path(os.environ["REVERIE_WEIGHTS"]) if os.environ.get("REVERIE_WEIGHTS") else None)
    if root is None:
        raise UsageError(
            f"--features {name}: needs {name}/model.safetensors in a folder named by --weights-dir or REVERIE_WEIGHTS. "
            "Or use pixels, or classifier:DATA."
        )
    return root.expanduser()
