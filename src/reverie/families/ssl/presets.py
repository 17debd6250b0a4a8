"""Recipes to start from. Each says what to expect and how long it takes; measured rows are in benchmarks/RESULTS.md."""

from typing import Any

from reverie.families.ssl.recipe import SslRecipe

__all__ = ["byol", "default", "photographs", "simclr"]

_WIDE: dict[str, Any] = {"features": 512, "layers": 3}


def default() -> SslRecipe:
    """Any images, without labels: VICReg on a small residual net. 20 minutes; codes that a linear classifier reads."""
    return _recipe("default", _WIDE)


def photographs() -> SslRecipe:
    """A thousand photographs or a few: SimCLR on plain convolutions, in small batches. 20 minutes at 64 pixels."""
    return _recipe("photographs", {"method": "simclr", "net": "conv", "width": 32}, batch=64)


def simclr() -> SslRecipe:
    """The default with a contrast between all images of a batch (Chen et al. 2020). 20 minutes, about as good."""
    return _recipe("simclr", _WIDE | {"method": "simclr"}, batch=128)


def byol() -> SslRecipe:
    """The default with a student and its slow copy, no negatives (Grill et al. 2020). 20 minutes; slow to begin."""
    return _recipe("byol", _WIDE | {"method": "byol"}, batch=128)


def _recipe(preset: str, ssl: dict[str, Any], *, batch: int = 256) -> SslRecipe:
    return SslRecipe.model_validate(
        {
            "preset": preset,
            "data": {"source": "faces"},
            "train": {"minutes": 20, "batch": batch, "ema_images": 20_000},
            "optim": {"lr": 2e-3, "weight_decay": 0.01, "warmup": 0.05},
            "ssl": ssl,
        }
    )
