"""Three ways to a critic's slope: how wrong each is in fp32 and in bf16, and what a step with it costs.

    python benchmarks/slopes.py
    python benchmarks/slopes.py --run runs/faces-gan

Without a run the critic is the residual one as it starts; with one it is the trained critic on held-out images. The
squared slope is the mean over the images and, where a way draws directions, over eight draws; milliseconds are the
processor's, for a forward pass and a backward pass of the penalty, on one thread, medians of nine.
"""

import argparse
import contextlib
import statistics
import time
from pathlib import Path

import torch
from torch import Tensor, nn

from reverie.api.showing import open_data
from reverie.api.using import load
from reverie.core.rng import Rng
from reverie.core.run import Run
from reverie.families.gan.penalties import FD_STEP, finite_difference, forward, nudged, squared_gradient
from reverie.nets.residual_gan import ResidualCritic

DRAWS, REPEATS = 8, 9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path)
    parser.add_argument("--images", type=int, default=64)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    if asked.run is None:
        torch.manual_seed(0)
        critic: nn.Module = ResidualCritic(shape=(3, 64, 64), width=32, depth=1)
        for weights in critic.parameters():
            if not weights.any():  # residual branches start at zero: give them something to say
                nn.init.normal_(weights, std=0.05)
        images = Rng("slopes", count=asked.images).normal(3, 64, 64)
        score = critic.to(memory_format=torch.channels_last)  # as in training
    else:
        run = Run.open(asked.run)
        model, held_out = load(run, weights="last", device="cpu"), open_data(run.recipe()).held_out
        images = held_out.batch(list(range(min(asked.images, len(held_out))))).images
        critic, score = model.critic, lambda x: model.judge(x)
    print("| way | precision | squared slope | of exact fp32 | ms an image |\n|---|---|---|---|---|")
    exact = _mean(score, images, "exact", False)
    for way in ("exact", "forward", "finite"):
        for half in (False, True):
            found = _mean(score, images, way, half)
            cost = _milliseconds(score, critic, images, way, half)
            name = "bf16" if half else "fp32"
            print(f"| {way} | {name} | {found:.4g} | {found / exact:.3g} | {cost:.3g} |", flush=True)


def _squares(score: nn.Module, images: Tensor, way: str, half: bool, draw: int) -> Tensor:
    """|grad D|^2 of every image, or an estimate of it."""
    half_of_them = len(images) // 2
    rng = Rng("slopes", way, draw, count=half_of_them if way == "forward" else len(images))
    with torch.autocast("cpu", torch.bfloat16) if half else contextlib.nullcontext():
        if way == "exact":
            x = images.clone().requires_grad_(True)
            return squared_gradient(score(x), x)
        if way == "finite":
            return finite_difference(score(nudged(images, rng)), score(images), FD_STEP)
        halves = images[:half_of_them], images[half_of_them : 2 * half_of_them]
        return torch.cat(forward(lambda x, g: (score(x), score(g)), *halves, rng)[2])


def _mean(score: nn.Module, images: Tensor, way: str, half: bool) -> float:
    draws = 1 if way == "exact" else DRAWS
    return statistics.fmean(float(_squares(score, images, way, half, d).detach().mean()) for d in range(draws))


def _milliseconds(score: nn.Module, critic: nn.Module, images: Tensor, way: str, half: bool) -> float:
    took: list[float] = []
    for number in range(REPEATS + 2):
        critic.zero_grad()
        before = time.process_time()
        with torch.enable_grad():
            _squares(score, images, way, half, number).mean().backward()
        took.append(time.process_time() - before)
    return statistics.median(took[2:]) / len(images) * 1e3


if __name__ == "__main__":
    main()
