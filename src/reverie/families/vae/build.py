"""From a recipe to a VAE: the one place where recipe values meet nets."""

import torch
from torch import nn

from reverie.core.errors import UsageError
from reverie.core.family import Batch
from reverie.core.rng import key
from reverie.core.spec import DataSpec
from reverie.families.vae.likelihood import make_likelihood
from reverie.families.vae.model import FlatNet, Vae, VampPrior
from reverie.families.vae.recipe import VaeRecipe
from reverie.nets.blocks import Upsample
from reverie.nets.conv import ConvDecoder, ConvEncoder
from reverie.nets.ladder import Ladder
from reverie.nets.mlp import MlpDecoder, MlpEncoder


def build(recipe: VaeRecipe, spec: DataSpec) -> Vae:
    """The untrained VAE.

    Raises:
        UsageError: the recipe cannot serve data of this shape.
    """
    vae = recipe.vae
    _check(recipe, spec)
    num_classes = spec.num_classes if vae.conditional else 0
    likelihood = make_likelihood(vae.likelihood, spec.channels, scale=vae.scale, mixtures=vae.mixtures)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(key(recipe.seed, "weights"))
        if vae.net == "ladder":
            net = Ladder(
                shape=spec.shape,
                num_params=likelihood.num_params,
                base=vae.width,
                depth=vae.depth,
                latent=vae.latent,
                layers=vae.layers,
                num_classes=num_classes,
            )
        else:
            net = _flat(recipe, spec, likelihood.num_params, num_classes)
        prior = VampPrior(spec.shape, vae.pseudo_inputs) if vae.prior == "vamp" else None
    return Vae(net, likelihood, num_classes=num_classes, prior=prior)


def prepare(model: Vae, batch: Batch) -> None:
    """Starts the output at the data's mean, the spread at the data's, and pseudo-inputs at training images."""
    with torch.no_grad():
        decoder = model.net if isinstance(model.net, Ladder) else model.net.decoder
        last = decoder.out.conv if isinstance(decoder.out, Upsample) else decoder.out
        if isinstance(last, nn.Linear | nn.Conv2d) and last.bias is not None:
            model.likelihood.start(batch.images, last.bias.view(model.likelihood.num_params, -1))
        if model.prior is not None:
            num = len(model.prior.inputs)
            images = batch.images.repeat(-(-num // len(batch.images)), 1, 1, 1)[:num]
            model.prior.inputs.copy_(images)


def _flat(recipe: VaeRecipe, spec: DataSpec, num_params: int, num_classes: int) -> FlatNet:
    vae, num_in = recipe.vae, recipe.vae.latent + num_classes
    out = (num_params, spec.height, spec.width)
    if vae.net == "mlp":
        decoder = MlpDecoder(num_in=num_in, shape=out, width=vae.width, depth=vae.depth, activation=vae.activation)
        width = vae.width
    else:
        depth = 0 if vae.net == "conv" else vae.depth
        decoder = ConvDecoder(num_in=num_in, shape=out, base=vae.width, depth=depth, hidden=vae.hidden)
        width = vae.hidden
    if vae.net == "mlp" or vae.encoder == "mlp":
        depth = vae.depth if vae.net == "mlp" else 2
        encoder = MlpEncoder(num_in=spec.num_values, width=width, depth=depth, activation=vae.activation)
    else:
        depth = 0 if vae.net == "conv" else vae.depth
        encoder = ConvEncoder(shape=spec.shape, base=vae.width, depth=depth, num_out=vae.hidden)
    return FlatNet(encoder, decoder, num_features=width, latent=vae.latent, num_classes=num_classes)


def _check(recipe: VaeRecipe, spec: DataSpec) -> None:
    vae = recipe.vae
    if vae.net != "mlp" and not (8 <= spec.height <= 256 and 8 <= spec.width <= 256):
        raise UsageError(
            f"recipe.vae.net: {vae.net} serves images of 8 to 256 pixels a side, got {spec.height} x {spec.width}. "
            'Use net = "mlp", or another data.size.'
        )
    if vae.likelihood == "bernoulli" and spec.kind == "points":
        raise UsageError('recipe.vae.likelihood: bernoulli is for pixels, not for points. Use "gaussian".')
    if vae.likelihood == "logistic" and (spec.kind == "points" or spec.binary):
        raise UsageError('recipe.vae.likelihood: logistic is for 8-bit images. Use "gaussian" or "bernoulli".')
    if vae.conditional and not spec.num_classes:
        raise UsageError(
            f"recipe.vae.conditional: needs labels, and {recipe.data.source} has none. "
            "Use sub-folders as labels, or false."
        )
    if vae.conditional and vae.prior == "vamp":
        raise UsageError('recipe.vae.conditional: does not go with the vamp prior. Use prior = "normal".')
