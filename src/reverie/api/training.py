"""Starting and continuing trainings: from a recipe and a folder to a stream of events."""

import contextlib
import difflib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from reverie.api.looking import info
from reverie.api.showing import exhibits, open_data
from reverie.api.using import weights_path
from reverie.api.watching import periodic
from reverie.core.errors import UsageError
from reverie.core.event import Event, Finished, Warned
from reverie.core.family import Batch, get_family
from reverie.core.memory import keep_freed_memory
from reverie.core.recipe import Recipe, read_toml
from reverie.core.rng import Rng
from reverie.core.run import Run, atomic_write, explained
from reverie.data import Dataset, Items, batch_index, holds_points
from reverie.ship.card import write_card
from reverie.train.checkpoint import States, load_weights, pack, unpack
from reverie.train.loop import Trainer
from reverie.train.ranks import Ranks


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
        preset: one of the family's presets (`reverie init --help` lists them); left out: "default", or "points" where
            the data are points and the family has a preset for them.
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
            raise UsageError(
                f"--preset {preset}: does not go with a recipe file. Give a family and a preset, or the file."
            )
        start = Recipe.from_dict(read_toml(Path(what)))
    else:
        presets = get_family(what).presets()
        source = presets["default"]().data.source if data is None else data
        name = preset or ("points" if "points" in presets and holds_points(source) else "default")
        if name not in presets:
            near = difflib.get_close_matches(name, presets, 1, 0.5)
            hint = f"Did you mean {near[0]!r}?" if near else f"Use one of: {', '.join(presets)}."
            raise UsageError(f"preset: {name!r} is not a preset of {what}. {hint}")
        start = presets[name]()
    return start.change({**given, **(settings or {})})


def train(
    recipe: Recipe,
    *,
    run: Path | str | None = None,
    stop: Callable[[], bool] = lambda: False,
    start: Path | str | tuple[dict[str, Tensor], dict[str, Any]] | None = None,
) -> Iterator[Event]:
    """Trains, or continues, in a run folder; a generator of events.

    Closing the generator saves first. A run that was stopped continues to the bit under an `images` budget.

    Args:
        recipe: what to do.
        run: the folder; left out: a new one under `runs/`, named after data, family and time.
        stop: asked after every step; True saves and ends the training early.
        start: a run to begin from: its weights and optimisers are taken over as far as they fit, to train longer or on
            other images. Or another training's state, with its clock, too. A run that goes on takes no notice.
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
    keep_freed_memory()
    before = torch.get_num_threads()
    torch.set_num_threads(recipe.train.threads or max(1, before // ranks.world))
    try:
        dataset = open_data(recipe)
        folder = Path(run) if run is not None else new_folder(recipe)
        model = family.build(recipe, dataset.spec)  # before the folder: what cannot be built, or trained, leaves none
        family.phases(model, recipe, len(dataset.train))
        remarks: list[Event] = []
        if isinstance(start, Path | str) and States(folder / "state").newest.exists():
            start = None
        if isinstance(start, Path | str):
            named, start = start, _beginning(Path(start), recipe)
            remarks = _what_is_lost(named, dict(model.named_parameters()), unpack(start[0], "model"))
        here = Run.create(folder, recipe) if ranks.writes else Run(folder)
        with here.lock() if ranks.writes else contextlib.nullcontext():
            if ranks.writes:
                write_env(here, dataset)
            watched = periodic(here, dataset, recipe, model, writes=ranks.writes)
            stream = _Stream(dataset.train, recipe.seed)
            trainer = Trainer(here, recipe, family, model, stream, periodic=watched, ranks=ranks, stop=stop)
            if start is not None and trainer.resumed_with is None:
                trainer.adopt(*start)
                trainer.remarks += remarks
            for event in trainer.events():
                if isinstance(event, Finished) and event.reason == "budget" and ranks.writes:
                    with explained(here.path):
                        write_card(here, exhibits(here, dataset, trainer.average))
                yield event
    finally:
        torch.set_num_threads(before)
        ranks.leave()


def _beginning(run: Path, recipe: Recipe) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """What a new run takes over from another: its last state, or its weights where nothing else is left; at image 0.

    Raises:
        UsageError: it is of another family.
        RunError: it cannot be read.
    """
    other = Run.open(run)
    family = other.recipe().family
    if family != recipe.family:
        raise UsageError(f"--start {run}: is a {family}, the new run a {recipe.family}. Name a run of its family.")
    found = States(other.path / "state").load()
    if found is None:
        weights, *_ = load_weights(weights_path(other, "best"))
        return pack({"model": weights, "average": weights}), {"images": 0, "seconds": 0.0}
    return found[0], found[1] | {"images": 0, "seconds": 0.0}


def _what_is_lost(run: Path | str, own: dict[str, Tensor], theirs: dict[str, Tensor]) -> list[Event]:
    """A remark when not all of a model begins as another run's did.

    Raises:
        UsageError: nothing does.
    """
    fits = sum(name in theirs and theirs[name].shape == tensor.shape for name, tensor in own.items())
    if not fits:
        raise UsageError(f"--start {run}: nothing of it fits this recipe. Use its net and its size of images.")
    told = f"{fits} of {len(own)} tensors begin as in {run}; the others do not fit it and begin untrained."
    return [] if fits == len(own) else [Warned(images=0, seconds=0.0, code="X003", message=told)]


def fit(recipe: Recipe, *, run: Path | str | None = None, start: Path | str | None = None) -> Run:
    """Trains to the end and returns the run; see `train`."""
    folder = Path(run) if run is not None else new_folder(recipe)
    for _ in train(recipe, run=folder, start=start):
        pass
    return Run.open(folder)


def resume(run: Path | str, *, stop: Callable[[], bool] = lambda: False) -> Iterator[Event]:
    """Continues a run with its own recipe; a finished one says so at once."""
    here = Run.open(Path(run))
    return train(here.recipe(), run=here.path, stop=stop)


def new_folder(recipe: Recipe) -> Path:
    """Where a run goes that was given no folder: under `runs/`, named after data, family and time.

    Raises:
        UsageError: several processes train together, and each would name another folder.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise UsageError("--run: is needed when several processes train together. Name the folder that they share.")
    stem = Path(recipe.data.source).stem or "data"
    safe = "".join(c if c.isalnum() or c in "-_" else "-" for c in stem)[:40]
    return Path("runs") / f"{safe}-{recipe.family}-{time.strftime('%m%d-%H%M%S')}"


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


def write_env(run: Run, dataset: Dataset) -> None:
    env = {k: v for k, v in info().items() if k in ("reverie", "python", "platform", "device", "threads", "cores")}
    env |= {"torch": torch.__version__, "data_fingerprint": dataset.fingerprint, "command": " ".join(sys.argv)}
    with explained(run.path):
        atomic_write(run.path / "env.json", json.dumps(env, indent=1).encode())
