"""What it costs to watch a training: the share of its processor time that goes into probes, grids and the doctor.

    python benchmarks/watching.py
    python benchmarks/watching.py --only "gan faces" --minutes 3

One thread a training. Set-up is what the probe does once, before the first step: bins, features and the numbers' spread
between real images. The rest of a training's time is its steps, checkpoints and card.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import reverie
from reverie.api import training
from reverie.train.loop import Periodic

# family, data, preset, settings, minutes
CASES: dict[str, tuple[str, str, str | None, dict[str, Any], float]] = {
    "gan fashion-mnist": ("gan", "fashion-mnist", None, {}, 10),
    "gan faces, preset faces": ("gan", "faces", "faces", {}, 3),
    "vae faces, preset faces": ("vae", "faces", "faces", {}, 3),
    "vae faces at 64 pixels": ("vae", "faces", None, {"data.size": 64}, 10),
    "vae digits": ("vae", "digits", None, {}, 10),
    "gan ring8": ("gan", "ring8", None, {}, 5),
}
PARTS = ("set-up", "probes", "grids", "doctor")


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=list(CASES), choices=list(CASES), metavar="CASE")
    parser.add_argument("--minutes", type=float, help="in place of each case's own")
    asked = parser.parse_args()
    print("| training | processor minutes | probes | " + " | ".join(f"{part}, %" for part in PARTS) + " | all, % |")
    print("|---" * (len(PARTS) + 4) + "|", flush=True)
    for name in asked.only:
        family, data, preset, settings, minutes = CASES[name]
        recipe = reverie.recipe(
            family, data, preset=preset, settings=settings | {"train.threads": 1}, minutes=asked.minutes or minutes
        )
        whole, spent, probes = watched(recipe)
        shares = " | ".join(f"{100 * spent[part] / whole:.1f}" for part in PARTS)
        every = 100 * sum(spent.values()) / whole
        print(f"| {name} | {whole / 60:.1f} | {probes} | {shares} | {every:.1f} |", flush=True)


def watched(recipe: reverie.Recipe) -> tuple[float, dict[str, float], int]:
    """Processor seconds of a training, those of each part of watching it, and the probes that it took."""
    spent: dict[str, list[float]] = {part: [] for part in PARTS}

    def timed(part: str, function: Callable[..., Any] | None) -> Callable[..., Any] | None:
        if function is None:
            return None

        def call(*args: Any, **kwargs: Any) -> Any:
            before = time.process_time()
            result = function(*args, **kwargs)
            spent[part].append(time.process_time() - before)
            return result

        return call

    def watch(*args: Any, **kwargs: Any) -> Periodic:
        before = time.process_time()
        made = periodic(*args, **kwargs)
        spent["set-up"].append(time.process_time() - before)
        parts = {"grid": timed("grids", made.grid), "probe": timed("probes", made.probe)}
        return replace(made, **parts, doctor=timed("doctor", made.doctor))

    periodic, training.periodic = training.periodic, watch
    try:
        with tempfile.TemporaryDirectory() as scratch:
            before = time.process_time()
            reverie.fit(recipe, run=Path(scratch) / "run")
            whole = time.process_time() - before
    finally:
        training.periodic = periodic
    return whole, {part: sum(seconds) for part, seconds in spent.items()}, len(spent["probes"])


if __name__ == "__main__":
    main()
