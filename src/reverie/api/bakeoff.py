"""A bakeoff: every family on the same images for the same minutes, then one comparison and a recommendation."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reverie.api.comparing import compare
from reverie.api.diagnosing import diagnose
from reverie.api.training import recipe, train
from reverie.core.errors import UsageError
from reverie.core.event import Event
from reverie.core.family import family_names, get_family
from reverie.core.recipe import Recipe
from reverie.core.run import atomic_write, explained
from reverie.ship.numbers import value

FAMILIES = ("vae", "gan")
SHOWN = ("frechet", "coverage", "density", "sharpness", "smoothness", "latency", "parameters")


@dataclass(frozen=True)
class Training:
    """One of several trainings.

    Args:
        recipe: what it does.
        run: its folder.
        events: run through them to train.
    """

    recipe: Recipe
    run: Path
    events: Iterator[Event]


def bakeoff(
    data: str,
    folder: Path | str = "bakeoff",
    *,
    families: Sequence[str] = FAMILIES,
    minutes: float = 20.0,
    preset: str | None = None,
    size: int | None = None,
    seed: int = 0,
    features: str = "auto",
    settings: Mapping[str, Any] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Training]:
    """Trains every family on the same images for the same minutes, then compares them and says which to take for what.

    Nothing about the images that they are compared by decides a training: each is taken as it is at the end of its
    minutes. Stopped, it goes on when it is called again; what is finished is not repeated.

    Args:
        data: a folder, zip, npz or IDX file, or a built-in name.
        folder: where the runs go, and bakeoff.json, report.html and summary.md.
        families: names.
        minutes: of each training, wall clock.
        preset: the same preset of every family; its default when left out.
        size: side of the images, in pixels.
        seed: decides every random draw.
        features: the extractor by which samples are compared, as for `measure`.
        settings: dotted keys; "vae.beta" goes to the VAE alone, "train.threads" to all.
        stop: asked after every step; True saves and ends the training.
    Yields:
        the trainings; run through one's events before asking for the next.
    Raises:
        UsageError: fewer than two families, one twice, or a setting for a family that does not take part.
    """
    root = Path(folder)
    for name, given in _settings(families, settings or {}).items():
        trained = recipe(name, data, preset=preset, minutes=minutes, size=size, seed=seed, settings=given)
        yield Training(trained, root / name, train(trained, run=root / name, stop=stop))
    conclude(root, families, features=features)


def conclude(root: Path, families: Sequence[str], *, features: str) -> dict[str, Any]:
    """Diagnoses and compares finished trainings, and writes bakeoff.json, report.html and summary.md beside them."""
    for name in families:
        diagnose(root / name)
    told = compare([root / name for name in families], report=root / "report.html", weights="last", features=features)
    with explained(root):
        atomic_write(root / "bakeoff.json", json.dumps(told, indent=1, default=str).encode())
        atomic_write(root / "summary.md", summary(told).encode())
    return told


def summary(told: Mapping[str, Any]) -> str:
    """A bakeoff as Markdown for a README: the recommendation, and a table."""
    rows, protocol = told["runs"], told["protocol"]
    names = [n for n in SHOWN if any(n in row["metrics"] for row in rows)]
    lines = [f"- {sentence}" for sentence in told["recommendation"]]
    lines += ["", "| | " + " | ".join(["minutes", *(n.replace("_", " ") for n in names)]) + " |"]
    lines += ["|---" * (len(names) + 2) + "|"]
    for row in rows:
        cells = [value(row["metrics"][n]["value"]) if n in row["metrics"] else "-" for n in names]
        lines.append(f"| {row['name']} | {value(round(row['minutes'], 1))} | " + " | ".join(cells) + " |")
    said = ", ".join(f"{key} {protocol[key]}" for key in ("data", "split", "samples", "seed") if key in protocol)
    return "\n".join([*lines, "", f"{said}; by `reverie bakeoff`.", ""])


def _settings(names: Sequence[str], settings: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Each family's own settings, and those of all."""
    known = family_names()
    if len(set(names)) < 2 or len(set(names)) < len(names):
        raise UsageError(f"--families {','.join(names)}: name at least two, each once. There are {', '.join(known)}.")
    for name in names:
        get_family(name)
    given: dict[str, dict[str, Any]] = {name: {} for name in names}
    for key, setting in settings.items():
        section = key.split(".")[0]
        if section in known and section not in given:
            raise UsageError(f"--set {key}: {section} does not take part. Add it to --families, or leave this out.")
        for name in names if section not in known else (section,):
            given[name][key] = setting
    return given
