"""Presets of the gan family on one set of images for the same minutes: how good their samples are, and what they show.

    python benchmarks/adversarial.py fashion-mnist --minutes 30
    python benchmarks/adversarial.py stacked-mnist --presets default dcgan --minutes 90

Prints one row a preset: images seen, then the metrics with their standard errors, on 10,000 samples against the test
split (26,000 for the thousand kinds of stacked digits), and the floor: real images against real ones. The extractor is
a classifier of the set, or of MNIST digits. A sheet of 100 samples, seeds 0 to 99, is written beside each run.
"""

import argparse
import os
from pathlib import Path

import reverie
from reverie.core.event import Finished
from reverie.core.recipe import parse_setting
from reverie.core.run import Run
from reverie.ship import sheet

METRICS = {
    "stacked-mnist": ("stacked_modes",),
    "images": ("frechet", "precision", "recall", "density", "coverage"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--presets", nargs="+", default=["default", "dcgan", "wgan-gp"])
    parser.add_argument("--minutes", type=float, default=30.0, help="a training")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--num", type=int, help="samples; left out: 10,000, or 26,000 for stacked digits")
    parser.add_argument("--features", default="auto", help="an extractor of `reverie measure`")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="for every preset")
    parser.add_argument("--runs", type=Path, default=Path("runs/benchmarks"), help="where the runs go")
    asked = parser.parse_args()
    metrics = METRICS.get(asked.data, METRICS["images"])
    settings = {"train.threads": asked.threads} | dict(map(parse_setting, asked.set))
    for preset in asked.presets:
        folder = asked.runs / f"{asked.data}-{preset}-{asked.seed}"
        recipe = reverie.recipe(
            "gan", asked.data, preset=preset, minutes=asked.minutes, seed=asked.seed, settings=settings
        )
        reverie.fit(recipe, run=folder)
        sheet.save(sheet.grid(reverie.sample(folder, 100)), folder / "hundred.png")
        end = next(e for e in Run.open(folder).events() if isinstance(e, Finished))
        found = reverie.measure(folder, metrics=list(metrics), num=asked.num, features=asked.features)
        print(f"{preset}: {asked.minutes:g} minutes, {end.images:,} images; {found['protocol']}", flush=True)
        for name, got in found["metrics"].items():
            error = "" if got["se"] is None else f" ± {got['se']:.2g}"
            print(f"  {name:22} {got['value']:.4g}{error} {got['unit']} (n = {got['n']:,})", flush=True)


if __name__ == "__main__":
    main()
