"""What compiling gains: `train.compile` and `measure --compile` beside the same without, by turns.

    REVERIE_DATA=FOLDER_WITH_MNIST python benchmarks/compiling.py --rounds 3

A process a measurement, the median of ratios over rounds. The rate of a training is that of its second half, after
whatever the compiler took, which is told apart: how much longer the first half is with it. That of a likelihood is
taken the second time over, by `nll` of 64 images.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SMALL = {"data.size": 32, "data.num": 2000}
# family, data, images of the training, draws for each of 64 images, settings
CASES: dict[str, tuple[str, str, int, int, dict[str, object]]] = {
    "vae, mlp, mnist": (
        *("vae", "mnist", 160_000, 4096),
        {"vae.net": "mlp", "vae.width": 512, "vae.likelihood": "bernoulli"},
    ),
    "vae, default net, 32 px": ("vae", "faces", 16_000, 256, SMALL),
    "vae, ladder, 32 px": ("vae", "faces", 8_000, 128, SMALL | {"vae.net": "ladder", "vae.latent": 8}),
    "ssl, default net, 32 px": ("ssl", "faces", 16_000, 0, SMALL),
}


def once(case: str, compiled: bool) -> dict[str, float]:
    """Images a second of the second half, seconds of the first, and importance samples a second."""
    import reverie as rv

    family, source, images, draws, settings = CASES[case]
    quiet = {"train.grids": 1, "train.probes": 1, "train.precision": "fp32", "train.log_every": 10}
    recipe = rv.recipe(family, source, images=images, settings=settings | quiet | {"train.compile": compiled})
    with tempfile.TemporaryDirectory() as folder:
        at = [(0, 0.0)]
        at += [(e.images, e.seconds) for e in rv.train(recipe, run=Path(folder) / "run") if e.kind == "stepped"]
        half = next(point for point in at if point[0] >= images / 2)
        found = {"train": (at[-1][0] - half[0]) / (at[-1][1] - half[1]), "first half": half[1]}
        if family == "vae":
            for _ in range(2):
                began = time.perf_counter()
                rv.measure(Path(folder) / "run", metrics=["nll"], samples=draws, num=64, compiled=compiled)
                found["nll"] = 64 * draws / (time.perf_counter() - began)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--once", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.once:
        print(json.dumps(once(asked.once[0], asked.once[1] == "True")))
        return
    print("| what | as it is, a second | compiled | median ratio | seconds that compiling took |")
    print("|---|---:|---:|---:|---:|")
    for case in CASES:
        pairs: list[list[dict[str, float]]] = []
        for _ in range(asked.rounds):
            env = os.environ | {"OMP_NUM_THREADS": str(asked.threads)}
            told = [
                subprocess.run(
                    [sys.executable, __file__, "--once", case, str(c)], stdout=subprocess.PIPE, env=env, check=True
                )
                for c in (False, True)
            ]
            pairs.append([json.loads(done.stdout.splitlines()[-1]) for done in told])
        for what in ("train", "nll"):
            if what not in pairs[0][0]:
                continue
            plain, compiled = (statistics.median(pair[i][what] for pair in pairs) for i in (0, 1))
            ratio = statistics.median(b[what] / a[what] for a, b in pairs)
            took = (
                f"{statistics.median(b['first half'] - a['first half'] for a, b in pairs):.0f}"
                if what == "train"
                else ""
            )
            print(f"| {case}: {what} | {plain:,.0f} | {compiled:,.0f} | {ratio:.2f} | {took} |", flush=True)


if __name__ == "__main__":
    main()
