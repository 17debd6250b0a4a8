"""Use cases: the only module that sees every part. The command line and the studio call these and nothing below.

What is not here: mathematics (families), the loop (train), metrics (measure), pictures (ship).
"""

import json
import os
import platform
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from reverie.core.capability import Decodes, Encodes, Reconstructs, Samples, Scores
from reverie.core.errors import RunError, TrainingError, UsageError
from reverie.core.event import Event, Finished, Probed, Started, Stepped
from reverie.core.family import Batch, Family, family_names, get_family
from reverie.core.recipe import DataRecipe, Recipe, read_toml
from reverie.core.rng import Rng
from reverie.core.run import Run, atomic_write, explained
from reverie.core.spec import DataSpec
from reverie.data import Dataset, Items, batch_index, cache_root, describe, open_dataset, read_image
from reverie.measure import Value, to_json_dict
from reverie.measure import measure as take
from reverie.ship import sheet
from reverie.ship.card import write_card
from reverie.ship.exhibits import Exhibits
from reverie.ship.report import write_report
from reverie.tasks.interpolate import Method
from reverie.tasks.interpolate import interpolate as morph
from reverie.tasks.require import require
from reverie.train.checkpoint import load_weights
from reverie.train.device import pick_device, place
from reverie.train.loop import Periodic, Trainer
from reverie.train.ranks import Ranks

GRID, PROBE_IMAGES, PROBE_DRAWS = 64, 512, 8


def recipe(
    what: str,
    data: str | None = None,
    *,
    preset: str | None = None,
    settings: dict[str, Any] | None = None,
    **short: Any,
) -> Recipe:
    """The complete recipe of a training.

    Args:
        what: a family's name, or the path of a `recipe.toml`.
        data: a folder, zip, npz or IDX file, or a built-in name; left out: the recipe's own.
        preset: one of the family's presets (`reverie init --help` lists them).
        settings: dotted keys, such as {"vae.beta": 4}.
        **short: size, minutes, images, seed and device, the settings people give most; None leaves one as it is.
    Returns:
        a frozen recipe.
    Raises:
        UsageError: no such family, preset or key, or a value out of range.

    Example:
        >>> recipe("vae", "digits", images=5000, settings={"vae.latent": 8}).train.images
        5000
    """
    homes = {"size": "data.size", "minutes": "train.minutes", "images": "train.images", "device": "train.device"}
    given = {homes.get(name, name): value for name, value in short.items() if value is not None}
    if unknown := set(short) - {*homes, "seed"}:
        raise UsageError(f"recipe: {sorted(unknown)[0]!r} is not an argument. Put it into settings as 'section.key'.")
    if data is not None:
        given["data.source"] = data
    if what.endswith(".toml"):
        if preset:
            raise UsageError(f"--preset {preset}: does not go with a recipe file. Give a family and a preset, or the file.")
        start = Recipe.from_dict(read_toml(Path(what)))
    else:
        presets = get_family(what).presets()
        name = preset or "default"
        if name not in presets:
            raise UsageError(f"preset: {name!r} is not a preset of {what}. Use one of: {', '.join(presets)}.")
        start = presets[name]()
    return start.change({**given, **(settings or {})})


def train(
    recipe: Recipe, *, run: Path | str | None = None, stop: Callable[[], bool] = lambda: False
) -> Iterator[Event]:
    """Trains, or continues, in a run folder; a generator of events.

    Closing the generator saves first. A run that was stopped continues to the bit under an `images` budget.

    Args:
        recipe: what to do.
        run: the folder; left out: a new one under `runs/`, named after data, family and time.
        stop: asked after every step; True saves and ends the training early.
    Yields:
        events, as `reverie.core.event` has them; `Finished` is the last.
    Raises:
        ReverieError: the data cannot be read, the folder is taken, or the training diverged.

    Example:
        >>> import tempfile
        >>> tiny = recipe("vae", "digits", images=256, settings={"vae.net": "mlp", "vae.width": 16})
        >>> [event.kind for event in train(tiny, run=tempfile.mkdtemp())][-1]
        'finished'
    """
    if recipe.train.images is None and recipe.train.minutes is None:
        raise UsageError("recipe.train: has no budget. Give --minutes or --images.")
    family, ranks = get_family(recipe.family), Ranks.join()
    threads = recipe.train.threads or max(1, (os.cpu_count() or 1) // ranks.world)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        dataset = _open(recipe)
        folder = Path(run) if run is not None else new_folder(recipe)
        here = Run.create(folder, recipe) if ranks.writes else Run(folder)
        with here.lock() if ranks.writes else _nothing():
            if ranks.writes:
                _write_env(here, dataset)
            periodic = _periodic(dataset, recipe)
            trainer = Trainer(here, recipe, family, _Stream(dataset.train, recipe.seed), periodic=periodic, ranks=ranks, stop=stop)
            for event in trainer.events():
                if isinstance(event, Finished) and ranks.writes:
                    with explained(here.path):
                        write_card(here, _exhibits(here, dataset, trainer.average))
                yield event
    finally:
        torch.set_num_threads(before)
        ranks.leave()


def fit(recipe: Recipe, *, run: Path | str | None = None) -> Run:
    """Trains to the end and returns the run; see `train`."""
    folder = Path(run) if run is not None else new_folder(recipe)
    for _ in train(recipe, run=folder):
        pass
    return Run.open(folder)


def resume(run: Path | str, *, stop: Callable[[], bool] = lambda: False) -> Iterator[Event]:
    """Continues a run with its own recipe; a finished one says so at once."""
    here = Run.open(Path(run))
    return train(here.recipe(), run=here.path, stop=stop)


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
    labels = None if label is None else torch.full((n,), _label(here, label))
    parts = []
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
    device: str = "auto",
    progress: Callable[[str, int, int], None] | None = None,
) -> dict[str, Any]:
    """Measures a run on images that it never saw: the official test split where there is one, else the held-out one.

    Args:
        run: the folder.
        against: other data to measure on; its held-out (or test) split is used.
        metrics: names; all that the model allows when left out.
        samples: importance samples per image, for the likelihood (200).
        num: images; the whole split, up to each metric's default, when left out.
        seed: decides every draw.
        weights: best or last.
        device: where to compute.
        progress: called with (metric, done, total).
    Returns:
        {"schema": 1, "run": ..., "protocol": {...}, "metrics": {name: {"value", "se", "n", "unit"}}}
    """
    here = Run.open(Path(run))
    made = here.recipe()
    dataset = _open(made if against is None else made.change({"data.source": against}))
    items, split = (dataset.test, "test") if dataset.test is not None else (dataset.held_out, "held-out")
    model = load(here, weights=weights, device=device)
    _, spec, images = load_weights(_weights_path(here, weights))
    if items.spec.shape != spec.shape:
        raise UsageError(f"--against {against}: is {items.spec.shape}, the model makes {spec.shape}. Use like data.")
    count = samples or 200
    values = take(model, items, metrics=metrics, samples=count, num=num, seed=seed, progress=progress)
    protocol = {
        "data": made.data.source if against is None else against,
        "split": split,
        "fingerprint": dataset.fingerprint,
        "binarize": made.data.binarize,
        "importance_samples": count,
        "seed": seed,
        "weights": weights,
        "images_seen": images,
    }
    return to_json_dict(here.name, protocol, values)


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


def runs(folder: Path | str = "runs") -> list[dict[str, Any]]:
    """One line a run folder below `folder`, newest first: see `show` for the keys."""
    root = Path(folder)
    if not root.is_dir():
        raise UsageError(f"{root}: is not a folder. `reverie train` makes runs/ here.")
    found = [root] if (root / "recipe.toml").is_file() else [p.parent for p in sorted(root.glob("*/recipe.toml"))]
    rows = [show(path) for path in found]
    return sorted(rows, key=lambda row: row["modified"], reverse=True)


def show(run: Path | str) -> dict[str, Any]:
    """What a run folder says of itself, without loading its weights."""
    here = Run.open(Path(run))
    try:
        made = here.recipe()
    except UsageError as error:
        raise RunError(f"{here.path}: its recipe.toml cannot be used ({error}).") from None
    started: Started | None = None
    terms: dict[str, float] = {}
    probe: dict[str, float] = {}
    images, seconds, ended = 0, 0.0, None
    for event in here.events():
        images, seconds = event.images, max(seconds, event.seconds)
        if isinstance(event, Started):
            started, ended = event, None
        elif isinstance(event, Stepped):
            terms = {k: v for k, v in event.terms.items() if k != "loss"}
        elif isinstance(event, Probed):
            probe = event.values
        elif isinstance(event, Finished):
            ended = event.reason
    budget = images / made.train.images if made.train.images else seconds / (60 * (made.train.minutes or 1))
    state = "training" if here.is_training() else {"budget": "finished", "diverged": "diverged"}.get(ended or "", "stopped")
    return {
        "name": here.name,
        "path": str(here.path),
        "family": made.family,
        "preset": made.preset,
        "data": made.data.source,
        "state": state,
        "images": images,
        "fraction": min(1.0, budget),
        "seconds": round(seconds, 1),
        "parameters": started.parameters if started else 0,
        "device": started.device if started else "",
        "terms": terms,
        "probe": probe,
        "modified": (here.path / "recipe.toml").stat().st_mtime,
    }


def describe_data(source: str, **fields: Any) -> dict[str, Any]:
    """What is in there: counts, sizes, classes, duplicates, unreadable files."""
    return describe(_data_recipe(source, fields)).to_dict()


def prepare_data(source: str, *, progress: Callable[[int, int], None] | None = None, **fields: Any) -> dict[str, Any]:
    """Builds the cache that a training would build, and says what it holds."""
    dataset = open_dataset(_data_recipe(source, fields), progress=progress)
    return {"source": source, **_facts(dataset), **dataset.report.to_dict()}


def info() -> dict[str, Any]:
    """Versions, devices and folders: what a bug report needs."""
    names = ("torch", "numpy", "pillow", "safetensors", "pydantic", "scikit-learn", "matplotlib")
    devices = ["cpu"] + [f"cuda:{i} {torch.cuda.get_device_name(i)}" for i in range(torch.cuda.device_count())]
    from reverie.train.device import pick_precision

    device = pick_device()
    return {
        "reverie": version("reverie"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "versions": {name: _version(name) for name in names},
        "devices": devices + (["mps"] if torch.backends.mps.is_available() else []),
        "device": str(device),
        "precision": pick_precision("auto", device),
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
        "cache": str(cache_root()),
        "families": family_names(),
    }


def demo(
    folder: Path | str = "demo", *, minutes: float = 2.0, stop: Callable[[], bool] = lambda: False
) -> Iterator[Event]:
    """Trains a VAE on drawn faces and writes `report.html` beside it: samples, reconstructions, a morph, curves, numbers.

    Args:
        folder: where the run and the report go; an earlier demo there is continued.
        minutes: training time.
    Yields:
        the training's events.
    """
    root = Path(folder)
    made = recipe("vae", preset="faces", minutes=minutes)
    yield from train(made, run=root / "vae", stop=stop)
    here = Run.open(root / "vae")
    dataset, model = _open(made), load(here)
    measured = measure(here.path, metrics=["elbo", "psnr", "ssim", "sharpness", "latency"], num=256)
    shown = _exhibits(here, dataset, model, measured=measured)
    write_report(root / "report.html", here, shown, title="Faces that nobody drew")
    sheet.save(sheet.grid(shown.samples if shown.samples is not None else model.sample(range(GRID))), root / "samples.png")


def _data_recipe(source: str, fields: dict[str, Any]) -> DataRecipe:
    """The data section with these values; what is wrong with them is said as for a whole recipe."""
    return Recipe.from_dict({"family": family_names()[0], "data": {"source": source, **fields}}).data


class _Stream:
    """Training items in the endless, seeded order that the loop walks."""

    def __init__(self, items: Items, seed: int) -> None:
        self.items, self.seed, self.spec = items, seed, items.spec

    def __len__(self) -> int:
        return len(self.items)

    def at(self, images: int, rng: Rng, device: torch.device) -> Batch:
        """The items of `rng`'s slice of the global batch that starts at `images`."""
        index = batch_index(len(self.items), self.seed, images, rng.total)[rng.first : rng.first + rng.count]
        return self.items.batch(index, rng, device)


def _open(recipe: Recipe) -> Dataset:
    return open_dataset(recipe.data, seed=recipe.seed)


def _periodic(dataset: Dataset, recipe: Recipe) -> Periodic:
    """Sample grids, and for models with a likelihood the held-out ELBO, on the same seeds each time."""
    held = dataset.held_out
    index = np.arange(len(held))[:PROBE_IMAGES]
    labels = torch.arange(GRID) * dataset.spec.num_classes // GRID if dataset.spec.num_classes else None

    def grid(model: nn.Module, path: Path) -> None:
        if isinstance(model, Samples):
            sheet.save(sheet.grid(model.sample(range(GRID), labels=labels).cpu()), path)

    def probe(model: nn.Module) -> dict[str, float]:
        values: dict[str, float] = {}
        if isinstance(model, Scores):
            weights = []
            for first in range(0, len(index), 128):
                part = held.batch(index[first : first + 128])
                rng = Rng(recipe.seed, "probe", first, count=len(part))
                weights.append(model.scorer(part.images, labels=part.labels)(PROBE_DRAWS, rng).cpu())
            values["held_out_elbo_nats"] = torch.cat(weights).double().mean().item()
        return values

    return Periodic(grid=grid, probe=probe, best=("held_out_elbo_nats", 1))


def _exhibits(run: Run, dataset: Dataset, model: Any, *, measured: dict[str, Any] | None = None) -> Exhibits:
    """Pictures of a trained model for its card and report."""
    held = dataset.held_out.batch(np.arange(min(16, len(dataset.held_out))))
    samples = reconstructions = between = None
    if isinstance(model, Samples):
        samples = model.sample(range(GRID)).cpu()
    if isinstance(model, Reconstructs):
        reconstructions = model.reconstruct(held.images, labels=held.labels).cpu()
    if isinstance(model, Encodes) and isinstance(model, Decodes) and dataset.spec.kind == "images":
        labels = None if held.labels is None else held.labels[:2]
        z = model.encode(held.images[:2], labels=labels)
        label = None if labels is None else int(labels[0])
        between = morph(model, z[0], z[1], steps=9, label=label, name=run.name).cpu()
    return Exhibits(
        samples=samples,
        originals=held.images.cpu() if reconstructions is not None else None,
        reconstructions=reconstructions,
        morph=between,
        measured=measured or {},
        data=_facts(dataset),
        parameters=sum(p.numel() for p in model.parameters()),
    )


def _facts(dataset: Dataset) -> dict[str, Any]:
    spec = dataset.spec
    facts: dict[str, Any] = {
        "training images": len(dataset.train),
        "held-out images": len(dataset.held_out),
        "size": f"{spec.height} x {spec.width}, {spec.channels} channels",
        "fingerprint": dataset.fingerprint[:16],
    }
    return facts | ({"test images": len(dataset.test)} if dataset.test is not None else {})


def _write_env(run: Run, dataset: Dataset) -> None:
    env = {k: v for k, v in info().items() if k in ("reverie", "python", "platform", "device", "threads", "cores")}
    env |= {"torch": torch.__version__, "data_fingerprint": dataset.fingerprint, "command": " ".join(sys.argv[:1])}
    with explained(run.path):
        atomic_write(run.path / "env.json", json.dumps(env, indent=1).encode())


def new_folder(recipe: Recipe) -> Path:
    """Where a run goes that was given no folder: under `runs/`, named after data, family and time."""
    stem = Path(recipe.data.source).stem or "data"
    safe = "".join(c if c.isalnum() or c in "-_" else "-" for c in stem)[:40]
    return Path("runs") / f"{safe}-{recipe.family}-{time.strftime('%m%d-%H%M%S')}"


def _weights_path(run: Run, weights: str) -> Path:
    path = run.path / "weights" / f"{weights}.safetensors"
    return path if path.exists() else path.with_name("last.safetensors")


def _label(run: Run, label: int | str) -> int:
    _, spec, _ = load_weights(_weights_path(run, "best"))
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
    require(model, "interpolate between images", Encodes, name=run.name)
    _, spec, _ = load_weights(_weights_path(run, "best"))
    if end.startswith("held-out:") and end.removeprefix("held-out:").isdigit():
        held, index = _open(run.recipe()).held_out, int(end.removeprefix("held-out:"))
        if index >= len(held):
            raise UsageError(f"{end}: there are {len(held)} held-out images. Use held-out:0 to held-out:{len(held) - 1}.")
        batch = held.batch(np.array([index]))
        return model.encode(batch.images, labels=batch.labels)[0]
    return model.encode(read_image(Path(end), run.recipe().data, spec)[None])[0]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


class _nothing:
    def __enter__(self) -> None: ...

    def __exit__(self, *error: object) -> None: ...
