"""Likelihood on binarised MNIST: trains a preset, then measures it by importance sampling on the whole test set.

    python benchmarks/mnist_nll.py mnist-fixed --samples 5000
    python benchmarks/mnist_nll.py mnist-fixed mnist-vamp --minutes 40 --threads 2

Each row: what was run, for how long, the NLL with its standard error over images, the ELBO, and the published number
of the same protocol. `--curve` also prints the probed held-out ELBO against minutes.
"""

import argparse
import json
import os
import time
from pathlib import Path

import reverie
from reverie.core.event import Finished, Probed
from reverie.core.run import Run

PUBLISHED = {
    "mnist-fixed": "89.9 (MLP, pythae's anchor); 88.75 gated MLP",
    "mnist-vamp": "85.57 (Tomczak and Welling 2018)",
    "mnist-dynamic": "86.76 (Burda et al. 2016, k = 1)",
    "mnist-iwae": "84.78 (Burda et al. 2016, k = 50)",
    "mnist-ladder": "79.24 fixed (LVAE, 3 convolutional layers)",
}


def is_finished(folder: Path) -> bool:
    """Whether a training there spent its budget: it is then measured as it is."""
    events = Run(folder).events() if folder.exists() else ()
    return any(isinstance(event, Finished) and event.reason == "budget" for event in events)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("presets", nargs="+", choices=sorted(PUBLISHED))
    parser.add_argument("--minutes", type=float, help="training budget; left out: the preset's")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="CPU threads, for training and measuring")
    parser.add_argument("--samples", type=int, default=5000, help="importance samples an image")
    parser.add_argument("--num", type=int, help="test images; left out: all 10,000")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--runs", type=Path, default=Path("runs/benchmarks"), help="where the runs go")
    parser.add_argument("--curve", action="store_true")
    parser.add_argument(
        "--precision", choices=["fp32", "bf16"], default="fp32", help="with bf16 it also says how far that is from fp32"
    )
    parser.add_argument("--weights", choices=["best", "last"], default="best")
    parser.add_argument("--train-only", action="store_true")
    asked = parser.parse_args()

    import torch

    from reverie.core.recipe import parse_setting

    columns = "preset minutes threads images NLL,nats ELBO ESS/S S test,images measured,in published"
    print("| " + " | ".join(c.replace(",", " ") for c in columns.split()) + " |\n" + "|---" * 11 + "|")
    for preset in asked.presets:
        settings = {"train.threads": asked.threads} | dict(parse_setting(text) for text in asked.set)
        recipe = reverie.recipe("vae", preset=preset, minutes=asked.minutes, seed=asked.seed, settings=settings)
        folder = asked.runs / f"{preset}-{asked.seed}"
        run = Run(folder) if is_finished(folder) else reverie.fit(recipe, run=folder)
        if asked.train_only:
            continue
        torch.set_num_threads(asked.threads)
        began = time.monotonic()
        given = {"metrics": ["nll"], "weights": asked.weights}
        result = reverie.measure(folder, samples=asked.samples, num=asked.num, precision=asked.precision, **given)
        took = (time.monotonic() - began) / 60
        (folder / "nll.json").write_text(json.dumps(result, indent=1))
        m, images = result["metrics"], result["protocol"]["images_seen"]
        minutes = max(e.seconds for e in run.events()) / 60
        print(
            f"| {preset} | {minutes:.1f} | {asked.threads} | {images / 1e6:.2f} M | "
            f"{m['nll']['value']:.2f} ± {m['nll']['se']:.2f} | {m['elbo']['value']:.2f} | {m['ess']['value']:.3f} | "
            f"{asked.samples} | {m['nll']['n']} | {took:.1f} min | {PUBLISHED[preset]} |",
            flush=True,
        )
        if asked.precision == "bf16":
            exact, rounded = (
                reverie.measure(folder, samples=100, num=1000, precision=precision, **given)["metrics"]["nll"]["value"]
                for precision in ("fp32", "bf16")
            )
            print(f"bf16 - fp32, the same 1,000 images and 100 draws: {rounded - exact:+.4f} nats", flush=True)
        if asked.curve:
            points = [(e.seconds / 60, e.values) for e in Run(folder).events() if isinstance(e, Probed)]
            print(", ".join(f"{t:.1f} min: {-v['held_out_elbo_nats']:.2f}" for t, v in points))


if __name__ == "__main__":
    main()
