"""Set-against-set statistics beside the usual ways to compute them: time, memory and bias.

    python benchmarks/estimators.py frechet       d = 2,048, n = 10,000, against scipy's square root of a matrix
    python benchmarks/estimators.py prdc          d = 1,024, n = 10,000, against whole matrices of distances
    python benchmarks/estimators.py bias          Frechet distance at n = 1,000, d = 128, plain and corrected

    python -m venv other && other/bin/pip install prdc==0.2 scikit-learn
    python benchmarks/estimators.py prdc --other other/bin/python       against the package `prdc`

Each prints a Markdown table; `intervals.py` asks how honest errors are. Both sides run in turn, `--repeats` times, on
`--threads` processors, to which they are pinned; times are medians, ratios medians of the pairs' ratios. `prdc` runs
every side in a process of its own, and reports what it adds to the peak memory of one that has made the features and
imported everything; both after a first call with 500 rows.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np

Rows = np.ndarray


def skewed(n: int, dim: int, chance: np.random.Generator, mix: Rows) -> Rows:
    """Rows of correlated features with long tails on one side, covariance mix' mix, float32."""
    return ((chance.exponential(size=(n, dim)) - 1) @ mix).astype(np.float32)


def mixing(dim: int, decay: float, seed: int = 0) -> Rows:
    """A square root of a covariance whose eigenvalues fall by e^-2decay."""
    basis = np.linalg.qr(np.random.default_rng(seed).standard_normal((dim, dim)))[0]
    return np.exp(-decay * np.linspace(0, 1, dim))[:, None] * basis


def timed(work: Callable[[], float]) -> tuple[float, float, float]:
    """(result, seconds on the clock, seconds of the processor)."""
    began = time.perf_counter(), time.process_time()
    result = work()
    return result, time.perf_counter() - began[0], time.process_time() - began[1]


def frechet_speed(options: argparse.Namespace) -> None:
    """One value from moments that are at hand, then the whole: sums, value, error and correction."""
    from scipy.linalg import sqrtm

    from reverie.measure.sets.frechet import Groups, distance, frechet
    from reverie.measure.value import Value

    dim, num = options.dim or 2048, options.num or 10_000
    chance = np.random.default_rng(0)
    sets = [skewed(num, dim, chance, mixing(dim, 2.5, seed)) for seed in (1, 2)]
    groups, began = [], (time.perf_counter(), time.process_time())
    for rows in sets:
        groups.append(Groups(dim))
        for first in range(0, num, 250):
            groups[-1].add(rows[first : first + 250])
    one, two = (g.moments() for g in groups)
    summed = time.perf_counter() - began[0], time.process_time() - began[1]

    def by_scipy() -> float:
        a, b = one.covariance.numpy(), two.covariance.numpy()
        shift = float(((one.mean - two.mean) ** 2).sum())
        return shift + np.trace(a) + np.trace(b) - 2 * float(np.trace(sqrtm(a @ b)).real)

    pairs = [(timed(lambda: frechet(one, two)), timed(by_scipy)) for _ in range(options.repeats)]
    (ours, *_), (theirs, *_) = pairs[0]
    whole: list[Value] = []
    corrected, clock, work = timed(lambda: whole.append(distance(groups[0], groups[1])) or whole[0].value)
    print(f"d = {dim:,}, n = {num:,}, {options.repeats} pairs\n\n| | value | seconds | processor seconds |")
    print("|---|---|---|---|")
    for name, value, side in (("ours", ours, 0), ("scipy sqrtm", theirs, 1)):
        wall, cpu = (statistics.median(pair[side][which] for pair in pairs) for which in (1, 2))
        print(f"| {name} | {value:.9f} | {wall:.2f} | {cpu:.2f} |")
    wall, cpu = (statistics.median(b[which] / a[which] for a, b in pairs) for which in (1, 2))
    print(f"| ratio | {ours / theirs - 1:+.1e} | {wall:.1f}x | {cpu:.1f}x |")
    print(f"| sums of both sets in 20 groups | | {summed[0]:.2f} | {summed[1]:.2f} |")
    print(f"| corrected, with error | {corrected:.4f} ± {whole[0].se:.4f} | {clock:.1f} | {work:.1f} |")


def prdc_once(options: argparse.Namespace) -> None:
    """One side of the comparison, in this process: its four numbers, its seconds and its memory."""
    dim, num = options.dim or 1024, options.num or 10_000
    chance = np.random.default_rng(0)
    real, fake = (chance.standard_normal((num, dim), dtype=np.float32) for _ in range(2))
    sides = {"ours": our_four, "values": our_values, "plain": plain_four, "package": package_four}
    take = sides[options.side]()
    take(real[:500], fake[:500])  # what a first call sets up is nobody's speed
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter(), time.process_time()
    values = take(real, fake)
    seconds, work = time.perf_counter() - began[0], time.process_time() - began[1]
    added = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(seconds, work, added / (2**20 if sys.platform == "darwin" else 2**10), *values)


Four = Callable[[Rows, Rows], list[float]]


def our_values() -> Four:
    """As `our_four` without the errors, which nobody else takes."""
    return our_four(errors=False)


def our_four(*, errors: bool = True) -> Four:
    """Precision, recall, density and coverage as Reverie takes them, errors included."""
    from reverie.measure.sets.neighbours import prdc

    def take(real: Rows, fake: Rows) -> list[float]:
        found = prdc(real, fake, k_manifold=5, errors=errors)
        return [v.value for v in (found.precision, found.recall, found.density, found.coverage)]

    return take


def package_four() -> Four:
    """As the package `prdc` takes them."""
    from prdc import compute_prdc  # pyright: ignore[reportMissingImports]

    def take(real: Rows, fake: Rows) -> list[float]:
        found = compute_prdc(real_features=real, fake_features=fake, nearest_k=5)
        return [float(found[name]) for name in ("precision", "recall", "density", "coverage")]

    return take


def plain_four() -> Four:
    """By whole matrices of distances, as the package does, where it is not at hand."""
    from sklearn.metrics import pairwise_distances

    return lambda real, fake: whole_matrices(real, fake, 5, pairwise_distances)


def whole_matrices(real: Rows, fake: Rows, k: int, distances: Callable[..., Rows]) -> list[float]:
    """The four numbers as the reference package takes them: whole matrices of distances, and partitions of rows."""

    def radii(rows: Rows) -> Rows:
        between = distances(rows, rows, metric="euclidean", n_jobs=8)
        nearest = np.argpartition(between, k + 1, axis=-1)[..., : k + 1]
        return np.take_along_axis(between, nearest, axis=-1).max(axis=-1)

    of_real, of_fake = radii(real), radii(fake)
    between = distances(real, fake, metric="euclidean", n_jobs=8)
    precision = (between < of_real[:, None]).any(axis=0).mean()
    recall = (between < of_fake[None]).any(axis=1).mean()
    density = (between < of_real[:, None]).sum(axis=0).mean() / k
    coverage = (between.min(axis=1) < of_real).mean()
    return [float(v) for v in (precision, recall, density, coverage)]


def prdc_speed(options: argparse.Namespace) -> None:
    """Both sides in turn; memory is what the work adds to a process that has imported the same things."""
    rival = "package" if options.other else "plain"
    found: dict[str, list[list[float]]] = {"values": [], "ours": [], rival: []}
    for side in tuple(found) * options.repeats:
        python = options.other if side == "package" else sys.executable
        command = [python, __file__, "prdc", "--side", side, f"--threads={options.threads}"]
        command += [f"--{n}={v}" for n, v in (("dim", options.dim), ("num", options.num)) if v]
        output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
        found[side].append([float(number) for number in output.splitlines()[-1].split()])
    print(f"n = {options.num or 10_000:,}, d = {options.dim or 1024:,}, {options.repeats} pairs\n")
    print("| | precision | recall | density | coverage | seconds | processor seconds | added MiB |")
    print("|---|---|---|---|---|---|---|---|")
    for side, rows in found.items():
        numbers = " | ".join(f"{v:.4f}" for v in rows[0][3:])
        wall, cpu, added = (statistics.median(row[i] for row in rows) for i in range(3))
        print(f"| {side} | {numbers} | {wall:.2f} | {cpu:.2f} | {added:,.0f} |")
    for side in ("values", "ours"):
        pairs = list(zip(found[side], found[rival], strict=True))
        wall, cpu, added = (statistics.median(b[i] / a[i] for a, b in pairs) for i in range(3))
        print(f"| {rival} / {side} | | | | | {wall:.1f}x | {cpu:.1f}x | 1/{added:.1f} |")


def frechet_bias(options: argparse.Namespace) -> None:
    """Means over repetitions, for sets apart and for equal ones, at a number where the plain value is far off."""
    from reverie.measure.sets.frechet import Groups, distance, frechet

    dim, num, chance = options.dim or 128, options.num or 1000, np.random.default_rng(2)
    print(f"n = {num:,}, d = {dim:,}, both sets drawn\n")
    print("| truth | plain | corrected | bias left |\n|---|---|---|---|")
    for scale in (1.0, 1.1):
        mix, plain, corrected = mixing(dim, 1.0), [], []
        for _ in range(options.reps):
            sets = [Groups(dim), Groups(dim)]
            for seen, factor in zip(sets, (scale, 1.0), strict=True):
                seen.add(factor * skewed(num, dim, chance, mix))
            plain.append(frechet(sets[0].moments(), sets[1].moments()))
            corrected.append(distance(sets[0], sets[1]).value)
        truth = (scale - 1) ** 2 * float((mix**2).sum())
        left = (np.mean(corrected) - truth) / (np.mean(plain) - truth)
        error = np.std(corrected, ddof=1) / np.sqrt(len(corrected)) / (np.mean(plain) - truth)
        row = f"{np.mean(plain):.4f} | {np.mean(corrected):.4f} | {left:.1%} ± {error:.1%}"
        print(f"| {truth:.4f} | {row} |", flush=True)


def main() -> None:
    """Prints the table of one part."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = {"frechet": frechet_speed, "prdc": prdc_speed, "bias": frechet_bias}
    parser.add_argument("part", choices=tuple(parts))
    parser.add_argument("--num", type=int, help="rows of each set")
    parser.add_argument("--dim", type=int, help="features of a row")
    parser.add_argument("--repeats", type=int, default=3, help="pairs of runs")
    parser.add_argument("--reps", type=int, default=40, help="repetitions of `bias`")
    parser.add_argument("--threads", type=int, default=1, help="processors that either side may use")
    parser.add_argument("--other", help="the Python of an environment that has prdc")
    parser.add_argument("--side", choices=("ours", "values", "plain", "package"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    pin(options.threads)
    (prdc_once if options.side else parts[options.part])(options)


def pin(threads: int) -> None:
    """Keeps this process, its threads and its children to as many processors, where the system can."""
    os.environ |= {f"{library}_NUM_THREADS": str(threads) for library in ("OMP", "MKL", "OPENBLAS")}
    if sys.platform == "linux":
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])


if __name__ == "__main__":
    main()
