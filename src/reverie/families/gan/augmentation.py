"""What the critic sees, augmented: always, or as much as keeps it from knowing the training images by heart."""

import torch
from torch import Tensor

from reverie.core.rng import Rng
from reverie.families.gan.model import Gan
from reverie.families.gan.recipe import GanSection


def apply(images: Tensor, kind: str, p: Tensor, rng: Rng) -> Tensor:
    """Augmented images, differentiable: DiffAugment (Zhao et al. 2020), or the adaptive pipeline at probability p."""
    from reverie.data.augment.ada import ada
    from reverie.data.augment.diff_augment import diff_augment

    return diff_augment(images, rng) if kind == "diff" else ada(images, p, rng)


@torch.no_grad()
def adapt(model: Gan, sign_mean: Tensor, gan: GanSection, batch: int) -> None:
    """One step of the controller of p (Karras et al. 2020, section 3.1), on the running mean sign of the margin."""
    from reverie.data.augment.ada import next_probability

    model.margin_sign.lerp_(sign_mean.float(), 0.1)
    model.augment_p.copy_(next_probability(model.augment_p, model.margin_sign, batch=batch, target=gan.augment_target))
