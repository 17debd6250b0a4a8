"""What it costs to watch a training: the share of its time that goes into probes, grids and the doctor.

    python benchmarks/watching.py
    python benchmarks/watching.py --only "gan faces, preset faces" --threads 2

Processor time of one thread, which other work lengthens little. Several threads are idle while a part of the
watching has only one: their time is that of the clock, so that nothing else should run beside them. Set-up is what the
probe does once, before the first step: bins, features and the numbers' spread between real images. The rest of a
training's time is its steps, checkpoints and card.
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
    parser.add_argument("--threads", type=int, default=1, help="of each training")
    asked = parser.parse_args()
    print("| training | minutes | probes | " + " | ".join(f"{part}, %" for part in PARTS) + " | all, % |")
    print("|---" * (len(PARTS) + 4) + "|", flush=True)
    for name in asked.only:
        family, data, preset, settings, minutes = CASES[name]
        settings = settings | {"train.threads": asked.threads}
        recipe = reverie.recipe(family, data, preset=preset, settings=settings, minutes=asked.minutes or minutes)
        whole, spent, probes = watched(recipe, time.process_time if asked.threads == 1 else time.perf_counter)
        shares = " | ".join(f"{100 * spent[part] / whole:.1f}" for part in PARTS)
        every = 100 * sum(spent.values()) / whole
        print(f"| {name} | {whole / 60:.1f} | {probes} | {shares} | {every:.1f} |", flush=True)


def watched(recipe: reverie.Recipe, clock: Callable[[], float]) -> tuple[float, dict[str, float], int]:
    """Seconds of a training, those of each part of watching it, and the probes that it took."""
    spent: dict[str, list[float]] = {part: [] for part in PARTS}

    def timed(part: str, function: Callable[..., Any] | None) -> Callable[..., Any] | None:
        if function is None:
            return None

        def call(*args: Any, **kwargs: Any) -> Any:
            before = clock()
            result = function(*args, **kwargs)
            spent[part].append(clock() - before)
            return result

        return call

    def watch(*args: Any, **kwargs: Any) -> Periodic:
        before = clock()
        made = periodic(*args, **kwargs)
        spent["set-up"].append(clock() - before)
        parts = {"grid": timed("grids", made.grid), "probe": timed("probes", made.probe)}
        return replace(made, **parts, doctor=timed("doctor", made.doctor))

    periodic, training.periodic = training.periodic, watch
    try:
        with tempfile.TemporaryDirectory() as scratch:
            before = clock()
            reverie.fit(recipe, run=Path(scratch) / "run")
            whole = clock() - before
    finally:
        training.periodic = periodic
    return whole, {part: sum(seconds) for part, seconds in spent.items()}, len(spent["probes"])


if __name__ == "__main__":
    main()
