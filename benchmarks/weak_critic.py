"""A plain game whose critic is too weak: is the collapse named in time, and does the treatment bring variety back?

    python benchmarks/weak_critic.py
    python benchmarks/weak_critic.py --sets mnist --threads 2

On each set three trainings see the same number of images: the default recipe; a non-saturating game without penalties
against a critic of a few channels; and what `reverie treat` makes of that one, resumed to the end of the budget.
The onset is the first probe from which the sick run covers less than half of what the sound one covers at its end, the
sound one being past that. Coverage: of held-out images by 1,000 samples, by pixels, with its standard error.
"""

import argparse
import math
from pathlib import Path
from typing import Any

import reverie
from reverie.core.event import Found, Probed
from reverie.core.run import Run
from reverie.ship import sheet

SETS: dict[str, dict[str, Any]] = {"faces": {"data.size": 32}, "mnist": {}}
WEAK = {
    "gan.objective": "nonsaturating",
    "gan.penalties": [],
    "gan.critic_width": 4,
    "gan.critic_depth": 1,
    "optim.lr": 4e-3,
    "optim.beta1": 0.5,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", default=list(SETS))
    parser.add_argument("--images", type=int, default=300_000, help="at 60,000 a sound run covers 3 in a hundred faces")
    parser.add_argument("--width", type=int, default=16, help="of the nets, that a minute may be enough")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--runs", type=Path, default=Path("runs/benchmarks/weak-critic"))
    asked = parser.parse_args()
    for data in asked.sets:
        common = SETS.get(data, {}) | {"train.threads": asked.threads, "train.probes": 20, "gan.width": asked.width}
        sound, sick = (asked.runs / f"{data}-{name}-{asked.seed}" for name in ("sound", "sick"))
        for folder, settings in ((sound, {}), (sick, WEAK)):
            made = reverie.recipe("gan", data, images=asked.images, seed=asked.seed, settings=common | settings)
            reverie.fit(made, run=folder)
        events = list(Run.open(sick).events())
        named = next((e for e in events if isinstance(e, Found)), None)
        began = onset(coverages(sound), coverages(sick))
        print(f"\n### {data}: {asked.images:,} images, seed {asked.seed}\n")
        when = "never" if math.isinf(began) else f"at {began / asked.images:.0%} of the budget"
        print(f"Collapsed {when}; named {named.code} at {named.images / asked.images:.0%}." if named else when)
        folders = {"default recipe": sound, "weak critic": sick}
        if named is not None:
            told = reverie.treat(sick)
            treated = Path(told["treated"]["folder"])
            for _ in reverie.resume(treated):
                pass
            folders[f"treated: {told['code']}, from image {told['from_images']:,}"] = treated
        print("\n| | coverage | of the default's |\n|---|---|---|")
        best = 0.0
        for name, folder in folders.items():
            found = reverie.measure(folder, metrics=["coverage"], num=1000, features="pixels")["metrics"]["coverage"]
            best = best or found["value"]
            error = "" if found["se"] is None else f" ± {found['se']:.2g}"
            print(f"| {name} | {found['value']:.3f}{error} | {found['value'] / best:.0%} |", flush=True)
            sheet.save(sheet.grid(reverie.sample(folder, 64)), folder / "sheet.png")


def coverages(folder: Path) -> dict[int, float]:
    """Coverage by images seen."""
    return {e.images: e.values["coverage"] for e in Run.open(folder).events() if isinstance(e, Probed)}


def onset(sound: dict[int, float], sick: dict[int, float]) -> float:
    """Images seen when the sick run is left behind for good; infinite when it never is."""
    due = 0.5 * list(sound.values())[-1]
    good_from = next(images for images in sound if all(v >= due for i, v in sound.items() if i >= images))
    bad_from = math.inf
    for images in reversed(list(sick)):
        if sick[images] >= due:
            break
        bad_from = images
    return max(bad_from, good_from)


if __name__ == "__main__":
    main()
