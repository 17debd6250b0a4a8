"""A training set in memory and a trainer on it: what the loop's tests share."""

from collections.abc import Iterator
from pathlib import Path

import torch

from reverie.core.event import Event
from reverie.core.family import Batch, get_family
from reverie.core.recipe import Recipe
from reverie.core.rng import Rng
from reverie.core.run import Run
from reverie.core.spec import DataSpec
from reverie.train.loop import Periodic, Trainer
from reverie.train.ranks import Ranks


class Memory:
    """256 blobs of 12 x 12 pixels with two labels, in a seeded order."""

    spec = DataSpec(1, 12, 12, ("a", "b"))

    def __init__(self) -> None:
        draw = torch.Generator().manual_seed(0)
        centre = torch.randint(3, 9, (256, 2), generator=draw)
        grid = torch.arange(12)
        distance = (grid[None, :, None] - centre[:, 0, None, None]) ** 2 + (
            grid[None, None] - centre[:, 1, None, None]
        ) ** 2
        self.images = (torch.exp(-distance / 6.0) * 2 - 1)[:, None]
        self.labels = (centre[:, 0] > 5).long()

    def __len__(self) -> int:
        return 256

    def at(self, images: int, rng: Rng, device: torch.device) -> Batch:
        index = (images + rng.first + torch.arange(rng.count)) * 37 % 256
        return Batch(self.images[index].to(device), self.labels[index].to(device))


def make(images: int, **settings: object) -> Recipe:
    """A small recipe with an `images` budget; settings replace dotted keys, written with __ for the dot."""
    base = {
        "train.images": images,
        "train.batch": 16,
        "train.log_every": 3,
        "train.ema_images": 64,
        "train.precision": "fp32",
        "train.grids": 4,
        "train.probes": 5,
        "vae.width": 8,
        "vae.hidden": 16,
        "vae.latent": 3,
    }
    return Recipe.from_dict({"family": "vae"}).change(base | {k.replace("__", "."): v for k, v in settings.items()})


def trainer(
    folder: Path,
    recipe: Recipe,
    *,
    stop_at: int | None = None,
    ranks: Ranks | None = None,
    periodic: Periodic | None = None,
) -> Trainer:
    """A trainer on `folder`, that stops itself once `stop_at` images are seen."""
    run = Run.create(folder, recipe)
    built: list[Trainer] = []

    def stop() -> bool:
        return stop_at is not None and built[0].progress.images >= stop_at

    built.append(
        Trainer(
            run,
            recipe,
            get_family(recipe.family),
            get_family(recipe.family).build(recipe, Memory.spec),
            Memory(),
            periodic=periodic or watching(),
            ranks=ranks or Ranks(),
            stop=stop,
        )
    )
    return built[0]


def watching() -> Periodic:
    """A grid that is a file, and a probe that is a norm."""

    def probe(model: torch.nn.Module) -> dict[str, float]:
        return {"norm": float(sum(p.double().norm() for p in model.parameters()))}

    return Periodic(grid=lambda model, path: path.write_bytes(b"grid"), probe=probe, best=("norm", -1))


def run_to_end(folder: Path, recipe: Recipe, **how: object) -> Trainer:
    """Trains and returns the trainer, with its weights, at the end."""
    made = trainer(folder, recipe, **how)  # pyright: ignore
    for _ in made.events():
        pass
    return made


def what_stands(folder: Path) -> Iterator[dict[str, object]]:
    """Events without clocks, starts, stops and saves: what an undisturbed training would have said as well."""
    for event in Run.open(folder).events():
        if event.kind in ("stepped", "sampled", "probed", "warned"):
            yield {k: v for k, v in vars(event).items() if k != "seconds"} | {"kind": event.kind}


def same(a: Trainer, b: Trainer) -> bool:
    """True when weights, averages and optimiser states are equal to the bit."""

    def everything(t: Trainer) -> dict[str, torch.Tensor]:
        parts = {f"m.{k}": v for k, v in t.model.state_dict().items()} | {
            f"a.{k}": v for k, v in t.average.state_dict().items()
        }
        for s in t.steppers:
            parts |= {f"{s.phase.name}.{k}": v for k, v in s.state().items()}
        return parts

    x, y = everything(a), everything(b)
    return x.keys() == y.keys() and all(torch.equal(x[k], y[k]) for k in x)


def drain(events: Iterator[Event]) -> list[Event]:
    """Every event."""
    return list(events)
