"""Peak resident memory against the number of images: preparing a folder and reading one epoch, or a training.

Folders of small drawn images, half JPEG and half PNG, are made in a temporary place. Each measurement is a process of
its own, whose peak the kernel reports.

    python benchmarks/memory.py --num 5000 50000
    python benchmarks/memory.py --num 5000 50000 --train
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

EPOCH = """
import sys
import numpy as np
from pathlib import Path
from reverie.core.recipe import DataRecipe
from reverie.core.rng import Rng
from reverie.data import batch_index, open_dataset
data = open_dataset(DataRecipe(source=sys.argv[1], size=64, mirror=True))
for seen in range(0, len(data.train), 128):
    data.train.batch(batch_index(len(data.train), 0, seen, 128), Rng(0, seen, count=128))
"""


def make_folder(folder: Path, num: int, side: int) -> None:
    """Images of a coloured blob on a gradient, each different."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:side, 0:side].astype(np.float32) / side
    folder.mkdir(parents=True)
    for i in range(num):
        a, b, c, d, e = rng.random(5, dtype=np.float32)
        blob = np.exp(-30 * ((x - a) ** 2 + (y - b) ** 2))[..., None]
        ground = np.stack([x * c, y * d, np.full_like(x, e)], axis=-1)
        pixels = (255 * np.clip(ground + blob * rng.random(3, dtype=np.float32), 0, 1)).astype(np.uint8)
        if i % 2:
            Image.fromarray(pixels).save(folder / f"{i:06d}.jpg", quality=85)
        else:
            Image.fromarray(pixels).save(folder / f"{i:06d}.png", compress_level=1)


def measure(command: list[str], cache: Path) -> tuple[float, float]:
    """(peak resident MiB, seconds) of one process."""
    began = time.perf_counter()
    process = subprocess.Popen(command, env={**os.environ, "REVERIE_CACHE": str(cache)}, stdout=sys.stderr)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{' '.join(command)}: ended with status {os.waitstatus_to_exitcode(status)}")
    unit = 1 if sys.platform == "darwin" else 1024
    return usage.ru_maxrss * unit / 2**20, time.perf_counter() - began


def commands(folder: Path, options: argparse.Namespace) -> dict[str, list[str]]:
    """What is measured on one folder."""
    python = [sys.executable]
    if options.train:
        run = ["train", "vae", str(folder), "--size", "64", "--images", str(options.images)]
        return {"train vae": [*python, "-m", "reverie", *run, "--run", str(folder.parent / f"run-{folder.name}")]}
    return {"prepare + epoch": [*python, "-c", EPOCH, str(folder)], "epoch": [*python, "-c", EPOCH, str(folder)]}


def main() -> None:
    """Prints a Markdown table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--num", type=int, nargs="+", default=[5_000, 50_000], help="images in each folder")
    parser.add_argument("--side", type=int, default=80, help="pixels of the files; they are brought to 64")
    parser.add_argument("--train", action="store_true", help="measure `reverie train vae` instead")
    parser.add_argument("--images", type=int, default=20_000, help="budget of the training")
    options = parser.parse_args()
    print("| process | images in the folder | cache, MiB | peak resident, MiB | seconds |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as temporary:
        for num in options.num:
            folder = Path(temporary) / str(num)
            make_folder(folder, num, options.side)
            for name, command in commands(folder, options).items():
                peak, seconds = measure(command, Path(temporary) / "cache")
                cache = num * 3 * 64 * 64 / 2**20
                print(f"| {name} | {num:,} | {cache:,.0f} | {peak:,.0f} | {seconds:.1f} |", flush=True)


if __name__ == "__main__":
    main()
