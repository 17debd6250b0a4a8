"""From a recipe to an encoder: the one place where recipe values meet nets."""

import torch
from torch import nn

from reverie.core.errors import UsageError
from reverie.core.rng import key
from reverie.core.spec import DataSpec
from reverie.data.augment.views import Strength
from reverie.families.ssl.model import Projector, Ssl, Student
from reverie.families.ssl.recipe import SslRecipe, SslSection
from reverie.nets.conv import ConvEncoder
from reverie.nets.dinov2 import Dinov2
from reverie.nets.mlp import MlpEncoder

ASPECT = 4 / 3  # largest factor of a crop's proportions (Szegedy et al. 2015, section 6)


def build(recipe: SslRecipe, spec: DataSpec) -> Ssl:
    """The untrained encoder.

    Raises:
        UsageError: the recipe cannot serve data of this shape.
    """
    ssl, byol = recipe.ssl, recipe.ssl.method == "byol"
    _check(ssl, spec)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(key(recipe.seed, "weights"))
        encoder = _encoder(ssl, spec)
        projector = Projector(ssl.features, ssl.projector, ssl.layers)
        predictor = Projector(projector.num_out, projector.num_out, 2) if byol and ssl.predictor else None
    return Ssl(Student(encoder, projector), latent_dim=ssl.features, predictor=predictor, taught=byol)


def strength(recipe: SslRecipe) -> Strength:
    """How far views may be from their images; mirrored where the data recipe says that mirrored images are images."""
    ssl = recipe.ssl
    return Strength(
        area=ssl.crop,
        aspect=ASPECT if ssl.crop < 1 else 1.0,
        flip=recipe.data.mirror,
        jitter=ssl.jitter,
        grey=ssl.grey,
        blur=ssl.blur,
        noise=ssl.noise,
    )


def _encoder(ssl: SslSection, spec: DataSpec) -> nn.Module:
    if ssl.net == "mlp":
        hidden = MlpEncoder(num_in=spec.num_values, width=ssl.width, depth=ssl.depth, activation="silu")
        return nn.Sequential(hidden, nn.Linear(ssl.width, ssl.features))
    if ssl.net == "dinov2":
        return Dinov2(width=ssl.width, depth=ssl.depth)
    depth = 0 if ssl.net == "conv" else ssl.depth
    return ConvEncoder(shape=spec.shape, base=ssl.width, depth=depth, num_out=ssl.features)


def _check(ssl: SslSection, spec: DataSpec) -> None:
    if spec.kind != "images":
        raise UsageError(f"family: ssl learns from views of images, and these are {spec.kind}. Use vae or gan.")
    if ssl.net in ("conv", "resnet") and not (8 <= spec.height <= 256 and 8 <= spec.width <= 256):
        raise UsageError(
            f"recipe.ssl.net: {ssl.net} serves images of 8 to 256 pixels a side, got {spec.height} x {spec.width}. "
            'Use net = "mlp", or another data.size.'
        )
