"""The recorded runs that come with the course, as plain data: what each is for, and the recipe that makes it.

`record.py` trains and packs them. What is planted in a failure is the difference between its settings and those of the
healthy run beside it; whether it shows is for `tests/studio/test_recorded.py` to say.
"""

import shlex
from dataclasses import dataclass, field
from typing import Any

Settings = dict[str, Any]

LOOK: Settings = {
    "train.threads": 1,
    "train.device": "cpu",
    "train.grids": 12,
    "train.probes": 16,
    "train.log_every": 10,
}

# Unit 4: one net, one set of drawn faces, the same images in the same order. A fixed spread of 1 makes the pixels' term
# half a sum of squares, so that a latent dimension is given up where beta exceeds the variance of pixels that it
# explains: the first explains 85 of 466 (32 x 32 faces), the thirtieth 1.8.
FACES_32: Settings = {"data.size": 32, "data.num": 8000}
BETA: Settings = FACES_32 | {
    "train.batch": 64, "train.ema_images": 4000, "optim.lr": 2e-3, "vae.net": "conv", "vae.width": 16,
    "vae.hidden": 256, "vae.latent": 32, "vae.scale": 1.0,
}  # fmt: skip

# Unit 6: handwritten digits, 8 x 8, and nets of some ten thousand weights.
DIGITS: Settings = {
    "train.batch": 64, "train.ema_images": 2000, "train.log_every": 20, "gan.net": "mlp", "gan.width": 128,
    "gan.depth": 2, "gan.latent": 16, "gan.inverter_every": 0,
}  # fmt: skip
STRONG: Settings = {"gan.critic_width": 256, "gan.critic_depth": 3}
UNGUARDED: Settings = {"gan.objective": "nonsaturating", "gan.penalties": []}
SHAPES: Settings = DIGITS | STRONG | {"data.size": 16}
GAN_FACES: Settings = FACES_32 | {"gan.width": 12, "gan.latent": 32, "gan.inverter_every": 0, "train.batch": 32,
                                  "train.ema_images": 1000, "optim.lr": 2e-3}  # fmt: skip


@dataclass(frozen=True)
class Recording:
    """One training, and what its recording keeps.

    Args:
        unit: the unit of the course that plays it.
        title: what a page calls it.
        family: "vae" or "gan".
        data: a set that Reverie draws, or scikit-learn's digits.
        images: the budget in training images, or
        minutes: in minutes.
        settings: on top of `LOOK`.
        preset: of the family, empty for the usual one.
        seed: decides every draw.
        expected: the codes of which the doctor names one first; none for a run that must be sound. "nothing" among
            them: it may be sound too, as a GAN that had minutes for faces, and makes most kinds of them or nearly all.
        held: held-out images whose encodings and reconstructions are kept.
        weights: "last", so that what is shown is how the run ended, or "best".
        decoder: whether the net that makes images is kept.
    """

    unit: str
    title: str
    family: str
    data: str
    images: int | None = None
    minutes: float | None = None
    settings: Settings = field(default_factory=lambda: {})
    preset: str = ""
    seed: int = 0
    expected: tuple[str, ...] = ()
    held: int = 0
    weights: str = "last"
    decoder: bool = True

    @property
    def full_settings(self) -> Settings:
        """All that is set besides budget and seed."""
        return LOOK | self.settings

    def command(self, name: str) -> str:
        """The training as one line of a terminal.

        Args:
            name: the run's.
        """
        budget = ["--images", f"{self.images}"] if self.images else ["--minutes", f"{self.minutes:g}"]
        words = [
            "reverie",
            "train",
            self.family,
            self.data,
            *(["--preset", self.preset] if self.preset else []),
            *budget,
        ]
        words += ["--seed", f"{self.seed}", "--run", f"runs/{name}"]
        for key, value in self.full_settings.items():
            words += ["--set", f"{key}={_toml(value)}"]
        return shlex.join(words)


def _toml(value: Any) -> str:
    """A value as `--set` reads it."""
    if isinstance(value, list):
        return "[" + ", ".join(f'"{one}"' for one in value) + "]"
    return str(value).lower() if isinstance(value, bool) else f"{value}"


def _beta(beta: float, title: str, *expected: str) -> Recording:
    settings = BETA | {"vae.beta": beta}
    return Recording("the-elbo", title, "vae", "faces", 100_000, settings=settings, expected=expected, held=8)


def _digits(title: str, images: int, planted: Settings, *expected: str, **rest: Any) -> Recording:
    settings = DIGITS | planted
    return Recording("when-a-gan-fails", title, "gan", "digits", images, settings=settings, expected=expected, **rest)


def _fault(title: str, data: str, images: int, settings: Settings, *expected: str, seed: int) -> Recording:
    return Recording(
        "when-a-gan-fails", title, "gan", data, images, settings=settings, seed=seed, expected=expected, decoder=False
    )


RECORDINGS: dict[str, Recording] = {
    "vae-faces-b1": _beta(1.0, "beta 1"),
    "vae-digits": Recording(
        "the-vae", "A VAE on handwritten digits", "vae", "digits", 60_000, held=16,
        settings={"data.size": 16, "train.batch": 64, "train.ema_images": 3000, "optim.lr": 2e-3, "vae.net": "conv",
                  "vae.width": 16, "vae.hidden": 128, "vae.latent": 10, "vae.scale": 0.45},
    ),
    "gan-ring8": Recording(
        "the-gan", "A GAN on eight clusters", "gan", "ring8", 800_000, preset="points",
        settings={"train.batch": 128, "optim.lr": 2e-3, "optim.eps": 1e-8, "train.ema_images": 10_000,
                  "train.save_minutes": 0.1, "gan.width": 64, "gan.critic_width": 64, "gan.depth": 3,
                  "gan.critic_depth": 2, "gan.latent": 4, "gan.signs": 0, "gan.skip": False, "gan.inverter_every": 0},
    ),
    "gan-collapse": _digits(
        "Mode collapse", 80_000,
        UNGUARDED | {"gan.depth": 3, "gan.critic_depth": 1, "optim.lr": 5e-3, "optim.beta1": 0.9}, "G001",
    ),
    "gan-healthy": _digits("Healthy", 300_000, {}),
    "gan-vanishing": _digits(
        "Vanishing signal", 60_000,
        UNGUARDED | {"gan.objective": "minimax", "gan.critic_steps": 10, "gan.critic_width": 384, "gan.critic_depth": 3,
                     "optim.lr": 3e-3}, "G003",
    ),
    "gan-oscillation": _digits(
        "Oscillation", 400_000,
        {"gan.penalties": ["r1"], "gan.gamma": 3.0, "optim.lr": 1.2e-2, "optim.decay": "none", "optim.warmup": 0.15,
         "train.ema_images": 0, "train.probes": 24, "train.grids": 24, "train.log_every": 100}, "G005",
    ),
    "gan-overfit": Recording(
        "when-a-gan-fails", "Critic overfit", "gan", "faces", 140_000, expected=("G007",),
        settings=DIGITS | STRONG | {"data.size": 24, "data.num": 200, "gan.objective": "nonsaturating",
                                    "gan.penalties": ["r1"], "gan.gamma": 0.003},
    ),
    "vae-faces-b40": _beta(100.0, "beta 100", "V001"),
    "vae-faces-b0": _beta(0.002, "beta 0.002", "V005", "V003"),
    "vae-faces-b025": _beta(0.25, "beta 0.25"),
    "vae-faces-b4": _beta(4.0, "beta 4"),
    "fault-1": _fault(
        "The first log", "faces", 20_000,
        GAN_FACES | UNGUARDED | {"gan.objective": "minimax", "gan.critic_steps": 4, "gan.critic_width": 32},
        "G003", seed=10,
    ),
    "fault-2": _fault(
        "The second log", "faces", 24_000, GAN_FACES | UNGUARDED | {"optim.lr": 4e-3, "optim.beta1": 0.5},
        "G001", "G002", seed=12,
    ),
    "fault-3": _fault("The third log", "shapes", 150_000, SHAPES | {"data.num": 8000}, seed=13),
    "fault-4": _fault(
        "The last log", "shapes", 100_000,
        SHAPES | {"data.num": 200, "gan.objective": "nonsaturating", "gan.penalties": ["r1"], "gan.gamma": 0.01},
        "G007", seed=14,
    ),
    "vae-faces": Recording(
        "the-vae", "A VAE on drawn faces", "vae", "faces", 120_000, preset="faces", held=12,
        settings={"data.size": 48, "train.probes": 12, "optim.lr": 2e-3, "vae.net": "conv", "vae.width": 16,
                  "vae.hidden": 256, "vae.scale": 0.3},
    ),
    "gan-faces": Recording(
        "the-gan", "A GAN on drawn faces", "gan", "faces", 300_000,
        settings=GAN_FACES | {"gan.width": 32, "optim.lr": 1.5e-3, "train.ema_images": 4000},
    ),
    "trade-vae": Recording(
        "the-trade-off", "The VAE", "vae", "faces", minutes=12, preset="faces", weights="best",
        settings={"data.size": 32, "vae.hidden": 256}, held=8,
    ),
    "trade-gan": Recording(
        "the-trade-off", "The GAN", "gan", "faces", minutes=12, preset="faces", weights="best",
        settings={"data.size": 32, "train.batch": 16, "train.ema_images": 50_000, "optim.lr": 1e-3,
                  "gan.net": "auto", "gan.inverter_every": 0}, expected=("G002", "nothing"),
    ),
}  # fmt: skip
