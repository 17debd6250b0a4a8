"""Directions in a latent space that mean something: a smile, a beard, a class.

On drawn faces every attribute is known exactly: the same faces are drawn with and without it, both are placed in the
latent space, and the mean difference is the direction (Larsen et al. 2016, section 3.3, with pairs in place of labels).
With labels, a direction leads from the middle of all images to the middle of a class.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from reverie.core.capability import Encodes, Inverts
from reverie.core.spec import DataSpec
from reverie.data import Dataset
from reverie.data.builtin.faces import FACTORS, LARGEST_PX, SMALLEST_PX, factors, render
from reverie.studio.exploring import numbers, of_class, placed
from reverie.studio.models import Loaded

PAIRS, FIRST_SEED = 48, 10**9  # faces drawn for each attribute, from seeds that no training set of drawn faces has
OF_A_CLASS, MOST_CLASSES = 128, 40
_GUESS = 0  # steps of an inversion: an inverter's first guess, since thousands of images are placed
_FAINT, _LOST = 0.25, 12.0  # 8-bit levels, and times fainter than drawn: what moves pictures by less is no attribute
_STRONGEST = 4.0

# From which category to which; numbers go from one end of their range to the other.
ENDS: dict[str, tuple[str, str]] = {
    "background": ("sky", "rose"),
    "hair_style": ("buzz", "long"),
    "hair_colour": ("black", "blond"),
    "eye_colour": ("brown", "blue"),
    "glasses": ("none", "round"),
    "beard": ("none", "full"),
    "hat": ("none", "beanie"),
    "earrings": ("none", "hoops"),
    "freckles": ("none", "freckles"),
    "shirt_colour": ("navy", "yellow"),
    "collar": ("crew", "turtleneck"),
}


@dataclass(frozen=True)
class Direction:
    """A step in latent space.

    Args:
        name: in words.
        latent: (latent_dim,); one whole step.
        strength: steps after which pictures have changed as much as the drawn ones did, so that it is seen.
        n: images, or pairs of them, that it is the mean of.
        note: what was done.
        seen: by how much so many steps change pictures, in 8-bit levels.
    """

    name: str
    latent: Tensor
    strength: float
    n: int
    note: str
    seen: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "name": self.name,
            "latent": numbers(self.latent[None])[0],
            "strength": self.strength,
            "n": self.n,
            "note": self.note,
        }


def directions(loaded: Loaded, dataset: Dataset) -> dict[str, Any]:
    """{"directions": [...], "source": where they come from}; those of drawn faces that change pictures most come first.

    Empty where latents of images cannot be found, and where nothing is known of the images.
    """
    if not isinstance(loaded.model, Encodes | Inverts) or "Decodes" not in loaded.can or loaded.spec.kind != "images":
        return {"directions": [], "source": "none"}
    if loaded.recipe.data.source == "faces" and not loaded.spec.binary and _drawable(loaded.spec):
        found, source = [d for name in FACTORS if (d := _of_factor(loaded, name)) is not None], "drawn pairs"
        found.sort(key=lambda one: -one.seen)
    elif dataset.train.labels is not None:
        found, source = _of_classes(loaded, dataset), "labels"
    else:
        found, source = [], "none"
    return {"directions": [one.to_dict() for one in found], "source": source}


def _drawable(spec: DataSpec) -> bool:
    return spec.channels == 3 and min(spec.height, spec.width) >= SMALLEST_PX and max(spec.shape) <= LARGEST_PX


def _of_factor(loaded: Loaded, name: str) -> Direction | None:
    """The mean difference of pairs of faces that differ in one factor; None when the model does not show it."""
    factor = FACTORS[name]
    low, high = ENDS[name] if name in ENDS else (factor.low, factor.high)
    drawn = factors(np.arange(FIRST_SEED, FIRST_SEED + PAIRS))
    for cover in {"hat", "glasses"} - {name}:
        drawn[cover] = np.zeros(PAIRS, np.int64)  # nothing that may hide it
    pair = [_drawn({**drawn, name: np.full(PAIRS, end)}, loaded.spec) for end in (low, high)]
    without, with_ = (placed(loaded, images, None, _GUESS)[0] for images in pair)
    step = (with_ - without).mean(0)
    real = _levels(pair[1] - pair[0])
    shown = _levels(loaded.model.decode(without + step) - loaded.model.decode(without))
    if shown < max(_FAINT, real / _LOST):
        return None
    words, strength = name.replace("_", " "), round(min(_STRONGEST, max(1.0, real / shown)), 1)
    return Direction(
        name=f"{words}: {low} to {high}" if name in ENDS else _spoken(words, factor.about),
        latent=step,
        strength=strength,
        n=PAIRS,
        note=f"Mean difference of {PAIRS} pairs of faces drawn alike but for this; one step changes pictures by "
        f"{shown:.1f} of 255 levels, drawing does by {real:.1f}.",
        seen=strength * shown,
    )


def _spoken(words: str, about: str) -> str:
    """The name with its ends: "smile: frown to smile"."""
    _, comma, ends = about.rstrip(".").partition(", from ")
    return f"{words}: {ends}" if comma else words


def _drawn(given: dict[str, Any], spec: DataSpec) -> Tensor:
    images = render(given, size=(spec.height, spec.width))
    return torch.from_numpy(images).float() / 127.5 - 1


def _levels(difference: Tensor) -> float:
    """Root mean square of a difference of pictures in [-1, 1], in 8-bit levels."""
    return float(difference.square().mean().sqrt()) * 127.5


def _of_classes(loaded: Loaded, dataset: Dataset) -> list[Direction]:
    """From the middle of all classes to the middle of each."""
    middles: list[tuple[str, Tensor, int, str]] = []
    for label, name in enumerate(dataset.spec.classes[:MOST_CLASSES]):
        index = of_class(dataset.train, label, dataset.spec.num_classes)
        batch = dataset.train.batch(index[:OF_A_CLASS])
        latents, how = placed(loaded, batch.images, batch.labels, _GUESS)
        middles.append((name, latents.mean(0).cpu(), len(latents), how))
    middle = torch.stack([latent for _, latent, _, _ in middles]).mean(0)
    return [
        Direction(name, latent - middle, 1.0, n, f"Mean of {n} images of this class, less the mean of all classes.")
        for name, latent, n, _ in middles
    ]
