"""Opening a run's data, and the pictures and numbers that a card or a report shows of it."""

from typing import Any

import numpy as np
from torch import Tensor

from reverie.core.capability import Decodes, Encodes, Inverts, Reconstructs, Samples
from reverie.core.recipe import Recipe
from reverie.core.run import Run
from reverie.data import Dataset, open_dataset
from reverie.measure import get_metric, to_json_dict
from reverie.measure import measure as take
from reverie.ship.exhibits import Exhibits
from reverie.tasks.interpolate import interpolate as morph
from reverie.tasks.latents import latents_of

GRID, POINTS = 64, 1000  # images on a sheet; dots on a plot
QUICK = ("elbo", "psnr", "ssim", "sharpness", "active_units", "modes")  # metrics that take seconds


def open_data(recipe: Recipe) -> Dataset:
    return open_dataset(recipe.data)


def exhibits(run: Run, dataset: Dataset, model: Any, *, measured: dict[str, Any] | None = None) -> Exhibits:
    """Pictures of a trained model for its card and report."""
    held = dataset.held_out.batch(np.arange(min(16, len(dataset.held_out))))
    samples: Tensor | None = None
    reconstructions: Tensor | None = None
    between: Tensor | None = None
    num_parameters = sum(p.numel() for p in model.parameters())
    if isinstance(model, Samples):
        samples = model.sample(range(GRID if dataset.spec.kind == "images" else POINTS)).cpu()
    if isinstance(model, Reconstructs):
        reconstructions = model.reconstruct(held.images, labels=held.labels).cpu()
    if isinstance(model, Decodes) and isinstance(model, Encodes | Inverts) and dataset.spec.kind == "images":
        z = latents_of(model, held.images, labels=held.labels, name=run.name)
        label = None if held.labels is None else int(held.labels[0])
        between = morph(model, z[0], z[1], steps=9, label=label, name=run.name).cpu()
        if reconstructions is None:
            reconstructions = model.decode(z, labels=held.labels).cpu()
    return Exhibits(
        samples=samples,
        originals=held.images.cpu() if reconstructions is not None else None,
        reconstructions=reconstructions,
        morph=between,
        measured=_quick(run, dataset, model) if measured is None else measured,
        data=facts(dataset),
        parameters=num_parameters,
        encodes_alone=isinstance(model, Encodes) and samples is None,
        items=dataset.spec.kind,
    )


def facts(dataset: Dataset) -> dict[str, Any]:
    spec = dataset.spec
    facts: dict[str, Any] = {
        f"training {spec.kind}": len(dataset.train),
        f"held-out {spec.kind}": len(dataset.held_out),
        "size": f"{spec.height} x {spec.width}, {spec.channels} channel{'s' if spec.channels > 1 else ''}"
        if spec.kind == "images"
        else "points in the plane",
        "fingerprint": dataset.fingerprint[:16],
    }
    return facts | ({f"test {spec.kind}": len(dataset.test)} if dataset.test is not None else {})


def _quick(run: Run, dataset: Dataset, model: Any) -> dict[str, Any]:
    """A few numbers on held-out data, with their errors: what a card should say without being asked."""
    held = dataset.held_out
    num = min(256 if held.spec.kind == "images" else 2_500, len(held))  # points take no time
    able = [
        name
        for name, metric in ((name, get_metric(name)) for name in QUICK)
        if metric.least <= num and metric.unfit(held.spec) is None and all(isinstance(model, n) for n in metric.needs)
    ]
    if not able:
        return {}
    values = take(model, held, metrics=able, samples=16, num=num)
    draws = {"importance_samples": 16} if "elbo" in able else {}
    protocol = {"data": run.recipe().data.source, "split": "held-out", held.spec.kind: num, **draws, "seed": 0}
    return to_json_dict(run.name, protocol, values)
