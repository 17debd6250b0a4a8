"""The cases of `doctor.py`: recipes that ought to fail, and recipes that look as if they would and do not.

A case says what was planted; whether it really went wrong is for `doctor_truth.py` to find out.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

# Thresholds may be changed after looking at these kinds of data; on all others they are only reported.
FITTING = ("ring8", "digits", "mnist")
HEALTHY = "healthy"


@dataclass(frozen=True)
class Case:
    """One training.

    Args:
        plant: the kind of failure, or "healthy".
        degree: "mild" or "severe"; of healthy runs "ordinary" or "unusual".
        accepted: the codes that name it, the planted one and what it may turn into.
        data: the kind of data, as `FITTING` has it.
    """

    family: str
    plant: str
    degree: str
    data: str
    seed: int
    images: int
    settings: tuple[tuple[str, Any], ...]
    accepted: tuple[str, ...] = ()
    note: str = ""

    @property
    def name(self) -> str:
        """Its folder's."""
        parts = [self.family, self.plant, self.note or self.degree, self.data, str(self.seed)]
        return "-".join(parts).replace(" ", "_")

    @property
    def fits(self) -> bool:
        """Whether thresholds may be chosen on it."""
        return self.data in FITTING


# data -> (images of a gan's budget, of a vae's, settings of every run, of a gan, of a vae)
_IMAGES = {"data.size": 16}
_SMALL_MLP = {"gan.width": 64, "gan.critic_width": 64, "gan.depth": 3, "gan.critic_depth": 2}
_WIDER_MLP = {"gan.width": 128, "gan.critic_width": 128, "gan.depth": 4, "gan.critic_depth": 3}
_SMALL_GAN = {"gan.net": "resnet", "gan.width": 12, "gan.latent": 32}
_QUICK_GAN = _SMALL_GAN | {"train.batch": 32, "optim.lr": 2e-3}
_QUICK_FACES = {"gan.width": 8, "train.batch": 32, "optim.lr": 2e-3}
_SMALL_VAE = {"vae.net": "conv", "vae.width": 16, "vae.hidden": 128, "vae.latent": 24}
DATA: dict[str, tuple[int, int, dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "ring8": (160_000, 0, {"train.batch": 64, "optim.lr": 2e-3}, _SMALL_MLP, {}),
    "grid25": (512_000, 0, {"train.batch": 128, "optim.lr": 2e-3}, _WIDER_MLP, {}),
    "digits": (48_000, 60_000, {}, _SMALL_GAN, _SMALL_VAE),
    "mnist": (48_000, 48_000, _IMAGES, _QUICK_GAN, _SMALL_VAE),
    "fashion-mnist": (48_000, 48_000, _IMAGES, _QUICK_GAN, _SMALL_VAE),
    "shapes": (48_000, 48_000, _IMAGES | {"data.num": 8000}, _QUICK_GAN, _SMALL_VAE),
    "faces": (16_000, 24_000, {"data.size": 32, "data.num": 4000}, _QUICK_FACES, _SMALL_VAE | {"vae.latent": 48}),
}
COMMON = {"train.threads": 1, "train.probes": 20, "train.grids": 6, "train.log_every": 5, "train.save_minutes": 30.0}
# the last three are what images have anyway; points have what keeps modes apart and steps short otherwise
PLAIN = {"gan.objective": "nonsaturating", "gan.penalties": [], "gan.signs": 0, "gan.skip": False, "optim.eps": 1e-8}
FEW = 160  # training images, beside 64 held-out ones

GAME = ("G001", "G002", "G003", "G005", "G006", "X010", "X001", "X011")
MEMORY = ("G007", "X011", "X012", "X013")
# plant -> (family, accepted codes, (mild, severe), data to fit on, data to report on)
Degrees = tuple[dict[str, Any], dict[str, Any]]
PLANTS: dict[str, tuple[str, tuple[str, ...], Degrees, str, str]] = {
    "weak critic": (
        "gan",
        ("G001", "G002", "G004", "G005", "G006"),
        (
            PLAIN | {"gan.critic_width": 8, "gan.critic_depth": 1, "optim.lr": 4e-3, "optim.beta1": 0.5},
            PLAIN | {"gan.critic_width": 4, "gan.critic_depth": 1, "optim.lr": 1e-2, "optim.beta1": 0.5},
        ),
        "digits",
        "fashion-mnist",
    ),
    "plain game": (
        "gan",
        ("G001", "G002", "G003", "G005", "G006"),
        (
            PLAIN | {"gan.latent": 2, "gan.fourier": 0, "optim.beta1": 0.8, "optim.beta2": 0.999},
            PLAIN | {"gan.objective": "minimax", "gan.latent": 2, "gan.fourier": 0, "optim.beta1": 0.9},
        ),
        "ring8",
        "grid25",
    ),
    "latent too small": (
        "gan",
        ("G001", "G002", "G003", "G005", "G006"),
        (PLAIN | {"gan.latent": 1, "optim.beta1": 0.5}, PLAIN | {"gan.latent": 1, "gan.width": 4, "optim.beta1": 0.8}),
        "ring8",
        "shapes",
    ),
    "strong critic": (
        "gan",
        ("G001", "G002", "G003", "G006", "X011"),
        (
            PLAIN | {"gan.objective": "minimax", "gan.critic_steps": 4},
            PLAIN | {"gan.objective": "minimax", "gan.critic_steps": 8, "gan.critic_width": 48, "optim.lr": 2e-3},
        ),
        "digits",
        "shapes",
    ),
    "stiff critic": (
        "gan",
        ("G001", "G002", "G004"),
        ({"gan.gamma": 1e3}, {"gan.gamma": 1e6}),
        "ring8",
        "fashion-mnist",
    ),
    "orbits": (
        "gan",
        GAME,
        (
            PLAIN | {"optim.beta1": 0.9, "optim.lr": 3e-3, "train.ema_images": 0, "optim.decay": "none"},
            PLAIN | {"optim.beta1": 0.95, "optim.lr": 8e-3, "train.ema_images": 0, "optim.decay": "none"},
        ),
        "ring8",
        "grid25",
    ),
    "far too fast": ("gan", GAME, ({"optim.lr": 5e-2}, {"optim.lr": 0.3}), "mnist", "faces"),
    "few images": (
        "gan",
        (*MEMORY, "G001", "G002", "G003", "G005", "G006"),
        ({"gan.gamma": 0.01, "gan.width": 24}, PLAIN | {"gan.width": 24, "optim.beta1": 0.5}),
        "mnist",
        "fashion-mnist",
    ),
    "late collapse": (
        "gan",
        GAME,
        (
            PLAIN | {"optim.decay": "none", "optim.warmup": 0.9, "optim.lr": 1e-2, "optim.beta1": 0.5},
            PLAIN | {"optim.decay": "none", "optim.warmup": 0.9, "optim.lr": 4e-2, "optim.beta1": 0.5},
        ),
        "digits",
        "fashion-mnist",
    ),
    "beta too large": (
        "vae",
        ("V001", "V004", "V005"),
        ({"vae.beta": 20.0}, {"vae.beta": 200.0}),
        "digits",
        "fashion-mnist",
    ),
    "strong decoder": (
        "vae",
        ("V001", "V004", "V005"),
        ({"vae.scale": 2.0}, {"vae.scale": 6.0}),
        "mnist",
        "shapes",
    ),
    "mean for sum": ("vae", ("V003", "V005"), ({"vae.beta": 0.02}, {"vae.beta": 1 / 256}), "digits", "shapes"),
    "no prior": ("vae", ("V003", "V005"), ({"vae.beta": 1e-3}, {"vae.beta": 0.0}), "mnist", "fashion-mnist"),
    "wide pixels": (
        "vae",
        ("V001", "V002", "V004", "V005"),
        ({"vae.scale": 0.7}, {"vae.scale": 1.2}),
        "digits",
        "faces",
    ),
    "vae far too fast": (
        "vae",
        ("X001", "X010", "X011", "V001"),
        ({"optim.lr": 0.1}, {"optim.lr": 3.0}),
        "mnist",
        "faces",
    ),
    "vae few images": (
        "vae",
        ("X011", "X012", "X013"),
        ({"vae.net": "mlp", "vae.width": 256}, {"vae.net": "mlp", "vae.width": 512, "vae.depth": 2, "optim.lr": 2e-3}),
        "mnist",
        "fashion-mnist",
    ),
}
# family, data, what is unusual, settings
R1R2 = {"gan.penalties": ["r1", "r2"]}
# The quick nets above are enough for a GAN of images to fail in, and to tell when one could have shown. At their
# end most of those that nothing was planted in are no good either; with the settings of the preset for faces they are.
_GOOD = {"gan.net": "dcgan", "gan.width": 24, "train.batch": 16, "optim.lr": 1.5e-3}
_GOOD_FACES = _GOOD | {"gan.width": 32, "data.num": 8000, "train.images": 40_000, "train.ema_images": 4000}
GOOD = dict.fromkeys(("digits", "mnist", "fashion-mnist"), _GOOD)
GOOD |= {"faces": _GOOD_FACES, "shapes": {"train.images": 144_000}}  # edges of shapes want residual nets, and time
SOUND: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("gan", "ring8", "", {}),
    ("gan", "grid25", "", {}),
    ("gan", "digits", "", {}),
    ("gan", "mnist", "", {}),
    ("gan", "fashion-mnist", "", {}),
    ("gan", "shapes", "", {}),
    ("gan", "faces", "", {}),
    ("vae", "digits", "", {}),
    ("vae", "mnist", "", {}),
    ("vae", "fashion-mnist", "", {}),
    ("vae", "shapes", "", {}),
    ("vae", "faces", "", {}),
    ("gan", "ring8", "small nets", {"gan.width": 32, "gan.critic_width": 32}),
    ("gan", "grid25", "small nets", {"gan.width": 64, "gan.critic_width": 64}),
    ("gan", "ring8", "long run", {"train.images": 400_000}),
    ("gan", "grid25", "least squares", {"gan.objective": "least-squares", **R1R2}),
    ("gan", "ring8", "hinge", {"gan.objective": "hinge", **R1R2}),
    ("gan", "grid25", "momentum", {"optim.beta1": 0.5}),
    ("gan", "digits", "tiny latent", {"gan.latent": 4}),
    ("gan", "digits", "non-saturating", {"gan.objective": "nonsaturating", **R1R2}),
    ("gan", "fashion-mnist", "few classes", {"gan.latent": 16}),
    ("gan", "mnist", "near duplicates", {}),
    ("gan", "fashion-mnist", "two critic steps", {"gan.critic_steps": 2}),
    ("gan", "digits", "conditional", {"gan.conditional": True}),
    ("gan", "mnist", "augmented", {"gan.augment": "diff"}),
    ("gan", "fashion-mnist", "dcgan net", {"gan.net": "dcgan", "gan.width": 12}),
    ("vae", "digits", "high beta", {"vae.beta": 3.0}),
    ("vae", "fashion-mnist", "high beta", {"vae.beta": 3.0}),
    ("vae", "digits", "tiny latent", {"vae.latent": 4}),
    ("vae", "fashion-mnist", "tiny latent", {"vae.latent": 6}),
    ("vae", "digits", "small net", {"vae.net": "mlp", "vae.width": 64}),
    ("vae", "fashion-mnist", "wide latent", {"vae.latent": 256}),
    ("vae", "mnist", "warm-up", {"vae.warmup": 0.4}),
    ("vae", "shapes", "free bits", {"vae.free_bits": 0.2}),
    ("vae", "fashion-mnist", "importance weighted", {"vae.samples": 5}),
    ("vae", "digits", "long run", {"train.images": 200_000}),
    ("vae", "shapes", "long run", {"train.images": 144_000}),
    ("vae", "faces", "long run", {"train.images": 72_000}),
    ("vae", "fashion-mnist", "few classes", {}),
    ("vae", "mnist", "near duplicates", {}),
    ("vae", "fashion-mnist", "bernoulli", {"vae.likelihood": "bernoulli", "data.binarize": "dynamic"}),
    ("vae", "shapes", "vamp", {"vae.prior": "vamp", "vae.pseudo_inputs": 50}),
)


def cases(seeds: int, budget: float) -> list[Case]:
    """Every case, seed by seed, those first that thresholds may be fitted on.

    Args:
        seeds: of sound runs, and of planted failures on data that are reported; on data for fitting those get one.
        budget: times the images of every training.
    """
    found: list[Case] = []
    for family, data, note, own in SOUND:
        good = GOOD.get(data) if family == "gan" else None
        found += [_healthy(family, data, note, own, seed, budget) for seed in range(1 if good else seeds)]
        if good is not None:
            better, name = good | own, f"{note} good".strip()
            found += [_healthy(family, data, name, better, seed, budget) for seed in range(seeds)]
    for plant in PLANTS:
        for seed in range(seeds):
            found += [_planted(plant, degree, seed, budget, reported=True) for degree in (0, 1)]
        found += [_planted(plant, degree, 0, budget, reported=False) for degree in (0, 1)]
    cheap = {name: i for i, name in enumerate(DATA)}
    return sorted(found, key=lambda c: (c.seed, not c.fits, c.plant == HEALTHY, c.degree == "mild", cheap[c.data]))


def _healthy(family: str, data: str, note: str, own: dict[str, Any], seed: int, budget: float) -> Case:
    made = _case(family, HEALTHY, "unusual" if note else "ordinary", data, seed, own, budget)
    return Case(**{**vars(made), "note": note})


def _planted(plant: str, degree: int, seed: int, budget: float, *, reported: bool) -> Case:
    family, accepted, degrees, fitting, other = PLANTS[plant]
    name = ("mild", "severe")[degree]
    made = _case(family, plant, name, other if reported else fitting, seed, degrees[degree], budget)
    return Case(**{**vars(made), "accepted": accepted})


def _case(family: str, plant: str, degree: str, data: str, seed: int, own: dict[str, Any], budget: float) -> Case:
    of_gan, of_vae, every, gan, vae = DATA[data]
    settings = {**COMMON, **every, **(gan if family == "gan" else vae), **own}
    images = settings.pop("train.images", of_gan if family == "gan" else of_vae)
    ema = {} if "train.ema_images" in own else {"train.ema_images": images // 25}
    return Case(family, plant, degree, data, seed, int(images * budget), tuple({**settings, **ema}.items()))


def source(case: Case, folder: Path) -> str:
    """What the case trains on: the named set, or a small one made of it, written once as a .npz."""
    made = {"few classes": _few_classes, "near duplicates": _near_duplicates}.get(case.note.removesuffix(" good"))
    made = _few_images if "few images" in case.plant else made
    if made is None:
        return case.data
    path = folder / "sets" / f"{case.data}{made.__name__}.npz"
    if not path.exists():
        from reverie.core.recipe import DataRecipe
        from reverie.data import open_dataset

        batch = open_dataset(DataRecipe(source=case.data, size=16)).train.batch(np.arange(6000))
        images = np.round((batch.images.numpy() + 1) * 127.5).astype(np.uint8)
        labels = np.zeros(len(images), np.int64) if batch.labels is None else batch.labels.numpy()
        images, labels = made(images, labels)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            np.savez(file, images=images.transpose(0, 2, 3, 1), labels=labels)
    return str(path)


Labelled = tuple[np.ndarray, np.ndarray]


def _few_images(images: np.ndarray, labels: np.ndarray) -> Labelled:
    return images[: FEW + 64], labels[: FEW + 64]


def _few_classes(images: np.ndarray, labels: np.ndarray) -> Labelled:
    kept = np.isin(labels, [0, 1])
    return images[kept], labels[kept]


def _near_duplicates(images: np.ndarray, labels: np.ndarray) -> Labelled:
    """Sixty photographs, each fifty times with a grain of its own, as frames of one film are."""
    chance = np.random.default_rng(0)
    again, tags = np.repeat(images[:60], 50, axis=0), np.repeat(labels[:60], 50)
    grain = chance.normal(0, 6, again.shape)
    return np.clip(np.round(again + grain), 0, 255).astype(np.uint8), tags
