"""The VAE's section of a recipe. No torch here: `reverie init` and every form read it."""

from typing import Literal, Self

from pydantic import Field, model_validator

from reverie.core.recipe import Recipe, Section


class VaeSection(Section):
    """Variational autoencoder (Kingma and Welling 2014; Rezende et al. 2014)."""

    net: Literal["mlp", "conv", "resnet", "ladder"] = Field(
        default="resnet", description="ladder has several stochastic layers; the others one."
    )
    width: int = Field(
        default=16, ge=4, le=4096, description="Hidden width (mlp), or channels at half resolution (others)."
    )
    depth: int = Field(
        default=1, ge=1, le=16, description="Hidden layers (mlp), or residual blocks at each resolution."
    )
    hidden: int = Field(
        default=512, ge=4, le=8192, description="Width of the linear layer next to the latent (conv, resnet)."
    )
    encoder: Literal["same", "mlp"] = Field(
        default="same", description="mlp puts a cheap encoder before a conv or resnet decoder."
    )
    activation: Literal["relu", "silu", "tanh", "gated"] = Field(
        default="silu", description="Non-linearity of mlp layers."
    )
    latent: int = Field(
        default=64, ge=1, le=4096, description="Latent dimensions; channels of each latent layer for ladder."
    )
    layers: int = Field(default=4, ge=1, le=64, description="Stochastic layers (ladder only).")
    likelihood: Literal["bernoulli", "gaussian", "laplace", "logistic"] = Field(
        default="gaussian",
        description="Distribution of a pixel. bernoulli: binary data. logistic: a mixture over 256 levels.",
    )
    scale: Literal["optimal"] | float = Field(
        default="optimal",
        description="Spread of a gaussian or laplace pixel in [-1, 1] units; optimal is its closed form.",
    )
    mixtures: int = Field(default=5, ge=1, le=30, description="Components of the logistic mixture.")
    samples: int = Field(
        default=1, ge=1, le=1000, description="Latents drawn per image; more than one trains the IWAE bound."
    )
    ramp: tuple[float, float] | None = Field(
        default=None,
        description="[from, to], shares of the budget between which samples climb from 1: cheap steps come first.",
    )
    beta: float = Field(
        default=1.0, ge=0, description="Weight of the KL term (Higgins et al. 2017). 0 is a plain autoencoder."
    )
    warmup: float = Field(
        default=0.0, ge=0, le=1, description="Share of the budget over which the KL weight climbs from 0."
    )
    free_bits: float = Field(
        default=0.0,
        ge=0,
        description="Nats of KL that cost nothing: per latent layer (ladder) or per dimension (others).",
    )
    total_correlation: float = Field(
        default=1.0,
        ge=0,
        description="Weight of the total correlation in the KL (beta-TCVAE, Chen et al. 2018); 1 is the ELBO.",
    )
    prior: Literal["normal", "vamp"] = Field(
        default="normal", description="vamp: a mixture of posteriors (Tomczak, Welling 2018)."
    )
    pseudo_inputs: int = Field(default=500, ge=1, le=5000, description="Components of the vamp prior.")
    conditional: bool = Field(default=False, description="Model images given their class label.")

    @model_validator(mode="after")
    def _combinations(self) -> Self:
        if not isinstance(self.scale, str) and self.scale <= 0:
            raise ValueError(f'scale must be > 0 or "optimal", got {self.scale}')
        if self.net == "ladder" and (self.prior == "vamp" or self.total_correlation != 1):
            raise ValueError(
                'net = "ladder" has a learned prior of its own; use prior = "normal", total_correlation = 1'
            )
        if self.ramp is not None and not 0 <= self.ramp[0] < self.ramp[1] <= 1:
            raise ValueError(f"ramp must be [from, to] with 0 <= from < to <= 1, got {list(self.ramp)}")
        if self.samples > 1 and (self.free_bits or self.total_correlation != 1):
            raise ValueError(
                "samples > 1 is the IWAE bound, which has no KL term; use free_bits = 0, total_correlation = 1"
            )
        if self.prior == "vamp" and (self.free_bits or self.total_correlation != 1):
            raise ValueError('prior = "vamp" has no KL by dimension; use free_bits = 0 and total_correlation = 1')
        return self


class VaeRecipe(Recipe):
    """A recipe whose family is `vae`."""

    family: Literal["vae"] = Field(default="vae", description="How images are modelled.")
    vae: VaeSection = VaeSection()
