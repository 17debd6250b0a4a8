"""Using a trained run: load, sample, measure, interpolate."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from reverie.api.measuring import compared, measure_pictures, remarks, unseen
from reverie.api.showing import open_data
from reverie.core.capability import Decodes, Samples
from reverie.core.errors import RunError, UsageError
from reverie.core.family import get_family
from reverie.core.recipe import Recipe
from reverie.core.run import Run
from reverie.core.spec import DataSpec
from reverie.data import read_image
from reverie.measure import measure as take
from reverie.measure import to_json_dict
from reverie.measure.extractor import Means
from reverie.measure.metric import Precision
from reverie.tasks.interpolate import Method
from reverie.tasks.interpolate import interpolate as morph
from reverie.tasks.latents import latents_of
from reverie.tasks.require import require
from reverie.train.checkpoint import load_weights
from reverie.train.device import pick_device, place


def load(run: Path | str | Run, *, weights: Literal["best", "last"] = "best", device: str = "auto") -> Any:
    """The trained model of a run: an nn.Module in evaluation mode that implements capabilities.

    Args:
        run: the folder.
        weights: best by held-out measurement, or last; best falls back to last while there is none.
        device: auto, cpu, cuda...
    Raises:
        RunError: not a run, or its weights are missing or damaged.
    """
    here = run if isinstance(run, Run) else Run.open(Path(run))
    path = here.path / "weights" / f"{weights}.safetensors"
    if weights == "best" and not path.exists():
        path = path.with_name("last.safetensors")
    tensors, spec, _ = load_weights(path)
    made = here.recipe()
    model = get_family(made.family).build(made, spec)
    try:
        model.load_state_dict(tensors)
    except RuntimeError:
        raise RunError(f"{path}: does not fit {here.path}/recipe.toml. Was the recipe edited? Put it back.") from None
    return place(model, pick_device(device)).eval().requires_grad_(False)


def sample(
    run: Path | str,
    n: int = 64,
    *,
    seed: int = 0,
    label: int | str | None = None,
    truncation: float = 1.0,
    device: str = "auto",
) -> Tensor:
    """New images, (n, c, h, w) in [-1, 1]; image i depends on seed + i alone.

    Raises:
        UsageError: the model cannot sample, or has no such label.
    """
    if n < 1:
        raise UsageError(f"sample: n must be >= 1, got {n}.")
    if truncation < 0:
        raise UsageError(f"sample: truncation must be >= 0, got {truncation}. 1 samples the whole distribution.")
    here = Run.open(Path(run))
    model = load(here, device=device)
    require(model, "sample", Samples, name=here.name)
    if label is not None and not model.num_classes:
        raise UsageError(f"--label {label}: {here.name} does not take labels. Train with --set vae.conditional=true.")
    labels = None if label is None else torch.full((n,), _label(here, label))
    parts: list[Tensor] = []
    for first in range(0, n, 256):
        seeds = range(seed + first, seed + min(first + 256, n))
        part = None if labels is None else labels[first : first + len(seeds)]
        parts.append(model.sample(seeds, labels=part, truncation=truncation).cpu())
    return torch.cat(parts)


def measure(
    run: Path | str,
    *,
    against: str | None = None,
    metrics: Sequence[str] | None = None,
    samples: int | None = None,
    num: int | None = None,
    seed: int = 0,
    weights: Literal["best", "last"] = "best",
    features: str = "auto",
    weights_dir: Path | None = None,
    precision: Precision = "fp32",
    compiled: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
) -> dict[str, Any]:
    """Measures a run on images that it never saw: the official test split where there is one, else the held-out one.

    Args:
        run: the folder; or a folder of images, which are then measured as if they were a model's samples.
        against: other data to measure on; its held-out (or test) split is used.
        metrics: names; all that the model allows when left out.
        samples: importance samples per image, for the likelihood (200).
        num: images; the whole split, up to each metric's default, when left out.
        seed: decides every draw.
        weights: best or last.
        features: the extractor by which sets of images are compared: pixels, classifier:DATA, run:PATH, inception-tf,
            dinov2-b14 or dinov2-s14; auto is a classifier where the data have labels to learn from, else pixels.
        weights_dir: where downloaded weights of extractors lie; REVERIE_WEIGHTS when left out.
        precision: of the matrix products of a likelihood, fp32 or bf16; no other number heeds it.
        compiled: compile a likelihood first, which takes up to half a minute and a C++ compiler: an mlp's is then 1.1
            to 1.3 times as fast, a convolutional net's is not.
        progress: called with (metric, done, total).
    Returns:
        {"schema": 1, "run": ..., "protocol": {...}, "metrics": {name: {"value", "se", "n", "unit"}}}
    """
    path, given = Path(run), dict[str, Any]({"metrics": metrics, "num": num, "seed": seed})
    if path.is_dir() and not (path / "recipe.toml").exists():
        return measure_pictures(
            path, against, features=features, weights_dir=weights_dir, load=loaded, progress=progress, given=given
        )
    here = Run.open(path)
    made = here.recipe()
    viewed = made if against is None else made.change({"data.source": against})
    dataset = open_data(viewed)
    items, split = unseen(dataset)
    model = load(here, weights=weights)
    _, spec, images = load_weights(weights_path(here, weights))
    if items.spec.shape != spec.shape:
        raise UsageError(f"--against {against}: is {items.spec.shape}, the model makes {spec.shape}. Use like data.")
    count = samples or 200
    device = next(model.parameters()).device
    means = Means(items.spec, device, viewed.data, weights_dir, loaded, progress)
    twin = partial(_untrained, made, spec, device)
    comparison, facts = compared(dataset, features, means, model=model, metrics=metrics, twin=twin)
    how: dict[str, Any] = {"samples": count, "precision": precision, "compiled": compiled, "progress": progress}
    values = take(model, items, **given, **how, comparison=comparison)
    protocol = {
        "data": made.data.source if against is None else against,
        "split": split,
        "fingerprint": dataset.fingerprint,
        "binarize": made.data.binarize,
        "importance_samples": count,
        "likelihood_precision": precision,
        "likelihood_compiled": compiled,
        "seed": seed,
        "weights": weights,
        "images_seen": images,
        "images": num or "each metric's own number",
        "shape": "x".join(map(str, spec.shape)),
        "device": str(device),
        "threads": torch.get_num_threads(),
    }
    return to_json_dict(here.name, protocol | facts | remarks(values, comparison, dataset.report), values)


def interpolate(
    run: Path | str, a: int | str, b: int | str, *, steps: int = 9, method: Method = "slerp", device: str = "auto"
) -> Tensor:
    """The images along a path between two latents: (steps, c, h, w) in [-1, 1].

    Args:
        run: the folder.
        a: a seed, the path of an image, or "held-out:3".
        b: likewise.
        steps: images, both ends included.
        method: slerp or lerp.
    """
    here = Run.open(Path(run))
    model = load(here, device=device)
    require(model, "interpolate", Decodes, name=here.name)
    ends = [_latent(here, model, end) for end in (a, b)]
    return morph(model, ends[0], ends[1], steps=steps, method=method, name=here.name).cpu()


def _untrained(made: Recipe, spec: DataSpec, device: torch.device) -> Any:
    """The same net before any training, beside which an encoder's numbers are set."""
    return place(get_family(made.family).build(made, spec), device)


def loaded(path: str) -> tuple[Any, DataSpec]:
    """A run's model and what its items look like, for extractors that are runs."""
    here = Run.open(Path(path))
    _, spec, _ = load_weights(weights_path(here, "best"))
    return load(here), spec


def weights_path(run: Run, weights: str) -> Path:
    path = run.path / "weights" / f"{weights}.safetensors"
    return path if path.exists() else path.with_name("last.safetensors")


def _label(run: Run, label: int | str) -> int:
    _, spec, _ = load_weights(weights_path(run, "best"))
    return label_index(spec, label, run.name)


def label_index(spec: DataSpec, label: int | str, name: str) -> int:
    """A class by name or number.

    Raises:
        UsageError: there are no classes, or not this one.
    """
    if not spec.classes:
        raise UsageError(f"--label {label}: {name} was trained without labels. Leave --label out.")
    if str(label) in spec.classes:
        return spec.classes.index(str(label))
    if str(label).isdigit() and int(label) < spec.num_classes:
        return int(label)
    shown = ", ".join(spec.classes[:12]) + (", ..." if spec.num_classes > 12 else "")
    raise UsageError(f"--label {label}: is not a class of {name}. Use one of: {shown}.")


def _latent(run: Run, model: Any, end: int | str) -> Tensor:
    """A latent from a seed, an image file, or "held-out:i"."""
    if isinstance(end, int) or end.isdigit():
        return model.latents([int(end)])[0]
    _, spec, _ = load_weights(weights_path(run, "best"))
    if end.startswith("held-out:") and end.removeprefix("held-out:").isdigit():
        held, index = open_data(run.recipe()).held_out, int(end.removeprefix("held-out:"))
        if index >= len(held):
            raise UsageError(
                f"{end}: there are {len(held)} held-out images. Use held-out:0 to held-out:{len(held) - 1}."
            )
        batch = held.batch(np.array([index]))
        return latents_of(model, batch.images, labels=batch.labels, name=run.name)[0]
    return latents_of(model, read_image(Path(end), run.recipe().data, spec)[None], name=run.name)[0]
