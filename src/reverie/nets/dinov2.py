"""DINOv2's vision transformer (Oquab et al. 2024; Dosovitskiy et al. 2021), for weights that others trained.

The sizes published with patches of 14 pixels differ in width and depth alone: small is 384 x 12, base 768 x 12.
"""

from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SIDE_PX, PATCH_PX, GRID, HEAD = 224, 14, 37, 64
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, on [0, 1]
# What the files of the Hugging Face hub call things, and what they are called here; the token of masked patches serves
# training alone.
_NAMES = {
    "embeddings.patch_embeddings.projection.": "patches.",
    "embeddings.cls_token": "token",
    "embeddings.position_embeddings": "positions",
    "encoder.layer.": "blocks.",
    "attention.attention.": "",
    "attention.output.dense.": "out.",
    "attention.q_proj.": "query.",  # since transformers 5
    "attention.k_proj.": "key.",
    "attention.v_proj.": "value.",
    "attention.o_proj.": "out.",
    "layer_scale1.lambda1": "scale1",
    "layer_scale2.lambda1": "scale2",
    "mlp.": "",
    "layernorm.": "norm.",
}
_UNUSED = "embeddings.mask_token"


class Block(nn.Module):
    """Attention and a two-layer net, each on normalised input, scaled per channel and added.

    Args:
        width: of a token; heads are 64 wide.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.out, self.fc1, self.fc2 = nn.Linear(width, width), nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.scale1, self.scale2 = nn.Parameter(torch.ones(width)), nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """(n, tokens, width) -> the same."""
        normed = self.norm1(x)
        heads = (part(normed).unflatten(2, (-1, HEAD)).transpose(1, 2) for part in (self.query, self.key, self.value))
        seen = F.scaled_dot_product_attention(*heads).transpose(1, 2).flatten(2)
        x = x + self.scale1 * self.out(seen)
        return x + self.scale2 * self.fc2(F.gelu(self.fc1(self.norm2(x))))


@final
class Dinov2(nn.Module):
    """Images to the class token after the last normalisation. It is used as it is: no gradient passes.

    Args:
        width: of a token, a multiple of 64.
        depth: blocks.

    Example:
        >>> Dinov2(width=64, depth=1)(torch.zeros(2, 1, 8, 8)).shape
        torch.Size([2, 64])
    """

    def __init__(self, *, width: int, depth: int) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, width, PATCH_PX, PATCH_PX)
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(0.02 * torch.randn(1, GRID**2 + 1, width))
        self.blocks = nn.ModuleList(Block(width) for _ in range(depth))
        self.norm = nn.LayerNorm(width, eps=1e-6)

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        """(n, c, h, w) in [-1, 1], of 1, 3 or 4 channels -> (n, width)."""
        x = self.patches(prepare(images).to(self.token.dtype)).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], 1) + self._placed()
        for block in self.blocks:
            x = block(x)
        return self.norm(x[:, 0])

    def _placed(self) -> Tensor:
        """Learnt for 37 x 37 patches, interpolated to the 16 x 16 of an image of 224 pixels."""
        side = SIDE_PX // PATCH_PX
        grid = self.positions[:, 1:].unflatten(1, (GRID, GRID)).permute(0, 3, 1, 2)
        grid = F.interpolate(grid.float(), (side, side), mode="bicubic", align_corners=False).to(self.token.dtype)
        return torch.cat([self.positions[:, :1], grid.flatten(2).transpose(1, 2)], 1)


def prepare(images: Tensor) -> Tensor:
    """Images as the net was trained to see them: an antialiased bicubic resize, and ImageNet's mean and deviation.

    Args:
        images: (n, c, h, w) in [-1, 1], of 1, 3 or 4 channels; grey is repeated, an alpha channel left out.
    Returns:
        (n, 3, 224, 224), normalised.
    """
    colour = images.float().expand(-1, 3, -1, -1) if images.shape[1] == 1 else images.float()[:, :3]
    resized = F.interpolate(colour, (SIDE_PX, SIDE_PX), mode="bicubic", antialias=True, align_corners=False)
    mean, deviation = (resized.new_tensor(numbers)[:, None, None] for numbers in (MEAN, DEVIATION))
    return ((resized.clamp(-1, 1) + 1) / 2 - mean) / deviation


def renamed(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of a file of the Hugging Face hub under the names they have here."""
    found: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if name != _UNUSED:
            for theirs, ours in _NAMES.items():
                name = name.replace(theirs, ours)
            found[name] = tensor
    return found


def size_of(tensors: dict[str, Tensor]) -> tuple[int, int] | None:
    """(width, depth) of the net that has these tensors, named as here; None when there is none."""
    width, depth = tensors.get("norm.weight", torch.zeros(0)).numel(), 0
    while f"blocks.{depth}.norm1.weight" in tensors:
        depth += 1
    if not width or width % HEAD or not depth:
        return None
    with torch.device("meta"):
        wanted = {name: tensor.shape for name, tensor in Dinov2(width=width, depth=depth).state_dict().items()}
    return (width, depth) if {name: tensor.shape for name, tensor in tensors.items()} == wanted else None
