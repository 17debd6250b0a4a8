"""Recipes to start from. Each says what to expect and how long it takes; measured rows are in benchmarks/RESULTS.md."""

from reverie.families.vae.recipe import VaeRecipe

__all__ = ["default", "faces", "mnist_dynamic", "mnist_fixed", "mnist_iwae", "mnist_ladder", "mnist_vamp"]


def default() -> VaeRecipe:
    """Any images, any size: a small residual net, a Gaussian with optimal spread. 10 minutes; recognisable but soft."""
    return VaeRecipe.model_validate(
        {
            "data": {"source": "faces"},
            "train": {"minutes": 10, "batch": 64},
            "optim": {"lr": 1e-3},
            "vae": {"net": "resnet", "width": 16, "depth": 1, "latent": 64, "likelihood": "gaussian"},
        }
    )


def faces() -> VaeRecipe:
    """Drawn cartoon faces, 32 x 32 in colour: `reverie demo` trains it for 3 minutes. Faces, a little soft."""
    return VaeRecipe.model_validate(
        {
            "preset": "faces",
            "data": {"source": "faces", "num": 8000, "size": 32},
            "train": {"minutes": 3, "batch": 64, "ema_images": 5000, "probes": 5},
            "optim": {"lr": 2e-3},
            "vae": {"net": "resnet", "width": 16, "depth": 1, "latent": 48, "likelihood": "gaussian"},
        }
    )


def mnist_dynamic() -> VaeRecipe:
    """MNIST, each pixel redrawn as a coin at every visit; one layer. 9 minutes on one core: NLL 83.9 nats."""
    return _mnist("mnist", "mnist-dynamic", 9, {})


def mnist_fixed() -> VaeRecipe:
    """Larochelle's fixed binarisation of MNIST; one stochastic layer. 8 minutes on one core: NLL 86.4 nats."""
    return _mnist("binarized-mnist", "mnist-fixed", 8, {})


def mnist_vamp() -> VaeRecipe:
    """Fixed binarisation; the prior is a mixture of 500 posteriors. 25 minutes on one core: NLL 83.3 nats."""
    return _mnist("binarized-mnist", "mnist-vamp", 25, {"prior": "vamp", "encoder": "mlp"}, weight_decay=0.05)


def mnist_iwae() -> VaeRecipe:
    """Dynamic binarisation; the bound of 50 weighted draws. 24 minutes on one core: NLL 83.1 nats."""
    return _mnist("mnist", "mnist-iwae", 24, {"samples": 50, "ramp": [0.4, 0.8]}, batch=64)


def mnist_ladder() -> VaeRecipe:
    """Dynamic binarisation; three stochastic layers, coarse to fine. 30 minutes on one core: NLL 81.6 nats."""
    vae: dict[str, object] = {"net": "ladder", "layers": 3, "latent": 8, "free_bits": 0.5, "warmup": 0.1}
    return _mnist("mnist", "mnist-ladder", 30, vae, batch=64)


def _mnist(
    source: str, preset: str, minutes: float, vae: dict[str, object], *, batch: int = 128, weight_decay: float = 0.0
) -> VaeRecipe:
    return VaeRecipe.model_validate(
        {
            "preset": preset,
            "data": {"source": source, "binarize": "dynamic" if source == "mnist" else "no"},
            "train": {"minutes": minutes, "batch": batch, "clip": 200.0, "ema_images": 100_000},
            "optim": {"lr": 1e-3, "weight_decay": weight_decay},
            "vae": {"net": "resnet", "width": 16, "latent": 40, "likelihood": "bernoulli", **vae},
        }
    )
