"""Images a second from the cache, against a loader that opens, decodes and resizes every image each time it is seen.

Both make the same thing, float32 batches in [-1, 1] of the same random items. Runs alternate, so that both meet the
same moods of the machine. Real images come from REVERIE_DATA (or --data).

    python benchmarks/loader.py --size 64 --pairs 5
"""

import argparse
import os
import statistics
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from reverie.core.recipe import DataRecipe
from reverie.data import batch_index, open_dataset

SETS = {"sign-digits": "sign-digits/sign_digits_100.zip", "noto-emoji": "noto-emoji/noto_emoji_128.zip"}


def plain_loader(paths: list[Path], size: int) -> Callable[[np.ndarray], Tensor]:
    """What most training scripts do in their data set's __getitem__, then stack."""

    def one(path: Path) -> Tensor:
        with Image.open(path) as image:
            pixels = image.convert("RGB").resize((size, size), Image.Resampling.BILINEAR)
        return torch.from_numpy(np.array(pixels)).permute(2, 0, 1).float() / 127.5 - 1

    return lambda index: torch.stack([one(paths[i]) for i in index])


def rate(load: Callable[[np.ndarray], Tensor], num_items: int, batch: int, seconds: float) -> float:
    """Images a second over at least `seconds`, along a shuffled epoch."""
    seen, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        load(batch_index(num_items, 0, seen, batch))
        seen += batch
    return seen / (time.perf_counter() - began)


def compare(name: str, archive: Path, options: argparse.Namespace) -> str:
    """One line of the table."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "images"
        with zipfile.ZipFile(archive) as file:  # published archives, read by name from a folder of ours
            file.extractall(folder)
        data = open_dataset(DataRecipe(source=str(folder), size=options.size), cache=Path(temporary) / "cache")
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        num = len(data.train)
        plain, ours = plain_loader(paths, options.size), lambda index: data.train.batch(index).images
        for load in (plain, ours):
            rate(load, num, options.batch, 0.2)
        pairs = [
            (rate(plain, num, options.batch, options.seconds), rate(ours, num, options.batch, options.seconds))
            for _ in range(options.pairs)
        ]
    slow, fast = (statistics.median(values) for values in zip(*pairs, strict=True))
    ratios = [b / a for a, b in pairs]
    spread = f"{statistics.median(ratios):.0f}x ({min(ratios):.0f} to {max(ratios):.0f})"
    return f"| {name} | {len(paths):,} | {slow:,.0f} | {fast:,.0f} | {spread} | {data.report.seconds:.1f} |"


def main() -> None:
    """Prints a Markdown table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    default = os.environ.get("REVERIE_DATA") or Path(__file__).parents[2] / "shared" / "data"
    parser.add_argument("--data", type=Path, default=Path(default), help="folder of real image sets")
    parser.add_argument("--size", type=int, default=64, help="pixels")
    parser.add_argument("--batch", type=int, default=128, help="images in a batch")
    parser.add_argument("--pairs", type=int, default=5, help="alternating pairs of runs")
    parser.add_argument("--seconds", type=float, default=2.0, help="each run takes")
    parser.add_argument("--threads", type=int, default=1, help="torch threads")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(
        f"Batches of {options.batch} at {options.size} px, medians of {options.pairs} alternating pairs, one process.\n"
    )
    print("| images | files | decoding loader, images/s | cached, images/s | ratio (range) | cache made once in, s |")
    print("|---|---|---|---|---|---|")
    for name, path in SETS.items():
        if (options.data / path).is_file():
            print(compare(name, options.data / path, options), flush=True)
        else:
            print(f"| {name} | not found in {options.data} | | | | |")


if __name__ == "__main__":
    main()
