"""Mixtures in the plane: modes found, share of good points, balance and spread, by PacGAN's protocol.

    python benchmarks/points.py --seeds 10
    python benchmarks/points.py --presets plain wgan-gp pacgan --seeds 3 --minutes 5

`points` is what `reverie train gan SET` takes, the same for both sets; `plain`, `wgan-gp` and `pacgan` are baselines
of Lin et al. (2018, table 1), on the same loop. One thread a training. 2,500 samples are measured; a perfect sampler
has 98.9 % good points (within three sigma of a mode), a reverse KL of 0.0014 (ring8) and 0.0048 (grid25), and a spread
of 0.99.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import reverie

NAMES = ("modes", "high_quality", "reverse_kl", "mode_spread")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", default=["ring8", "grid25"])
    parser.add_argument("--presets", nargs="+", default=["points"])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    budget = parser.add_mutually_exclusive_group()
    budget.add_argument("--minutes", type=float, help="a training; left out: what the preset says")
    budget.add_argument("--images", type=int, help="a training, in place of minutes, for a machine that is shared")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--runs", type=Path, help="keep the runs here")
    asked = parser.parse_args()
    from reverie.core.recipe import parse_setting

    given: dict[str, Any] = {"minutes": asked.minutes, "images": asked.images}
    settings = {"train.threads": 1} | dict(parse_setting(text) for text in asked.set)
    print("| set | preset | seed | core minutes | " + " | ".join(NAMES) + " |\n" + "|---" * 8 + "|", flush=True)
    for name in asked.sets:
        for preset in asked.presets:
            rows: list[list[float]] = []
            for seed in range(asked.first, asked.first + asked.seeds):
                # the preset is for images, over DCGAN's nets
                nets = {"gan.net": "mlp"} if preset == "wgan-gp" else {}
                recipe = reverie.recipe("gan", name, preset=preset, seed=seed, settings=settings | nets, **given)
                with tempfile.TemporaryDirectory() as scratch:
                    folder = (asked.runs or Path(scratch)) / f"{name}-{preset}-{seed}"
                    before = time.process_time()
                    reverie.fit(recipe, run=folder)
                    took = (time.process_time() - before) / 60
                    found = reverie.measure(folder, metrics=["modes"], num=2500)["metrics"]
                rows.append([found[n]["value"] for n in NAMES])
                row = " | ".join(f"{v:.4g}" for v in rows[-1])
                print(f"| {name} | {preset} | {seed} | {took:.1f} | {row} |", flush=True)
            for what, function in (("median", statistics.median), ("least", min), ("most", max)):
                row = " | ".join(f"{function(column):.4g}" for column in zip(*rows, strict=True))
                print(f"| {name} | {preset} | {what} | | {row} |", flush=True)


if __name__ == "__main__":
    main()
