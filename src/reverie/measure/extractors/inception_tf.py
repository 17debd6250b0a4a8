"""The Inception-v3 of published Frechet distances: 2,048 numbers.

Architecture, layer names, preprocessing and shapes are tested with random weights. A comparison with the published
weights' features was not run: where they were written there were none.
"""

from typing import final

import torch
from torch import Tensor

from reverie.core.errors import UsageError
from reverie.data.source import digest as fingerprint
from reverie.measure.extractor import Extractor, Kind, Means
from reverie.measure.weights import read_weights
from reverie.nets.inception import FEATURES, SIDE_PX, Inception

NAME = "inception-tf"
SOURCE = (
    "get pt_inception-2015-12-05-6726825d.pth, whose SHA-256 begins with 6726825d, and save its tensors with "
    "safetensors.torch.save_file"
)


@final
class InceptionTf(Extractor):
    """Means of the last feature maps, of images resized to 299 x 299 pixels as TensorFlow 1 does.

    Distances need many images: two a feature in each half, 8,192 in all, and are then free of the bias that published
    ones have. Nets of ImageNet see photographs; of digits and drawings they see little.

    Args:
        net: in evaluation mode.
        digest: SHA-256 of its weights' file, in hex.
    """

    def __init__(self, net: Inception, digest: str) -> None:
        self.name, self.dear, self.dim, self.about = NAME, True, FEATURES, {"sha256": digest}
        self.fingerprint = fingerprint(digest, "bilinear of TensorFlow 1", SIDE_PX)
        self._net = net

    def features(self, images: Tensor) -> Tensor:
        """(n, c, h, w) -> (n, 2048); grey images get three equal channels, an alpha channel is left out."""
        return self._net(prepare(images))


def prepare(images: Tensor) -> Tensor:
    """Images as the net was trained to see them.

    Args:
        images: (n, c, h, w) in [-1, 1], of 1, 3 or 4 channels.
    Returns:
        (n, 3, 299, 299), levels 0 to 255 as (level - 128) / 128.
    """
    colour = images.float().expand(-1, 3, -1, -1) if images.shape[1] == 1 else images.float()[:, :3]
    return (resized((colour + 1) * 127.5, SIDE_PX) - 128) / 128


def resized(images: Tensor, side: int) -> Tensor:
    """Bilinear as TensorFlow 1 had it: pixel i of the result is taken at i * (old / new), without a shift by half a
    pixel and without antialiasing (Parmar et al. 2022, section 3.1, on what that does to distances).

    Args:
        images: (n, c, h, w).
        side: height and width of the result, pixels.

    Example:
        >>> resized(torch.tensor([[[[0.0, 4.0]]]]), 4)[0, 0, 0].tolist()
        [0.0, 2.0, 4.0, 4.0]
    """
    for axis in (2, 3):
        size = images.shape[axis]
        place = torch.arange(side, device=images.device, dtype=images.dtype) * (size / side)
        low = place.floor().long().clamp_max(size - 1)
        share = (place - low).view(-1, 1) if axis == 2 else place - low
        below, above = images.index_select(axis, low), images.index_select(axis, (low + 1).clamp_max(size - 1))
        images = below + (above - below) * share
    return images


def _open(argument: str, means: Means) -> Extractor:
    if means.spec.kind != "images" or means.spec.channels == 2:
        raise UsageError(f"--features {NAME}: is for images, and these are {means.spec.kind}. Use pixels.")
    asked = f"--features {NAME}"
    tensors, digest = read_weights(asked, NAME, means.weights_dir, SOURCE, instead="pixels, or classifier:DATA")
    with torch.device("meta"):
        net = Inception()
    counted = {name: t for name, t in tensors.items() if not name.endswith("num_batches_tracked")}
    wanted = {name: t for name, t in net.state_dict().items() if not name.endswith("num_batches_tracked")}
    wrong = sorted(wanted.keys() ^ counted.keys()) or [n for n, t in wanted.items() if t.shape != counted[n].shape]
    if wrong:
        raise UsageError(
            f"{asked}: its weights are of another net ({len(wrong)} tensors do not fit, {wrong[0]} the first). "
            f"To have the right ones, {SOURCE}."
        )
    net.load_state_dict({n: t.float() for n, t in counted.items()}, strict=False, assign=True)
    for module in net.modules():  # how many batches were seen is no matter in evaluation
        if isinstance(module, torch.nn.BatchNorm2d):
            module.num_batches_tracked = torch.zeros((), dtype=torch.long)
    return InceptionTf(net.to(means.device).eval().requires_grad_(False), digest)


KIND = Kind(NAME, "Inception-v3 of TF-Slim, the net of published FIDs.", _open)
