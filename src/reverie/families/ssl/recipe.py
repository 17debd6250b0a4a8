"""The self-supervised encoder's section of a recipe. No torch here: `reverie init` and every form read it."""

from typing import Literal, Self

from pydantic import Field, model_validator

from reverie.core.recipe import Recipe, Section

Method = Literal["simclr", "vicreg", "byol"]


class SslSection(Section):
    """Self-supervised encoder: two random views of an image get one code, and different images different ones."""

    method: Method = Field(
        default="vicreg",
        description="What keeps codes apart: other images (simclr), variance and covariance (vicreg), or a slowly"
        " moving teacher (byol).",
    )
    net: Literal["mlp", "conv", "resnet", "dinov2"] = Field(
        default="resnet", description="The encoder; dinov2 comes trained and stays as it is: `reverie adopt`."
    )
    width: int = Field(
        default=16, ge=4, le=4096, description="Channels at half resolution (conv, resnet), or hidden width (mlp)."
    )
    depth: int = Field(default=1, ge=1, le=16, description="Residual blocks a level (resnet), or hidden layers (mlp).")
    features: int = Field(default=256, ge=2, le=4096, description="Dimensions of the code, which `encode` gives.")
    projector: int = Field(
        default=512, ge=2, le=8192, description="Width of the net behind the code, which only training uses."
    )
    layers: int = Field(default=2, ge=0, le=4, description="Linear layers of the projector; 0: the loss sees the code.")
    predictor: bool = Field(default=True, description="byol: a net of the student alone. Without it codes collapse.")
    temperature: float = Field(default=0.2, gt=0, description="simclr: of the softmax over images.")
    invariance: float = Field(default=25.0, ge=0, description="vicreg: weight of the distance between views.")
    variance: float = Field(default=25.0, ge=0, description="vicreg: weight that keeps each dimension's spread at 1.")
    covariance: float = Field(default=1.0, ge=0, description="vicreg: weight that keeps dimensions apart.")
    teacher: float = Field(
        default=0.99, ge=0, lt=1, description="byol: share that the teacher keeps of itself a step; it climbs to 1."
    )
    crop: float = Field(default=0.25, gt=0, le=1, description="Views: least share of the area that a crop keeps.")
    jitter: float = Field(default=0.5, ge=0, le=1, description="Views: change of brightness, contrast and colours.")
    grey: float = Field(default=0.2, ge=0, le=1, description="Views: share without colours.")
    blur: float = Field(default=0.0, ge=0, le=1, description="Views: share that is blurred.")
    noise: float = Field(default=0.0, ge=0, le=2, description="Views: largest deviation of noise, in [-1, 1] units.")

    @model_validator(mode="after")
    def _combinations(self) -> Self:
        if self.method == "byol" and self.layers == 0:
            raise ValueError('layers must be >= 1 for method = "byol", whose predictor maps projections, got 0')
        if self.net == "dinov2" and (self.width % 64 or self.features != self.width or self.layers):
            raise ValueError('net = "dinov2" takes a width in steps of 64, as many features, and layers = 0')
        if self.method == "vicreg" and self.invariance + self.variance + self.covariance == 0:
            raise ValueError("invariance, variance and covariance are all 0; set one")
        return self


class SslRecipe(Recipe):
    """A recipe whose family is `ssl`."""

    family: Literal["ssl"] = Field(default="ssl", description="How images are modelled.")
    ssl: SslSection = SslSection()

    @model_validator(mode="after")
    def _batches(self) -> Self:
        batch, micro = self.train.batch, self.train.micro or self.train.batch
        if min(batch, micro) < 2 or batch % micro == 1:
            raise ValueError("train.batch and its parts of train.micro must hold 2 images: codes are compared")
        return self
