"""From a recipe to a GAN: the one place where recipe values meet nets."""

import torch
from torch import nn

from reverie.core.errors import UsageError
from reverie.core.family import Batch
from reverie.core.rng import key
from reverie.core.spec import DataSpec
from reverie.families.gan import gamma
from reverie.families.gan.model import Gan
from reverie.families.gan.recipe import GanRecipe, GanSection
from reverie.nets.conv import ConvEncoder
from reverie.nets.dcgan import DcganCritic, DcganGenerator
from reverie.nets.mlp import MlpEncoder
from reverie.nets.mlp_gan import MlpCritic, MlpGenerator
from reverie.nets.residual_gan import ResidualCritic, ResidualGenerator
from reverie.nets.style import StyleGenerator

WIDTHS = {"mlp": 128, "dcgan": 32, "resnet": 32, "style": 32}
DEPTHS = {"mlp": 3, "dcgan": 1, "resnet": 1, "style": 1}


def net_name(gan: GanSection, spec: DataSpec) -> str:
    """The net that "auto" stands for: mlp for points, resnet for images."""
    return gan.net if gan.net != "auto" else "mlp" if spec.kind == "points" else "resnet"


def build(recipe: GanRecipe, spec: DataSpec) -> Gan:
    """The untrained GAN.

    Raises:
        UsageError: the recipe cannot serve data of this shape.
    """
    gan, points = recipe.gan, spec.kind == "points"
    _check(gan, spec)
    num_classes = spec.num_classes if gan.conditional else 0
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(key(recipe.seed, "weights"))
        generator = _generator(gan, spec, num_classes)
        critic = _critic(gan, spec, num_classes)
        latent = generator.w_dim if isinstance(generator, StyleGenerator) else gan.latent
        inverter = _inverter(spec, latent) if gan.inverter_every else None
    model = Gan(
        generator,
        critic,
        inverter,
        num_classes=num_classes,
        points=points,
        apart=bool(gan.minibatch_std) or any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in critic.modules()),
        grow=gan.grow,
        signs=gan.signs,
    )
    for buffer in (model.log_gamma, model.log_gamma_start):
        buffer.fill_(gamma.start(spec))
    return model


def prepare(model: Gan, batch: Batch) -> None:
    """Centres points and scales them to unit variance; images are in their own unit already."""
    if model.points:
        model.data_mean.copy_(batch.images.mean((0, 2, 3)))
        model.data_scale.copy_((batch.images - model.data_mean.view(1, -1, 1, 1)).square().mean().sqrt())


def _generator(gan: GanSection, spec: DataSpec, num_classes: int) -> nn.Module:
    net = net_name(gan, spec)
    width, depth = gan.width or WIDTHS[net], gan.depth or DEPTHS[net]
    given = {"num_in": gan.latent, "shape": spec.shape, "width": width, "num_classes": num_classes}
    if net == "mlp":
        return MlpGenerator(**given, depth=depth, norm=gan.norm, skip=gan.skip)
    if net == "dcgan":
        return DcganGenerator(**given)
    if net == "style":
        return StyleGenerator(**given, depth=depth, grow=gan.grow > 0)
    return ResidualGenerator(**given, depth=depth, grow=gan.grow > 0)


def _critic(gan: GanSection, spec: DataSpec, num_classes: int) -> nn.Module:
    net = net_name(gan, spec)
    width, depth = gan.critic_width or gan.width or WIDTHS[net], gan.critic_depth or gan.depth or DEPTHS[net]
    given = {
        "shape": spec.shape,
        "width": width,
        "pack": gan.pack,
        "spectral": gan.spectral,
        "minibatch_std": gan.minibatch_std,
        "num_classes": num_classes,
    }
    if net == "mlp":
        fourier = gan.fourier if spec.kind == "points" else 0
        return MlpCritic(**given, depth=depth, maxout=gan.maxout, fourier=fourier)
    if net == "dcgan":
        return DcganCritic(**given, norm="none" if gan.spectral or gan.penalties else "batch")
    return ResidualCritic(**given, depth=depth, grow=gan.grow > 0)


def _inverter(spec: DataSpec, latent: int) -> nn.Module:
    if spec.kind == "points":
        encoder: nn.Module = MlpEncoder(num_in=spec.num_values, width=128, depth=2, activation="silu")
        return nn.Sequential(encoder, nn.Linear(128, latent))
    encoder = ConvEncoder(shape=spec.shape, base=16, depth=0, num_out=256)
    return nn.Sequential(encoder, nn.Linear(256, latent))


def _check(gan: GanSection, spec: DataSpec) -> None:
    net = net_name(gan, spec)
    if gan.conditional and not spec.num_classes:
        raise UsageError("recipe.gan.conditional: the data has no labels. Name sub-folders after classes.")
    if gan.skip and net != "mlp":
        raise UsageError(f'recipe.gan.skip: is for the net "mlp", and this one is {net}. Set it to false.')
    if spec.kind == "points":
        if net != "mlp":
            raise UsageError(f'recipe.gan.net: {net} is for images; {spec.kind} need "mlp" or "auto".')
        if gan.augment != "none":
            raise UsageError('recipe.gan.augment: is for images; for points set it to "none".')
    elif net != "mlp" and (min(spec.height, spec.width) < 8 or max(spec.height, spec.width) > 256):
        raise UsageError(
            f"recipe.gan.net: {net} takes images from 8 to 256 pixels, got {spec.height} x {spec.width}. "
            f'Set data.size, or gan.net = "mlp" for smaller ones.'
        )
