"""How well labels are read from codes learnt without them, beside pixels, PCA, an untrained net and a supervised one.

    python benchmarks/encoders.py fashion-mnist --minutes 20
    python benchmarks/encoders.py sign_digits_100.zip --held-out 0.3 --size 64 --minutes 20

Fashion-MNIST is measured on its official test images, other sets on the held-out share. The table has accuracies in %
with 95 % intervals; the last line says by how much the linear probe's interval clears each of the others.
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import reverie
from reverie.core.event import Found, Probed
from reverie.core.recipe import parse_setting

WHOSE = {"": "ssl", "_pixels": "raw pixels", "_pca": "PCA", "_random": "untrained net", "_supervised": "supervised net"}
NINETY_FIVE = 1.96


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", default="fashion-mnist")
    parser.add_argument("--preset", default="default")
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--images", type=int, help="a budget in place of minutes, for a machine that is shared")
    parser.add_argument("--held-out", type=float, default=0.05)
    parser.add_argument("--size", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--weights", choices=["best", "last"], default="last", help="last: nothing is chosen by labels")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--run", type=Path, help="keep the run here")
    asked = parser.parse_args()
    settings = {"data.held_out": asked.held_out} | dict(parse_setting(text) for text in asked.set)
    if asked.threads:
        settings["train.threads"] = asked.threads
    budget: dict[str, Any] = {"minutes": asked.minutes} if asked.images is None else {"images": asked.images}
    recipe = reverie.recipe(
        "ssl", asked.data, preset=asked.preset, size=asked.size, seed=asked.seed, settings=settings, **budget
    )
    with tempfile.TemporaryDirectory() as scratch:
        folder = asked.run or Path(scratch) / "run"
        before, images = time.process_time(), 0
        for event in reverie.train(recipe, run=folder):
            images = event.images
            if isinstance(event, Probed):
                knn = event.values.get("knn_accuracy", float("nan"))
                print(f"{event.seconds / 60:5.1f} min {images:9,} images  kNN on held-out {knn:.1%}", flush=True)
            elif isinstance(event, Found):
                print(f"{event.code} {event.title}: {event.message}", flush=True)
        took = (time.process_time() - before) / 60
        found = reverie.measure(folder, metrics=["knn_accuracy", "linear_accuracy"], weights=asked.weights)
    print(f"\n{images:,} images in {took:.1f} processor minutes, seed {asked.seed}, {asked.weights} weights\n")
    table(found["metrics"], found["protocol"])


def table(metrics: dict[str, dict[str, Any]], protocol: dict[str, Any]) -> None:
    """Markdown: a row for whose codes, a column for each probe."""
    n = metrics["linear_accuracy"]["n"]
    print(f"{protocol['data']}, {protocol['split']}, n = {n:,}\n\n| codes | linear, % | kNN, % |\n|---|---|---|")
    for suffix, name in WHOSE.items():
        cells = [metrics.get(f"{probe}_accuracy{suffix}") for probe in ("linear", "knn")]
        print(f"| {name} | " + " | ".join("" if c is None else _interval(c) for c in cells) + " |")
    low = _ends(metrics["linear_accuracy"])[0]
    rivals = {name: metrics.get(f"linear_accuracy{suffix}") for suffix, name in list(WHOSE.items())[1:4]}
    gaps = {name: low - _ends(entry)[1] for name, entry in rivals.items() if entry is not None}
    print("\nClear of " + ", ".join(f"{name} by {100 * gap:+.1f}" for name, gap in gaps.items()) + " points")


def _ends(entry: dict[str, Any]) -> tuple[float, float]:
    return entry["value"] - NINETY_FIVE * entry["se"], entry["value"] + NINETY_FIVE * entry["se"]


def _interval(entry: dict[str, Any]) -> str:
    low, high = _ends(entry)
    return f"{100 * entry['value']:.1f} ({100 * low:.1f} to {100 * high:.1f})"


if __name__ == "__main__":
    main()
