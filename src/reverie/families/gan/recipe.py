"""The GAN's section of a recipe. No torch here: `reverie init` and every form read it."""

from typing import Literal, Self

from pydantic import Field, model_validator

from reverie.core.recipe import OptimRecipe, Recipe, Section

Objective = Literal["relativistic", "nonsaturating", "minimax", "least-squares", "hinge", "wasserstein"]
Penalty = Literal["r1", "r2", "gp", "dragan"]


class GanSection(Section):
    """Generative adversarial network (Goodfellow et al. 2014): a generator against a critic."""

    net: Literal["auto", "mlp", "dcgan", "resnet", "style"] = Field(
        default="auto", description="auto: mlp for points, resnet for images."
    )
    width: int | None = Field(
        default=None, ge=4, le=4096, description="Hidden width (mlp) or channels at full size; left out: the net's."
    )
    depth: int | None = Field(
        default=None, ge=1, le=16, description="Hidden layers (mlp) or blocks at each resolution; left out: the net's."
    )
    critic_width: int | None = Field(default=None, ge=4, le=4096, description="The critic's; left out: as width.")
    critic_depth: int | None = Field(default=None, ge=1, le=16, description="The critic's; left out: as depth.")
    latent: int = Field(default=64, ge=1, le=4096, description="Dimensions of z.")
    signs: int = Field(
        default=0,
        ge=0,
        le=64,
        description="Dimensions of z of which the generator sees only the sign: for data in separate clusters.",
    )
    objective: Objective = Field(default="relativistic", description="What critic and generator play for.")
    penalties: tuple[Penalty, ...] = Field(
        default=("r1", "r2"),
        description="Added to the critic's loss: its slope on real (r1) and made (r2) images, WGAN-GP's, DRAGAN's.",
    )
    slopes: Literal["auto", "exact", "forward", "finite"] = Field(
        default="auto",
        description="How r1 and r2 are taken: by a second backward pass, along a random direction, or by finite"
        " differences (fp32 only); auto is exact for mlp and forward for convolutions, where it costs less.",
    )
    gamma: Literal["auto"] | float = Field(
        default="auto", description="Weight of r1 and r2; auto finds it in the first steps and lets it fall."
    )
    penalty_weight: float = Field(default=10.0, gt=0, description="Weight of gp and dragan.")
    penalty_every: int = Field(default=1, ge=1, description="Penalties at every n-th step, n times as strong.")
    critic_steps: int = Field(default=1, ge=1, le=100, description="Critic steps for each step of the generator.")
    spectral: bool = Field(default=False, description="Spectral normalisation of the critic (Miyato et al. 2018).")
    skip: bool = Field(default=False, description="A linear map of z added to the output of an mlp generator.")
    norm: bool = Field(default=False, description="Batch normalisation in the mlp generator; dcgan has it anyway.")
    maxout: int = Field(default=0, ge=0, le=16, description="Pieces of maxout units in an mlp critic; 0: leaky ReLU.")
    fourier: int = Field(
        default=6, ge=0, le=12, description="Octaves of sines and cosines that an mlp critic sees of points."
    )
    pack: int = Field(default=1, ge=1, le=16, description="Images that the critic judges together (Lin et al. 2018).")
    minibatch_std: int = Field(
        default=0, ge=0, description="Images whose spread the critic sees (Karras et al. 2018); 0 for none."
    )
    augment: Literal["none", "diff", "ada"] = Field(
        default="none", description="What the critic sees is augmented: always (diff) or as much as it needs (ada)."
    )
    augment_target: float = Field(
        default=0.6, gt=0, lt=1, description="ada: mean sign of the critic's margin on real images to keep."
    )
    conditional: bool = Field(default=False, description="Model images given their class label.")
    mixing: float = Field(default=0.0, ge=0, le=1, description="style: share of images made of two styles.")
    path_length: float = Field(
        default=0.0, ge=0, description="style: weight of the path-length penalty (Karras et al. 2020); 0 for none."
    )
    grow: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="resnet, style: share of the budget over which resolutions are added; 0 starts with all.",
    )
    inverter_every: int = Field(
        default=4, ge=0, description="The net that guesses latents of images learns at every n-th step; 0: none."
    )

    @model_validator(mode="after")
    def _combinations(self) -> Self:
        if not isinstance(self.gamma, str) and self.gamma < 0:
            raise ValueError(f'gamma must be >= 0 or "auto", got {self.gamma}')
        if len(set(self.penalties)) < len(self.penalties):
            raise ValueError(f"penalties must differ from each other, got {list(self.penalties)}")
        if self.grow and self.net not in ("auto", "resnet", "style"):
            raise ValueError('grow needs net = "resnet" or "style"; use grow = 0')
        if (self.mixing or self.path_length) and self.net != "style":
            raise ValueError('mixing and path_length need net = "style"; use 0 for both')
        if self.signs and (self.signs > self.latent or self.net == "style"):
            raise ValueError(f'signs must be <= latent ({self.latent}) and need a net other than "style"; use 0')
        if self.maxout == 1:
            raise ValueError("maxout must be 0 or at least 2 pieces, got 1")
        return self


class GanOptimRecipe(OptimRecipe):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019), and its schedule over the budget."""

    lr: float = Field(default=1e-3, gt=0, description="Learning rate at its highest, for both players.")
    beta1: float = Field(default=0.0, ge=0, lt=1, description="Decay of the gradient mean.")
    beta2: float = Field(default=0.99, ge=0, lt=1, description="Decay of the gradient square.")


class GanRecipe(Recipe):
    """A recipe whose family is `gan`."""

    family: Literal["gan"] = Field(default="gan", description="How images are modelled.")
    optim: GanOptimRecipe = GanOptimRecipe()
    gan: GanSection = GanSection()

    @model_validator(mode="after")
    def _not_compiled(self) -> Self:
        if self.train.compile:
            raise ValueError(
                "train.compile must be false: what is compiled cannot be differentiated twice, as a critic is"
            )
        return self

    @model_validator(mode="after")
    def _batches(self) -> Self:
        part = self.train.micro or self.train.batch
        for name, num in (("pack", self.gan.pack), ("minibatch_std", self.gan.minibatch_std or 1)):
            if part % num:
                raise ValueError(f"gan.{name} must divide the batch (train.batch or train.micro, {part}), got {num}")
        return self
