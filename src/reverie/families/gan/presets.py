"""Recipes to start from. Each says what to expect and how long it takes; measured rows are in benchmarks/RESULTS.md."""

from typing import Any

from reverie.families.gan.recipe import GanRecipe

__all__ = ["dcgan", "default", "faces", "pacgan", "plain", "points", "style", "wgan_gp"]


def default() -> GanRecipe:
    """Any images: relativistic pairs with R1 and R2, gamma found by itself. 10 minutes."""
    return _recipe("default", {})


def faces() -> GanRecipe:
    """Drawn cartoon faces, 32 x 32 in colour: `reverie demo` trains it for 3 minutes. Varied faces, some smeared."""
    # of a few thousand steps DCGAN's nets make more than residual ones, and small batches more than large ones
    made = _recipe("faces", {"net": "dcgan", "inverter_every": 8}, minutes=3, batch=16, optim={"lr": 1.5e-3})
    data = made.data.model_copy(update={"num": 8000, "size": 32})
    train = made.train.model_copy(update={"probes": 8, "ema_images": 4000})
    return made.model_copy(update={"data": data, "train": train})


def points() -> GanRecipe:
    """The default game for points in the plane, taken when the data are points and no preset is named. 4 minutes of one
    core: all modes of ring8 and grid25, 98 % of good points or more, in ten seeds of ten."""
    # clusters are apart, and so are most of the latents: a Gaussian's image hangs together, with points on every bridge
    nets = {"depth": 4, "critic_depth": 3, "latent": 18, "signs": 16, "skip": True, "inverter_every": 0}
    # where gradients vanish, Adam with its usual eps divides noise by noise and goes on in steps of full length
    optim = {"lr": 2.8e-3, "beta2": 0.95, "eps": 3e-6, "warmup": 0.1}
    made = _recipe("points", nets, batch=512, optim=optim)
    # a cluster wanders while the game goes on, and an average of weights over many steps makes the middle of its ways
    train = made.train.model_copy(update={"minutes": None, "images": 5_500_000, "ema_images": 50_000})
    return made.model_copy(update={"data": made.data.model_copy(update={"source": "grid25"}), "train": train})


def style() -> GanRecipe:
    """The default game over a style generator (mapping network, modulated convolutions, noise). 20 minutes."""
    return _recipe("style", {"net": "style", "mixing": 0.5}, minutes=20)


def dcgan() -> GanRecipe:
    """Radford et al. 2016, to compare: non-saturating, batch normalisation, no penalty. 10 minutes; images worse."""
    return _baseline("dcgan", {"net": "dcgan"}, {"lr": 2e-4, "beta1": 0.5, "beta2": 0.999})


def wgan_gp() -> GanRecipe:
    """Gulrajani et al. 2017, to compare, over DCGAN's nets: five critic steps for each of the generator. 10 minutes."""
    # over the residual nets, which have no normalisation, this game drifts apart after some 300,000 images
    gan = {"net": "dcgan", "objective": "wasserstein", "penalties": ["gp"], "critic_steps": 5}
    return _baseline("wgan-gp", gan, {"lr": 1e-4, "beta1": 0.0, "beta2": 0.9})


def plain() -> GanRecipe:
    """Goodfellow et al. 2014 with PacGAN's nets for points, for comparison. 10 minutes, and modes are missing."""
    return _baseline("plain", _PAC_NETS, {"lr": 1e-4, "beta1": 0.8, "beta2": 0.999})


def pacgan() -> GanRecipe:
    """PacGAN2 (Lin et al. 2018) for points, for comparison: the critic judges two at a time. 10 minutes."""
    return _baseline("pacgan", _PAC_NETS | {"pack": 2}, {"lr": 1e-4, "beta1": 0.8, "beta2": 0.999})


_PAC_NETS: dict[str, Any] = {
    "net": "auto",
    "width": 400,
    "critic_width": 200,
    "depth": 4,
    "critic_depth": 3,
    "maxout": 5,
    "fourier": 0,
    "norm": True,
    "latent": 2,
}


def _recipe(
    preset: str, gan: dict[str, Any], *, minutes: float = 10, batch: int = 64, optim: dict[str, Any] | None = None
) -> GanRecipe:
    return GanRecipe.model_validate(
        {
            "preset": preset,
            "data": {"source": "faces"},
            "train": {"minutes": minutes, "batch": batch},
            "optim": optim or {},
            "gan": gan,
        }
    )


def _baseline(preset: str, gan: dict[str, Any], optim: dict[str, Any]) -> GanRecipe:
    given = {"objective": "nonsaturating", "penalties": [], "inverter_every": 0} | gan
    return _recipe(preset, given, optim={"decay": "none", "warmup": 0.0} | optim)
