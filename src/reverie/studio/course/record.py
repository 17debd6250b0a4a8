"""Trains and packs the recorded runs of the course: `python -m reverie.studio.course.record [ID ...]`.

    --out DIR      where recordings go; left out: into the package
    --again        packs anew what was recorded before; its training is taken from --work
    --work DIR     where the run folders are kept; a training that was stopped there goes on
    --machine M    a few words about the machine, for the pages

What was recorded with the recipe of today is left as it is. `recordings.py` has the recipes, `packing.py` what is kept
of a run. Every number and picture comes from a training that took place; nothing is drawn by hand.
"""

import argparse
import json
import platform
import sys
import time
from pathlib import Path
from typing import Any

from reverie import api
from reverie.api.showing import open_data
from reverie.api.using import load
from reverie.core.event import Saved
from reverie.core.recipe import Recipe
from reverie.core.run import Run, atomic_write
from reverie.studio.course.denoising import denoising
from reverie.studio.course.facts import percent, short
from reverie.studio.course.packing import keep_points, pack
from reverie.studio.course.recordings import RECORDINGS, Recording
from reverie.studio.plain import dumps

HERE = Path(__file__).parent / "recorded"
TRADE = ("trade-vae", "trade-gan")
LISTED = ("id", "unit", "title", "family", "data", "command", "seed", "minutes", "machine", "recorded", "facts")


def main(given: list[str]) -> None:
    """Records what is named, or everything.

    Args:
        given: the arguments of the command line.
    """
    parser = argparse.ArgumentParser(prog="python -m reverie.studio.course.record", description="Record course runs.")
    parser.add_argument("ids", nargs="*", metavar="ID", help=f"of {', '.join(RECORDINGS)}; left out: all")
    parser.add_argument("--out", type=Path, default=HERE)
    parser.add_argument("--work", type=Path, default=Path("runs/course"))
    parser.add_argument("--again", action="store_true", help="pack again what was recorded with today's recipe")
    parser.add_argument("--machine", default=f"one core of a {platform.machine()} machine")
    asked = parser.parse_args(given)
    if unknown := [name for name in asked.ids if name not in RECORDINGS]:
        parser.error(f"{unknown[0]}: is not a recording. Use some of: {', '.join(RECORDINGS)}.")
    for name in asked.ids or RECORDINGS:
        if _is_done(name, asked.out) and not asked.again:
            continue
        record(name, out=asked.out, work=asked.work, machine=asked.machine)
        write_index(asked.out)


def recipe_of(recording: Recording) -> Recipe:
    """The complete recipe."""
    budget = {"images": recording.images, "minutes": recording.minutes, "seed": recording.seed}
    return api.recipe(
        recording.family, recording.data, preset=recording.preset or None, settings=recording.full_settings, **budget
    )


def record(name: str, *, out: Path, work: Path, machine: str) -> None:
    """Trains one run, or what is left of its training, and packs it.

    Args:
        name: its id.
        out: the folder of all recordings.
        work: the folder of run folders.
        machine: a few words.
    """
    recording, folder = RECORDINGS[name], out / "runs" / name
    recipe = recipe_of(recording)
    _say(f"{name}: {recording.command(name)}")
    for event in api.train(recipe, run=work / name):
        if isinstance(event, Saved) and not event.best and recording.data in ("ring8", "grid25"):
            keep_points(Run.open(work / name), event.images, event.seconds)
    run = Run.open(work / name)
    findings = api.diagnose(run.path)["findings"]
    folder.mkdir(parents=True, exist_ok=True)
    packed = pack(run, recording, folder, findings)
    about = {
        "id": name,
        "unit": recording.unit,
        "title": recording.title,
        "family": recording.family,
        "data": recording.data,
        "recipe": recipe.to_dict(),
        "command": recording.command(name),
        "seed": recording.seed,
        "minutes": packed["facts"]["minutes"],
        "machine": machine,
        "recorded": time.strftime("%Y-%m-%d", time.gmtime()),
    }
    if name == "vae-faces":
        packed["facts"] |= _times(run.path, out)
    atomic_write(folder / "run.json", dumps(about | packed).encode())
    if name in TRADE and all(_is_done(one, out) and (work / one).exists() for one in TRADE):
        trade_off(work, out, machine)
    _say(f"{name}: {packed['facts']}")


def _is_done(name: str, out: Path) -> bool:
    """True when a recording of that name with the recipe of today is there."""
    recipe = _read(out / "runs" / name / "run.json").get("recipe")
    # read as a recipe: one that was recorded before an option existed has its default
    return recipe is not None and Recipe.from_dict(recipe) == recipe_of(RECORDINGS[name])


def write_index(out: Path) -> None:
    """`index.json`: every recording that there is, in the order of `RECORDINGS`, and facts of several runs.

    Args:
        out: the folder of all recordings.
    """
    rows: list[dict[str, Any]] = []
    for name in RECORDINGS:
        told = _read(out / "runs" / name / "run.json")
        if told:
            toml = Recipe.from_dict(told["recipe"]).to_toml()
            rows.append({key: told[key] for key in LISTED} | {"recipe_toml": toml})
    facts = {name: found for name in ("trade-off", "latent-diffusion") if (found := _read(out / f"{name}.json"))}
    atomic_write(out / "index.json", dumps({"schema": 1, "runs": rows, "facts": facts}).encode())


def trade_off(work: Path, out: Path, machine: str) -> None:
    """`trade-off.json`: both models on the same held-out images, as `reverie compare` measures them.

    Args:
        work: the folder of run folders.
        out: the folder of all recordings.
        machine: a few words.
    """
    told = api.compare([work / name for name in TRADE])
    facts: dict[str, Any] = {
        "minutes": RECORDINGS[TRADE[0]].minutes,
        "data": told["protocol"]["data"],
        "size": int(told["protocol"]["shape"].split("x")[-1]),
        "n": told["protocol"]["samples"],
        "machine": machine,
    }
    for row, name in zip(told["runs"], TRADE, strict=True):
        who, found = name.removeprefix("trade-"), row["metrics"]
        timed = api.measure(work / name, metrics=["latency"])["metrics"]
        facts |= {
            f"{who}_diversity": _read(out / "runs" / name / "run.json")["facts"]["diversity"],
            f"{who}_smoothness": short(found["smoothness"]["value"]),
            f"{who}_latency_ms": short(timed["latency"]["value"]),
            f"{who}_parameters": row["parameters"],
        }
        for metric in ("sharpness", "coverage"):
            facts |= {f"{who}_{metric}": percent(found[metric]["value"])} | _error(who, metric, found, 100)
        facts |= _error(who, "smoothness", found, 1)
    bits = api.measure(work / TRADE[0], metrics=["bits_per_dim"])["metrics"]["bits_per_dim"]
    facts |= {"vae_bits": short(bits["value"]), "vae_bits_se": short(bits["se"] or 0.0)}
    atomic_write(out / "trade-off.json", dumps(facts).encode())


def _error(who: str, metric: str, found: dict[str, Any], scale: float) -> dict[str, float]:
    """The standard error beside a number, where there is one."""
    error = found[metric]["se"]
    return {} if error is None else {f"{who}_{metric}_se": float(f"{scale * error:.2g}")}


def _times(run: Path, out: Path) -> dict[str, Any]:
    """Latency of the decoder; beside it, in `latent-diffusion.json`, that of a denoiser of its size."""
    model, shape = load(run, weights="last", device="cpu"), open_data(Run.open(run).recipe()).spec.shape
    atomic_write(out / "latent-diffusion.json", dumps(denoising(model, shape)).encode())
    timed = api.measure(run, metrics=["latency"])["metrics"]
    return {"latency_ms": short(timed["latency"]["value"])}


def _read(path: Path) -> dict[str, Any]:
    """A file of JSON that this program wrote before; empty when there is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}


def _say(words: str) -> None:
    sys.stderr.write(words + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
