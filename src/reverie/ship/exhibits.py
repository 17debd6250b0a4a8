"""What a card or a report shows beside what the run folder says itself.

`reverie.api` makes it, `card` and `report` show it. What was not made stays None or empty; its place is left out.
"""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from reverie.core.event import Finished, Started
from reverie.core.recipe import Recipe, Section
from reverie.core.run import Run, differences
from reverie.ship.numbers import spoken, value


@dataclass(frozen=True)
class Exhibits:
    """Pictures and numbers of one run.

    Args:
        samples: new images, (n, c, h, w) in [-1, 1].
        originals: held-out images.
        reconstructions: what the model makes of them, in the same order.
        morph: the images between two held-out ones, both ends included.
        measured: the object of `reverie measure --json`: its "metrics" and "protocol" are shown.
        data: facts about the data in words, such as {"training images": 9500, "fingerprint": "4f3c9a7e"}.
        parameters: numbers that training changes.
        encodes_alone: True for an encoder that makes no images.
        items: what the data are, in words: "images", or "points".
    """

    samples: Tensor | None = None
    originals: Tensor | None = None
    reconstructions: Tensor | None = None
    morph: Tensor | None = None
    measured: Mapping[str, Any] = field(default_factory=lambda: {})
    data: Mapping[str, Any] = field(default_factory=lambda: {})
    parameters: int | None = None
    encodes_alone: bool = False
    items: str = "images"


@dataclass(frozen=True)
class Row:
    """One measured number, ready to print: its name, value with error, unit, images used, and what it means."""

    name: str
    value: str
    unit: str
    n: str
    protocol: str


@dataclass(frozen=True)
class Training:
    """How the training went, from the events: images seen, seconds, device, parameters, and how it ended."""

    images: int
    seconds: float
    device: str
    precision: str
    parameters: int | None
    ended: str


_ENDINGS = {"budget": "finished", "interrupted": "interrupted", "diverged": "diverged"}


def training(run: Run) -> Training:
    """The facts of a run's training. Events are untrusted: an unknown ending is shown as "stopped"."""
    started: Started | None = None
    images, seconds, ended = 0, 0.0, "not finished"
    for event in run.events():
        images, seconds = max(images, event.images), max(seconds, event.seconds)
        if isinstance(event, Started):
            started, ended = event, "not finished"
        elif isinstance(event, Finished):
            ended = _ENDINGS.get(event.reason, "stopped")
    device, precision = (started.device, started.precision) if started else ("cpu", "fp32")
    return Training(images, seconds, device, precision, (started.parameters or None) if started else None, ended)


def rows(measured: Mapping[str, Any]) -> list[Row]:
    """The metrics of a measurement that have a value; foreign entries are left out, never guessed at."""
    metrics = measured.get("metrics")
    found: list[Row] = []
    for name, entry in metrics.items() if isinstance(metrics, Mapping) else ():
        if not isinstance(entry, Mapping) or not isinstance(entry.get("value"), int | float):
            continue
        words, unit = spoken(str(name))
        n, protocol = entry.get("n"), entry.get("protocol", "")
        found.append(
            Row(
                words,
                value(entry["value"], entry.get("se")),
                str(entry.get("unit") or unit),
                f"{n:,}" if isinstance(n, int) else "",
                protocol if isinstance(protocol, str) else _flat(protocol),
            )
        )
    return found


def _flat(mapping: Any) -> str:
    """A nested protocol as "key value, key value"."""
    if not isinstance(mapping, Mapping):
        return str(mapping)
    return ", ".join(f"{k} {_flat(v) if isinstance(v, Mapping) else v}" for k, v in mapping.items())


def protocol(measured: Mapping[str, Any]) -> str:
    """The protocol under which every number of a measurement holds, in one line."""
    return _flat(measured.get("protocol", {}))


def choices(recipe: Recipe) -> dict[str, str]:
    """What this recipe chose, by dotted name: its family's section whole, elsewhere what is not the default."""
    chosen: dict[str, str] = {"family": recipe.family, "preset": recipe.preset, "seed": str(recipe.seed)}
    for name, section in recipe:
        if not isinstance(section, Section):
            continue
        values = section.model_dump(mode="json", exclude_none=True)
        if name in ("data", "train", "optim"):
            usual = type(section).model_validate({}).model_dump(mode="json", exclude_none=True)
            kept = {line.split(":")[0] for line in differences(usual, values)}
            kept |= {"data": {"source"}, "train": {"batch"}, "optim": {"lr"}}[name]
            values = {key: v for key, v in values.items() if key in kept}
        chosen |= {f"{name}.{key}": str(v) for key, v in values.items()}
    return chosen


def kind(family: str) -> str:
    """A family as a noun: "VAE", "GAN", "diffusion model"."""
    return family.upper() if len(family) <= 3 else f"{family} model"


def sentence(words: str) -> str:
    """The words with a capital at the front and a full stop at the end."""
    return (words[:1].upper() + words[1:]).rstrip(".") + "." if words else ""


def commands(path: Path, finished: bool, shown: Exhibits) -> list[tuple[str, str]]:
    """What to type next, and what it does; an encoder that makes no images can be measured and measured by, and between
    two points lies a line. Folder names are quoted for the shell."""
    run = shlex.quote(str(path))
    if shown.encodes_alone:
        found = [
            (f"reverie measure {run} --probe", "says how well labels are read from its codes"),
            (f"reverie measure OTHER --features run:{run}", "compares sets of images by its codes"),
        ]
        return found if finished else [(f"reverie resume {run}", "continues its training"), *found]
    measured = (f"reverie measure {run}", "measures it, with errors and the protocol")
    if shown.items == "points":
        found = [(f"reverie sample {run} -n 1000 -o samples.png", "plots 1,000 new points"), measured]
    else:
        found = [
            (f"reverie sample {run} -n 64 -o samples.png", "draws 64 new images"),
            (f"reverie interpolate {run} 3 14 -o morph.png", "morphs the image of seed 3 into that of seed 14"),
            measured,
        ]
    return found if finished else [(f"reverie resume {run}", "continues its training"), *found]
