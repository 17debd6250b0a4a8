"""Set-against-set statistics beside the usual ways to compute them: time, memory, honesty of errors, and bias.

    python benchmarks/estimators.py frechet       d = 2,048, n = 10,000, against scipy's square root of a matrix
    python benchmarks/estimators.py prdc          d = 1,024, n = 10,000, against whole matrices of distances
    python benchmarks/estimators.py intervals     how often +-1.96 errors hold the truth, over repetitions
    python benchmarks/estimators.py bias          Frechet distance at n = 1,000, d = 128, plain and corrected

Each prints a Markdown table. `prdc` runs either side in a process of its own, and reports what it adds to
the peak memory of one that has made the features and imported everything.
"""

import argparse
import resource
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable

import numpy as np

PARTS = ("frechet", "prdc", "intervals", "bias")
Rows = np.ndarray


def skewed(n: int, dim: int, chance: np.random.Generator, mix: Rows) -> Rows:
    """Rows of correlated features with long tails on one side, covariance mix' mix, float32."""
    return ((chance.exponential(size=(n, dim)) - 1) @ mix).astype(np.float32)


def mixing(dim: int, decay: float, seed: int = 0) -> Rows:
    """A square root of a covariance whose eigenvalues fall by e^-2decay."""
    basis = np.linalg.qr(np.random.default_rng(seed).standard_normal((dim, dim)))[0]
    return np.exp(-decay * np.linspace(0, 1, dim))[:, None] * basis


def best_of(repeats: int, work: Callable[[], float]) -> tuple[float, float]:
    """(result, seconds) of the quickest of a few runs."""
    seconds, result = [], 0.0
    for _ in range(repeats):
        began = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - began)
    return result, min(seconds)


def frechet_speed(options: argparse.Namespace) -> None:
    """One value from moments that are at hand, then the whole: sums, value, error and correction."""
    from scipy.linalg import sqrtm

    from reverie.measure.sets.frechet import Groups, distance, frechet

    dim, num = options.dim or 2048, options.num or 10_000
    chance = np.random.default_rng(0)
    sets = [skewed(num, dim, chance, mixing(dim, 2.5, seed)) for seed in (1, 2)]
    groups, began = [], time.perf_counter()
    for rows in sets:
        groups.append(Groups(dim))
        for first in range(0, num, 250):
            groups[-1].add(rows[first : first + 250])
    one, two = (g.moments() for g in groups)
    summed = time.perf_counter() - began

    def by_scipy() -> float:
        a, b = one.covariance.numpy(), two.covariance.numpy()
        shift = float(((one.mean - two.mean) ** 2).sum())
        return shift + np.trace(a) + np.trace(b) - 2 * float(np.trace(sqrtm(a @ b)).real)

    ours, seconds = best_of(options.repeats, lambda: frechet(one, two))
    theirs, slow = best_of(options.repeats, by_scipy)
    began = time.perf_counter()
    whole = distance(groups[0], groups[1])
    print(f"d = {dim:,}, n = {num:,}\n\n| | value | seconds |\n|---|---|---|")
    print(f"| ours | {ours:.9f} | {seconds:.2f} |\n| scipy sqrtm | {theirs:.9f} | {slow:.2f} |")
    print(f"| ratio | {ours / theirs - 1:+.1e} | {slow / seconds:.1f}x |")
    print(f"| sums of both sets in 20 groups | | {summed:.2f} |")
    print(f"| corrected, with error | {whole.value:.4f} ± {whole.se:.4f} | {time.perf_counter() - began:.1f} |")


def prdc_once(options: argparse.Namespace) -> None:
    """One side of the comparison, in this process: its four numbers and its seconds."""
    dim, num = options.dim or 1024, options.num or 10_000
    chance = np.random.default_rng(0)
    real, fake = (chance.standard_normal((num, dim), dtype=np.float32) for _ in range(2))
    from sklearn.metrics import pairwise_distances

    from reverie.measure.sets.neighbours import prdc

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter(), time.process_time()
    if options.side == "ours":
        found = prdc(real, fake, k_manifold=5)
        values = [v.value for v in (found.precision, found.recall, found.density, found.coverage)]
    else:
        values = whole_matrices(real, fake, 5, pairwise_distances)
    seconds, work = time.perf_counter() - began[0], time.process_time() - began[1]
    added = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(seconds, work, added / (2**20 if sys.platform == "darwin" else 2**10), *values)


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
    wall, cpu, peaks, values = defaultdict(list), defaultdict(list), {}, {}
    for side in ("ours", "plain") * options.repeats:
        command = [sys.executable, __file__, "prdc", "--side", side]
        command += [f"--{n}={v}" for n, v in (("dim", options.dim), ("num", options.num)) if v]
        output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
        seconds, work, peaks[side], *values[side] = map(float, output.split())
        wall[side].append(seconds)
        cpu[side].append(work)
    print("| | precision | recall | density | coverage | seconds | CPU seconds | added MiB |")
    print("|---|---|---|---|---|---|---|---|")
    for side in ("ours", "plain"):
        numbers = " | ".join(f"{v:.4f}" for v in values[side])
        print(f"| {side} | {numbers} | {min(wall[side]):.1f} | {min(cpu[side]):.1f} | {peaks[side]:,.0f} |")
    ratios = [min(times["plain"]) / min(times["ours"]) for times in (wall, cpu)]
    print(f"| ratio | | | | | {ratios[0]:.1f}x | {ratios[1]:.1f}x | {peaks['ours'] / peaks['plain']:.2f} |")


def interval_coverage(options: argparse.Namespace) -> None:
    """Errors against repetition. Where no truth is known it is the mean over repetitions, which is that at this n."""
    from reverie.measure.sets.copies import Copies
    from reverie.measure.sets.diversity import diversity
    from reverie.measure.sets.frechet import Groups, distance
    from reverie.measure.sets.kid import kid
    from reverie.measure.sets.neighbours import expected_coverage, prdc
    from reverie.measure.sets.points import point_report
    from reverie.measure.sets.sliced import distance as sliced
    from reverie.measure.sets.stacked import stacked_modes
    from reverie.measure.sets.vendi import vendi

    dim, num, chance = options.dim or 16, options.num or 600, np.random.default_rng(1)
    mix, centres, tail = mixing(dim, 1.0), np.eye(2) * 3, chance.dirichlet(np.ones(1000))
    found: dict[str, list[tuple[float, float | None]]] = defaultdict(list)

    def groups(rows: Rows) -> Groups:
        seen = Groups(dim)
        seen.add(rows)
        return seen

    ends = time.perf_counter() + 60 * options.minutes
    for repeat in range(options.reps):
        if time.perf_counter() > ends:
            break
        real, equal = skewed(num, dim, chance, mix), skewed(num, dim, chance, mix)
        apart = 1.15 * skewed(num, dim, chance, mix) + np.float32(0.15)
        values = {"vendi": vendi(apart), "diversity": diversity(apart, repeat)}
        for name, made in (("", apart), (", equal sets", equal)):
            values["frechet" + name] = distance(groups(made), groups(real))
            values["kid" + name] = kid(made, real)
            values["sliced_wasserstein" + name] = sliced(made, real, seed=repeat, directions=64)
            four = prdc(real, made)
            values |= {n + name: getattr(four, n) for n in ("precision", "recall", "density", "coverage")}
        copies = Copies.fit(real[:400], equal[:300])
        values["copies excess"] = copies.score(np.concatenate([apart[:270], real[:30]])).excess
        points = centres[(chance.random(num) < 0.3).astype(int)] + 1.2 * chance.standard_normal((num, 2))
        report = point_report(points, centres, 1.0)
        values |= {n: getattr(report, n) for n in ("high_quality", "reverse_kl", "mode_spread")}
        values["stacked kl"] = stacked_modes(np.eye(10)[digits(chance.choice(1000, 2000, p=tail))], seed=repeat).kl
        for name, value in values.items():
            found[name].append((value.value, value.se))
    truths = {"frechet": 0.0225 * (dim + float((mix**2).sum())), "coverage, equal sets": expected_coverage(num, num)}
    truths |= {f"{name}, equal sets": 0.0 for name in ("frechet", "kid", "sliced_wasserstein")}
    truths["density, equal sets"] = 1.0
    print(f"n = {num:,}, d = {dim:,}, {len(found['kid'])} repetitions\n")
    print("| | truth | mean | deviation | mean error | held by ±1.96 errors |\n|---|---|---|---|---|---|")
    for name, pairs in found.items():
        value, error = np.array(pairs, float).T
        truth = truths.get(name, value.mean())
        held, spread = (np.abs(value - truth) <= 1.96 * error).mean(), value.std(ddof=1)
        mean_error = np.sqrt((error**2).mean())
        print(f"| {name} | {truth:.4f} | {value.mean():.4f} | {spread:.4f} | {mean_error:.4f} | {held:.1%} |")


def digits(numbers: Rows) -> Rows:
    """The three digits of each number, (n, 3)."""
    return np.stack([numbers // 100, numbers // 10 % 10, numbers % 10], axis=1)


def frechet_bias(options: argparse.Namespace) -> None:
    """Means over repetitions, for sets apart and for equal ones, at a number where the plain value is far off."""
    from reverie.measure.sets.frechet import Groups, distance, frechet

    dim, num, chance = options.dim or 128, options.num or 1000, np.random.default_rng(2)
    print(f"n = {num:,}, d = {dim:,}, both sets drawn\n")
    print("| truth | plain | corrected | bias left |\n|---|---|---|---|")
    for scale in (1.0, 1.1):
        mix, plain, corrected = mixing(dim, 1.0), [], []
        for _ in range(min(options.reps, 40)):
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
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--num", type=int, help="rows of each set")
    parser.add_argument("--dim", type=int, help="features of a row")
    parser.add_argument("--repeats", type=int, default=2, help="runs of either side; the quickest counts")
    parser.add_argument("--reps", type=int, default=500, help="repetitions of `intervals`, and up to 40 of `bias`")
    parser.add_argument("--minutes", type=float, default=30, help="after which `intervals` stops")
    parser.add_argument("--side", choices=("ours", "plain"), help="run one side of `prdc` alone")
    options = parser.parse_args()
    parts = {"frechet": frechet_speed, "prdc": prdc_speed, "intervals": interval_coverage, "bias": frechet_bias}
    (prdc_once if options.side else parts[options.part])(options)


if __name__ == "__main__":
    main()
