"""Training and likelihood speed beside pythae 0.1.2: the same MLP VAE, batch and data, in turn, medians of ratios.

    python -m venv other && other/bin/pip install torch==2.13.0 pythae==0.1.2
    python benchmarks/pythae_speed.py --other other/bin/python --data DIR_WITH_MNIST

The net is 784-512-16-512-784 with ReLU and cross-entropy, Adam, batch 128. A child process a measurement, `--rounds`
of each in turn. Training is timed end to end: the first batch to the last saved file. The likelihood is importance
sampled with S = 1,000, of ten times as many images in our turn as in pythae's, so that both take seconds.
"""

import argparse
import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

NET = {"vae.net": "mlp", "vae.width": 512, "vae.depth": 1, "vae.latent": 16, "vae.activation": "relu"}


def digits(folder: Path, num: int) -> np.ndarray:
    """(num, 28, 28) uint8."""
    raw = gzip.decompress((folder / "mnist" / "train-images-idx3-ubyte.gz").read_bytes())
    return np.frombuffer(raw, np.uint8, offset=16).reshape(-1, 28, 28)[:num]


def theirs(asked: argparse.Namespace) -> dict[str, float]:
    """Images a second of pythae."""
    import torch
    from pythae.models import VAE, VAEConfig
    from pythae.trainers import BaseTrainer, BaseTrainerConfig

    torch.set_num_threads(asked.threads)
    data = digits(asked.data, asked.num)[:, None].astype(np.float32) / 255
    model = VAE(VAEConfig(input_dim=(1, 28, 28), latent_dim=16, reconstruction_loss="bce"))
    from pythae.data.datasets import BaseDataset

    dataset = BaseDataset(torch.from_numpy(data), torch.ones(len(data)))
    with tempfile.TemporaryDirectory() as out:
        config = BaseTrainerConfig(
            output_dir=out,
            num_epochs=asked.epochs,
            per_device_train_batch_size=128,
            learning_rate=1e-3,
            no_cuda=True,
        )
        trainer = BaseTrainer(model=model, train_dataset=dataset, training_config=config)
        began = time.perf_counter()
        trainer.train()
        trained = time.perf_counter() - began
    test = torch.from_numpy(data[: asked.nll_num])
    began = time.perf_counter()
    with torch.no_grad():
        model.get_nll(test, n_samples=1000, batch_size=100)
    return {"train": asked.num * asked.epochs / trained, "nll": len(test) / (time.perf_counter() - began)}


def ours(asked: argparse.Namespace) -> dict[str, float]:
    """Images a second of Reverie."""
    import reverie as rv
    from reverie.core.recipe import DataRecipe
    from reverie.data import open_dataset
    from reverie.measure import measure

    with tempfile.TemporaryDirectory() as out:
        data = Path(out) / "digits.npz"
        np.savez(data, images=digits(asked.data, asked.num))
        settings = NET | {
            "train.batch": 128,
            "train.threads": asked.threads,
            "train.precision": asked.precision,
            "train.grids": 1,
            "train.probes": asked.probes,
            "vae.likelihood": "bernoulli",
            "data.held_out": 0.01,
        }
        recipe = rv.recipe("vae", str(data), images=asked.num * asked.epochs, settings=settings)
        events = rv.train(recipe, run=Path(out) / "run")
        next(events)
        began = time.perf_counter()
        trained = 0.0
        for event in events:
            if event.kind == "saved":  # the card with its pictures comes after the last of these; pythae makes none
                trained = time.perf_counter() - began
        import torch

        torch.set_num_threads(asked.threads)
        model = rv.load(Path(out) / "run")
        items = open_dataset(DataRecipe(source=str(data), held_out=0.4)).held_out
        terms = {"metrics": ["nll"], "samples": 1000, "precision": asked.precision, "compiled": asked.compile}
        if asked.compile:  # every shape that is to come: whole chunks of images and of draws, and what is left of each
            measure(model, items, num=16 + asked.nll_num % 16, **terms)
        began = time.perf_counter()
        measure(model, items, num=asked.nll_num, **terms)
        measured = time.perf_counter() - began
    return {"train": asked.num * asked.epochs / trained, "nll": asked.nll_num / measured}


def matmul_rate(threads: int) -> dict[str, float]:
    """GFLOP/s of a 128 x 784 by 784 x 512 product."""
    import torch

    torch.set_num_threads(threads)
    rates = {}
    for name, kind in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        a, b = torch.randn(128, 784, dtype=kind), torch.randn(784, 512, dtype=kind)
        for _ in range(20):
            a @ b
        began = time.perf_counter()
        for _ in range(300):
            a @ b
        rates[name] = 300 * 2 * 128 * 784 * 512 / (time.perf_counter() - began) / 1e9
    return rates


def child(python: str, role: str, asked: argparse.Namespace, precision: str) -> dict[str, float]:
    """One measurement in a process of its own."""
    keep = [
        "--threads",
        asked.threads,
        "--probes",
        asked.probes,
        "--num",
        asked.num,
        "--epochs",
        asked.epochs,
        "--data",
        asked.data,
    ]
    command = [python, __file__, "--role", role, "--precision", precision, *map(str, keep)]
    command += ["--compile"] * asked.compile
    command += ["--nll-num", str(asked.nll_num if role == "theirs" else 10 * asked.nll_num)]
    env = os.environ | {"OMP_NUM_THREADS": str(asked.threads)}
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    if done.returncode:
        sys.exit(f"{role} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--other", help="the Python of an environment that has pythae")
    parser.add_argument("--data", type=Path, default=os.environ.get("REVERIE_DATA"), help="a folder that holds mnist/")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--num", type=int, default=10_000, help="training images")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--nll-num", type=int, default=50, help="images whose likelihood pythae estimates")
    parser.add_argument("--probes", type=int, default=1, help="looks at held-out images, which pythae does not take")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--compile", action="store_true", help="compile our likelihood, before the clock starts")
    parser.add_argument("--precision", default="fp32", help=argparse.SUPPRESS)
    parser.add_argument("--precisions", nargs="+", choices=["fp32", "bf16"], default=["fp32", "bf16"])
    parser.add_argument("--role", choices=["ours", "theirs"], help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.role:
        print(json.dumps((ours if asked.role == "ours" else theirs)(asked)))
        return
    print(
        f"matrix product, {asked.threads} threads: "
        + str({k: f"{v:.0f} GFLOP/s" for k, v in matmul_rate(asked.threads).items()})
    )
    print("| threads | precision | what | pythae, images/s | Reverie, images/s | median ratio |")
    print("|---|---|---|---|---|---|")
    for precision in asked.precisions:
        pairs = []
        for _ in range(asked.rounds):
            a = child(asked.other, "theirs", asked, precision)
            pairs.append((a, child(sys.executable, "ours", asked, precision)))
        for what in ("train", "nll"):
            ratio = statistics.median(b[what] / a[what] for a, b in pairs)
            a, b = (statistics.median(p[i][what] for p in pairs) for i in (0, 1))
            print(f"| {asked.threads} | {precision} | {what} | {a:,.1f} | {b:,.1f} | {ratio:.2f} |", flush=True)


if __name__ == "__main__":
    main()
