"""How often 95 % intervals hold what they should, over repetitions on made-up numbers.

    python benchmarks/intervals.py sets            statistics of one set against another
    python benchmarks/intervals.py differences     what `compare` says of two models on the same images and seeds
    python benchmarks/intervals.py means           likelihoods, reconstructions, latents, paths, times
    python benchmarks/intervals.py probes          accuracies of codes

Each prints a Markdown table. Everything is drawn anew at each repetition. Where no truth is known in closed form it is
the mean over the repetitions, which is the expectation at this number of images. Models that are alike
differ in nothing but chance, so that the truth of a difference is 0, and a verdict on them is false.
"""

import argparse
import itertools
import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from reverie.core.capability import Decodes, Encodes, Reconstructs, Samples, Scores
from reverie.core.family import Batch
from reverie.core.rng import Rng
from reverie.core.spec import DataSpec
from reverie.measure.evaluation import measure
from reverie.measure.sets.features import share
from reverie.measure.value import Value

Rows = np.ndarray
# What one repetition says: by name, a value and its truth, if that is known.
Said = dict[str, tuple[Value, float | None]]
SIDE = 4


def skewed(n: int, chance: np.random.Generator, mix: Rows) -> Rows:
    """Rows of correlated features with long tails on one side, covariance mix' mix, float32."""
    return ((chance.exponential(size=(n, len(mix))) - 1) @ mix).astype(np.float32)


def mixing(dim: int, decay: float) -> Rows:
    """A square root of a covariance whose eigenvalues fall by e^-2decay."""
    basis = np.linalg.qr(np.random.default_rng(0).standard_normal((dim, dim)))[0]
    return np.exp(-decay * np.linspace(0, 1, dim))[:, None] * basis


class Held:
    """A split held in memory."""

    def __init__(self, images: Tensor) -> None:
        self.images = images
        self.spec = DataSpec(channels=1, height=images.shape[2], width=images.shape[3])

    def __len__(self) -> int:
        return len(self.images)

    def batch(self, index: np.ndarray) -> Batch:
        return Batch(self.images[torch.from_numpy(index)])


def sets(repeat: int, chance: np.random.Generator) -> Said:
    """Two sets of 600 rows of 16 features, of one distribution and of two; then digits and points."""
    from reverie.measure.sets.bins import Bins
    from reverie.measure.sets.copies import Copies
    from reverie.measure.sets.diversity import diversity
    from reverie.measure.sets.frechet import Groups, distance
    from reverie.measure.sets.kid import kid
    from reverie.measure.sets.neighbours import expected_coverage, prdc
    from reverie.measure.sets.points import point_report
    from reverie.measure.sets.sliced import distance as sliced
    from reverie.measure.sets.stacked import stacked_modes
    from reverie.measure.sets.vendi import vendi

    dim, num = 16, 600
    mix, centres, tail = mixing(dim, 1.0), np.eye(2) * 3, np.random.default_rng(1).dirichlet(np.ones(1000))

    def groups(rows: Rows) -> Groups:
        seen = Groups(dim)
        seen.add(rows)
        return seen

    real, equal, trained = (skewed(num, chance, mix) for _ in range(3))
    apart = 1.15 * skewed(num, chance, mix) + np.float32(0.15)
    said: Said = {"vendi": (vendi(apart), None), "diversity": (diversity(apart, repeat), None)}
    far = 0.0225 * (dim + float((mix**2).sum()))
    full = {"coverage": expected_coverage(num, num), "density": 1.0}
    for name, made in (("", apart), (", equal sets", equal)):
        said["frechet" + name] = distance(groups(made), groups(real)), 0.0 if name else far
        said["kid" + name] = kid(made, real), 0.0 if name else None
        said["sliced_wasserstein" + name] = sliced(made, real, seed=repeat, directions=64), 0.0 if name else None
        four = prdc(real, made)
        for of in ("precision", "recall", "density", "coverage"):
            said[of + name] = getattr(four, of), full.get(of) if name else None
        said["ndb" + name] = Bins.fit(trained, num // 20, repeat).compare(made).share(num), None
    copies = Copies.fit(trained, equal[:300])
    found = copies.score(np.where(chance.random((num, 1)) < 0.1, trained, apart)[:300])
    said |= {"copies": (found.share, None), "copies_excess": (found.excess, None)}
    said["copies_authentic"] = found.authentic, None
    points = centres[(chance.random(num) < 0.3).astype(int)] + 1.2 * chance.standard_normal((num, 2))
    report = point_report(points, centres, 1.0)
    said |= {of: (getattr(report, of), None) for of in ("high_quality", "reverse_kl", "mode_spread")}
    drawn = chance.choice(1000, 2000, p=tail)
    numbers = np.stack([drawn // 100, drawn // 10 % 10, drawn % 10], axis=1)
    return said | {"stacked_kl": (stacked_modes(np.eye(10)[numbers], seed=repeat).kl, None)}


class Toy(Samples, Reconstructs, Scores):
    """A model whose samples are rows that were drawn before, and whose other numbers hang on a direction."""

    discrete = False

    def __init__(self, made: Tensor, shift: float, keep: float, way: int) -> None:
        self.made, self.shift, self.keep, self.way = made, shift, keep, way

    def sample(self, seeds: Sequence[int], *, labels: Tensor | None = None, truncation: float = 1.0) -> Tensor:
        return self.made[torch.as_tensor(seeds) % len(self.made)]

    def reconstruct(self, images: Tensor, *, labels: Tensor | None = None) -> Tensor:
        return self.keep * images + 0.1 * images.flip(self.way)

    def scorer(self, images: Tensor, *, labels: Tensor | None = None) -> Callable[[int, Rng], Tensor]:
        flat = 4 * images.flatten(1)
        weights = -0.5 * (flat - self.shift * 0.2).square().sum(1, keepdim=True)
        return lambda count, rng: weights + 0.5 * rng.normal(count)

    def draw(self, images: Tensor, rng: Rng, *, labels: Tensor | None = None) -> Tensor:
        return images.flatten(1)

    def kl_per_dimension(self, images: Tensor, *, labels: Tensor | None = None) -> Tensor:
        return images.flatten(1).square()


def pictures(n: int, chance: np.random.Generator) -> Rows:
    """Images of 4 x 4 pixels, alike to the left and right, up and down, and under a change of sign; (n, 16)."""
    waves = np.cos(np.pi * np.arange(SIDE)[:, None] * (np.arange(SIDE) + 0.5) / SIDE)
    size = np.array([1.0, 0.7, 0.5, 0.35])
    amounts = chance.laplace(size=(n, SIDE, SIDE)) * size[:, None] * size
    return 0.12 * np.einsum("nij,ia,jb->nab", amounts, waves, waves).reshape(n, -1)


KINDS = ("alike", "apart", "perfect", "opposed")
NAMES = ("frechet", "kid", "precision", "recall", "density", "coverage", "vendi", "sharpness", "copies")
NAMES += ("psnr", "ssim", "elbo", "nll", "sliced_wasserstein")
DEGENERATE = ("frechet", "kid", "sliced_wasserstein")
# What needs more images, so that more than a handful of bins or of copies differ.
COUNTS = {False: ("ndb",), True: ("ndb", "copies")}


def differences(repeat: int, chance: np.random.Generator) -> Said:
    """Two models from shared seeds.

    "alike": equal to each other in law and unlike the real images; "apart": one like the real images, one not;
    "perfect": both like the real images, where some statistics degenerate; "opposed": one darker and one lighter, by as
    little as can just be told apart, so that distances are equal and models are not.
    """
    from reverie.measure.contest import Terms, contest
    from reverie.measure.extractors.pixels import Pixels
    from reverie.measure.metric import Comparison

    said = Said()
    for kind, many in itertools.product(KINDS, (False, True)):
        # Of 300 samples only 15 bins can be made, and 3 are taken for copies, of which none or one differs.
        num = 2400 if many else 600
        real, trained = pictures(num, chance), pictures(num, chance)
        shared, *own = (pictures(num, chance) for _ in range(3))
        mixed = chance.random((num, 1)) < 0.6
        a, b = (np.where(mixed, shared, rows) for rows in own)
        if kind == "alike":
            a = spoilt(a, trained, chance)
        if kind in ("alike", "apart"):
            b = spoilt(b, trained, chance)
        if kind == "opposed":
            a, b = a - 0.01, b + 0.01
        images = [_images(rows) for rows in (real, trained, a, b)]
        items = Held(images[0])
        comparison = Comparison(Pixels(items.spec), Held(images[1]))
        models = {"a": Toy(images[2], 1.0, 0.9, 2), "b": Toy(images[3], -1.0, 0.9, 3)}
        if kind == "apart":
            models["b"] = Toy(images[3], -1.1, 0.85, 3)
        honest = kind in ("perfect", "opposed")
        names = COUNTS[honest] if many else DEGENERATE if honest else NAMES
        found = contest(models, Terms(items, comparison, names, num, repeat, samples=4)).differences
        for d in found:
            said[f"{d.metric}, {kind}"] = d.gap, None if kind == "apart" else 0.0
        if kind == "alike" and not many:
            wrong = sum(d.p_holm < 0.05 for d in found)
            said[FALSE] = Value(float(wrong > 0), None, len(found), ""), 0.0
    return said


def spoilt(rows: Rows, trained: Rows, chance: np.random.Generator) -> Rows:
    """Wider, shifted and noisy, one in twenty a copy of a training image."""
    wide = 1.1 * rows + 0.02 + 0.03 * chance.standard_normal(rows.shape)
    return np.where(chance.random((len(rows), 1)) < 0.05, trained, wide)


FALSE = "any false verdict"


def _images(rows: Rows) -> Tensor:
    return torch.from_numpy(rows).float().clamp(-1, 1).view(-1, 1, SIDE, SIDE)


class Linear(nn.Module, Samples, Encodes, Decodes, Reconstructs, Scores):
    """x = W z + e / 8 with two latents and orthogonal columns in W; q is the posterior, a third wider."""

    latent_dim, sigma, stretch, discrete = 2, 0.125, 4 / 3, False

    def __init__(self) -> None:
        super().__init__()
        basis = np.linalg.qr(np.random.default_rng(3).standard_normal((SIDE**2, 2)))[0]
        self.w = nn.Parameter(torch.from_numpy(basis * [0.5, 0.3]))

    @property
    def variance(self) -> Tensor:
        """Of the exact posterior, (2,)."""
        return 1 / (1 + self.w.square().sum(0) / self.sigma**2)

    def elbo(self) -> float:
        """Its expectation: the entropy of x, and what the wider q costs."""
        w = self.w.detach()
        covariance = w @ w.T + self.sigma**2 * torch.eye(SIDE**2)
        entropy = 0.5 * float(torch.logdet(2 * math.pi * math.e * covariance))
        return -entropy - (self.stretch**2 - 1 - 2 * math.log(self.stretch))

    def images(self, n: int, chance: np.random.Generator) -> Tensor:
        z, e = (torch.from_numpy(chance.standard_normal((n, d))) for d in (2, SIDE**2))
        return (z @ self.w.detach().T + self.sigma * e).view(n, 1, SIDE, SIDE).float()

    def encode(self, images: Tensor, *, labels: Tensor | None = None) -> Tensor:
        return images.double().flatten(1) @ self.w * self.variance / self.sigma**2

    def decode(self, latents: Tensor, *, labels: Tensor | None = None) -> Tensor:
        return (latents.double() @ self.w.T).view(-1, 1, SIDE, SIDE)

    def latents(self, seeds: Sequence[int]) -> Tensor:
        return torch.from_numpy(np.random.default_rng(seeds[0]).standard_normal((len(seeds), 2)))

    def sample(self, seeds: Sequence[int], *, labels: Tensor | None = None, truncation: float = 1.0) -> Tensor:
        z = self.latents(seeds)
        noise = torch.from_numpy(np.random.default_rng(seeds[-1]).standard_normal((len(z), SIDE**2)))
        return (z @ self.w.T + 0.8 * self.sigma * noise).view(-1, 1, SIDE, SIDE).float()

    def reconstruct(self, images: Tensor, *, labels: Tensor | None = None) -> Tensor:
        return (0.5 * self.decode(self.encode(images)) + 0.4 * images).float()

    def draw(self, images: Tensor, rng: Rng, *, labels: Tensor | None = None) -> Tensor:
        return self.encode(images) + self.stretch * self.variance.sqrt() * rng.normal(2).double()

    def scorer(self, images: Tensor, *, labels: Tensor | None = None) -> Callable[[int, Rng], Tensor]:
        mean, deviation = self.encode(images)[:, None], self.stretch * self.variance.sqrt()
        x, normal = images.double().flatten(1)[:, None], torch.distributions.Normal

        def score(s: int, rng: Rng) -> Tensor:
            z = mean + deviation * rng.normal(s, 2).double()
            log_q, log_prior = normal(mean, deviation).log_prob(z).sum(-1), normal(0.0, 1.0).log_prob(z).sum(-1)
            return normal(z @ self.w.T, self.sigma).log_prob(x).sum(-1) + log_prior - log_q

        return score

    def kl_per_dimension(self, images: Tensor, *, labels: Tensor | None = None) -> Tensor:
        mean, variance = self.encode(images), self.stretch**2 * self.variance
        return 0.5 * (mean.square() + variance - 1 - variance.log())


def means(repeat: int, chance: np.random.Generator) -> Said:
    """A linear model of 200 images of its own, 32 paths, and a clock of which only the noise is known."""
    from reverie.measure.metrics.latency import Latency
    from reverie.measure.smoothness import smoothness

    model = Linear()
    names = ("nll", "bits_per_dim", "kl_per_dimension", "posterior_gap", "psnr", "ssim")
    names += ("sharpness", "reconstruction_sharpness")
    found = measure(model, Held(model.images(200, chance)), metrics=names, samples=8, seed=repeat)
    truths = {"elbo": model.elbo()}
    said: Said = {name: (value, truths.get(name)) for name, value in found.items() if value.se is not None}
    paths = torch.from_numpy(chance.gamma(2.0, size=(32, 17, 8)).cumsum(1))
    smooth = smoothness(paths)
    said |= {"smoothness": (smooth.even, None), "straightness": (smooth.straight, None)}
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += 0.5 * CALL_S * (1 + chance.gamma(1.0, 0.1))
        return now

    timed = Latency(clock).measure(Still(), _setting(model, chance))
    return said | {name: (value, None) for name, value in timed.items()}


CALL_S = 0.05


class Still(Samples):
    """Costs nothing."""

    def sample(self, seeds: Sequence[int], *, labels: Tensor | None = None, truncation: float = 1.0) -> Tensor:
        return torch.zeros(len(seeds), 1, 1, 1)


def _setting(model: Linear, chance: np.random.Generator) -> Any:
    from reverie.measure.metric import Setting

    return Setting("latency", Held(model.images(2, chance)), np.arange(2), 1, 0, 1, torch.device("cpu"))


def probes(repeat: int, chance: np.random.Generator) -> Said:
    """Accuracies on 200 unseen rows by rules that learnt once: the truth is that on 100,000."""
    rules = _rules()
    said = Said()
    for name, right in rules.items():
        seen = right[chance.integers(0, len(right), 200)]
        said[name] = share(int(seen.sum()), 200), float(right.mean())
    return said


_KNOWN: dict[str, Rows] = {}


def _rules() -> dict[str, Rows]:
    """Whether each of 100,000 rows is named rightly, by a linear map and by neighbours, of hard and easy classes."""
    from reverie.measure.linear_probe import Ridge, knn_classes

    if not _KNOWN:
        chance = np.random.default_rng(5)
        for name, gap in (("hard", 0.5), ("easy", 1.0)):
            centres = gap * chance.standard_normal((5, 16))
            labels = [chance.integers(0, 5, count) for count in (1_000, 100_000)]
            rows = [torch.from_numpy(centres[of] + chance.standard_normal((len(of), 16))) for of in labels]
            learnt, asked = (torch.from_numpy(of) for of in labels)
            linear = Ridge.fit(rows[0], learnt, num_classes=5).classes(rows[1])
            near = knn_classes(rows[0], learnt, rows[1], num_classes=5)
            _KNOWN[f"linear_accuracy, {name}"] = (linear == asked).numpy()
            _KNOWN[f"knn_accuracy, {name}"] = (near == asked).numpy()
    return _KNOWN


def rounds(part: Callable[[int, np.random.Generator], Said], options: argparse.Namespace) -> Iterator[Said]:
    """As many repetitions as were asked for, or as there is time for."""
    chance, ends = np.random.default_rng(1), time.perf_counter() + 60 * options.minutes
    for repeat in range(options.reps):
        if time.perf_counter() > ends:
            return
        yield part(repeat, chance)


def main() -> None:
    """Prints the table of one part."""
    parts = {"sets": sets, "differences": differences, "means": means, "probes": probes}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=tuple(parts))
    parser.add_argument("--reps", type=int, default=500, help="repetitions")
    parser.add_argument("--minutes", type=float, default=30, help="after which no repetition starts")
    options = parser.parse_args()
    found: dict[str, list[tuple[Value, float | None]]] = defaultdict(list)
    for said in rounds(parts[options.part], options):
        for name, (value, truth) in said.items():
            found[name].append((value, truth))
    false = found.pop(FALSE, None)
    print(f"{max(map(len, found.values()))} repetitions\n")
    print("| | truth | mean | deviation | mean error | held |\n|---|---|---|---|---|---|")
    outside = []
    for name, rows in found.items():
        value = np.array([said.value for said, _ in rows])
        error = np.array([math.nan if said.se is None else said.se for said, _ in rows])
        truth = np.array([value.mean() if known is None else known for _, known in rows])
        held = np.mean([said.holds(of) for (said, _), of in zip(rows, truth, strict=True)])
        spread = value.std(ddof=1)
        outside += [] if 0.90 <= held <= 0.98 else [f"{name} {held:.1%}"]
        size = np.sqrt((error**2).mean())
        print(f"| {name} | {truth.mean():.4f} | {value.mean():.4f} | {spread:.4f} | {size:.4f} | {held:.1%} |")
    print(f"\nOutside 90 to 98 %: {', '.join(outside) or 'none'}.")
    if false:
        share_false = np.mean([said.value for said, _ in false])
        print(f"A false verdict on models that are alike, of any difference: {share_false:.1%}.")


if __name__ == "__main__":
    main()
