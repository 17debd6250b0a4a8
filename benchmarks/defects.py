"""What each metric sees: known defects planted in images of known factors, at three strengths.

    python benchmarks/defects.py shapes
    python benchmarks/defects.py faces

Real images stand for a model's samples: drawn from seeds that neither the reference nor the training images use, then
spoilt. Kinds are left out (of shape, of hair style), images are replaced by training images, blurred by a Gaussian of
known width, or given normal noise. Defects of one sort are nested: the same images, more of them or more of it.

The tables say by how many standard errors a number leaves what the same images score unspoilt, with the paired errors
by which `compare` tells two models apart, and beside that whether it moves one way as it should, what it should do
being written down below.
"""

import argparse
import math
import time
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from reverie.core.capability import Reconstructs
from reverie.core.family import Batch
from reverie.core.spec import DataSpec
from reverie.data.builtin import faces, shapes
from reverie.measure import Value, measure
from reverie.measure.extractor import Extractor
from reverie.measure.extractors import classifier
from reverie.measure.extractors.pixels import Pixels
from reverie.measure.pixels import round_to_8_bits
from reverie.measure.spectrum import energies
from reverie.measure.traces import SETS, Reference, Side, Trace

CPU, AT_ONCE = torch.device("cpu"), 512
DEFECTS = ("drop", "copy", "blur", "noise")
# What a number should do as each defect grows, in that order: rise (+), fall (-), stay (0), or not rise (v); "?" where
# nothing is promised. Four promises were wrong: that `sharpness` stays and `vendi` falls as kinds go, for what is left
# may be the more varied; that `ndb` rises with noise; that `coverage` falls with blur, as slight blur brings images
# nearer to all others.
SHOULD = {
    "frechet": "+?++",
    "kid": "+?++",
    "sliced_wasserstein": "+?++",
    "precision": "???-",
    "recall": "-?-?",
    "density": "???-",
    "coverage": "-??-",
    "vendi": "?0-+",
    "ndb": "+0+?",
    "sharpness": "?0-+",
    "copies": "v+v?",
    "copies_authentic": "?-??",
    "copies_c_t": "?-?+",
    "psnr": "  --",
    "ssim": "  --",
    "reconstruction_sharpness": "  -+",
}
RECONSTRUCTED = ("psnr", "ssim", "reconstruction_sharpness")


class Held:
    """A split held in memory."""

    def __init__(self, images: Tensor, labels: Tensor, classes: tuple[str, ...]) -> None:
        self.images, self.labels = images, labels
        self.spec = DataSpec(*images.shape[1:], classes=classes)

    def __len__(self) -> int:
        return len(self.images)

    def batch(self, index: np.ndarray, device: torch.device = CPU) -> Batch:
        places = torch.as_tensor(index)
        return Batch(self.images[places], self.labels[places])


class Spoiler(Reconstructs):
    """Whose reconstructions have a defect."""

    def __init__(self, defect: str, strength: float) -> None:
        self.defect, self.strength = defect, strength

    def reconstruct(self, images: Tensor, *, labels: Tensor | None = None) -> Tensor:
        return spoilt(images, self.defect, self.strength)


@dataclass(frozen=True)
class Set:
    """Images in three parts, how strong each defect is, and the kinds that are left out first."""

    real: Held
    train: Held
    made: Held
    strengths: dict[str, tuple[float, ...]]


def drawn(name: str, num: int, seed: int) -> Set:
    """Twice `num` real images, as many for training, and three times as many to make samples of."""
    counts = [2 * num, 2 * num, 12 * num]
    if name == "shapes":
        cells = np.random.default_rng(seed).permutation(shapes.NUM_IMAGES)[: sum(counts)]
        factors = shapes.factors_of(cells)
        pixels, kinds, classes = shapes.draw_shapes(factors, 16, 16), factors["shape"], shapes.SHAPES
    else:
        pixels, factors = faces.draw(np.arange(sum(counts)) + 1_000_000 * seed, 32)
        kinds, classes = factors["hair_style"], faces.FACTORS["hair_style"].values
    images = torch.from_numpy(pixels).float() / 127.5 - 1
    labels = torch.from_numpy(kinds.astype(np.int64))
    parts = [
        Held(i, k, tuple(map(str, classes))) for i, k in zip(images.split(counts), labels.split(counts), strict=True)
    ]
    strengths = {"copy": (0.03, 0.1, 0.3), "blur": (0.4, 0.7, 1.2), "noise": (0.05, 0.15, 0.4)}
    return Set(*parts, strengths | {"drop": (1, 2, 3) if name == "shapes" else (2, 5, 8)})


def samples(of: Set, defect: str, strength: float, num: int) -> Tensor:
    """`num` samples with the defect."""
    made, labels = of.made.images, of.made.labels
    if defect == "drop":
        return made[labels >= strength][:num]
    made = made[:num].clone()
    if defect == "copy":
        order = np.random.default_rng(0).permutation(num)[: round(strength * num)]
        made[order] = of.train.images[: len(order)]
        return made
    return spoilt(made, defect, strength)


def spoilt(images: Tensor, defect: str, strength: float) -> Tensor:
    """Blurred by a Gaussian of this deviation in pixels, or with normal noise of this deviation; else as they are."""
    if defect == "noise":
        return (images + strength * torch.randn(images.shape, generator=torch.Generator().manual_seed(0))).clamp(-1, 1)
    if defect != "blur" or not strength:
        return images
    reach = math.ceil(3 * strength)
    weights = torch.exp(-torch.arange(-reach, reach + 1).float().square() / (2 * strength**2))
    weights = (weights / weights.sum()).repeat(images.shape[1], 1, 1, 1)
    padded = functional.pad(images, (reach, reach, reach, reach), mode="replicate")
    across = functional.conv2d(padded, weights, groups=images.shape[1])
    return functional.conv2d(across, weights.transpose(2, 3), groups=images.shape[1])


def learnt(of: Set) -> Extractor:
    """A classifier of the kinds, as `classifier:DATA` trains it."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = classifier.Net(of.train.spec.shape, of.train.spec.num_classes)
    classifier.fit(net, of.train, CPU)
    right = classifier.accuracy(net, of.real, CPU)
    print(f"The classifier names {right:.1%} of the real images rightly.\n", flush=True)
    return classifier.Classifier("classifier", net, right, len(of.real), of.train.spec.classes)


class Judge:
    """Tells samples with a defect from the same samples without it.

    Args:
        of: the images.
        extractor: what they are seen by.
        num: samples, and real images in each half.
    """

    def __init__(self, of: Set, extractor: Extractor, num: int) -> None:
        self.of, self.extractor, self.num = of, extractor, num
        real, other = self._features(of.real.images).split(num)
        spectra = energies(of.real.images[:num]).double()
        self.reference = Reference(real, other, self._features(of.train.images), spectra)
        self.names = [name for name in SHOULD if name in SETS and (name != "frechet" or num >= 2 * extractor.dim)]
        self.whole = self._traces(of.made.images[:num])
        self.alike = self._evidence(of.made.images[:num])

    def _features(self, images: Tensor) -> Tensor:
        parts = [self.extractor.features(round_to_8_bits(part)).float() for part in images.split(AT_ONCE)]
        return torch.cat(parts)

    def _side(self, made: Tensor) -> Side:
        return Side(self.reference, self._features(made), energies(made).double())

    def _traces(self, made: Tensor) -> dict[str, Trace]:
        side = self._side(made)
        return {name: SETS[name](side) for name in self.names}

    def _evidence(self, made: Tensor) -> dict[str, Value]:
        report = self.reference.copies.score(self._features(made))
        return {"copies_authentic": report.authentic, "copies_c_t": Value(report.c_t, 1.0, self.num, "")}

    def moved(self, defect: str, strength: float) -> dict[str, tuple[float, float]]:
        """How far each number is from what unspoilt images score, and the error of that."""
        made = samples(self.of, defect, strength, self.num)
        gaps = {name: trace.minus(self.whole[name]) for name, trace in self._traces(made).items()}
        found = {name: (gap.value, gap.se or 0.0) for name, gap in gaps.items()}
        for name, value in self._evidence(made).items():
            sound = self.alike[name]
            # C_T is a z already, whose truth is 0.
            known = name == "copies_c_t"
            gap = value.value - (0.0 if known else sound.value)
            found[name] = gap, 1.0 if known else math.hypot(value.se or 0.0, sound.se or 0.0)
        if self.extractor.name == "pixels" and defect in ("blur", "noise"):
            whole, rest = (measure(Spoiler(defect, of), self.of.real, metrics=RECONSTRUCTED) for of in (0.0, strength))
            found |= {name: (rest[name].value - whole[name].value, rest[name].se or 0.0) for name in RECONSTRUCTED}
        return {name: (gap, max(error, 1e-12)) for name, (gap, error) in found.items()}


def verdict(should: str, path: list[tuple[float, float]]) -> str:
    """Whether three distances go the way they should: none of them back by two errors, and the last beyond two."""
    if should in "? ":
        return ""
    if should == "0":
        return "ok" if all(abs(gap) < 3 * error for gap, error in path) else "MOVES"
    if should == "v":
        return "ok" if all(gap < 3 * error for gap, error in path) else "RISES"
    sign, (last, error) = 1 if should == "+" else -1, path[-1]
    if sign * last < 2 * error:
        return "BLIND" if abs(last) < 2 * error else "WRONG WAY"
    steps = np.diff([0.0, *(gap for gap, _ in path)])
    return (
        "ok" if all(sign * step > -2 * error for step, (_, error) in zip(steps, path, strict=True)) else "NOT MONOTONE"
    )


def main() -> None:
    """Prints a table for each extractor."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", choices=("shapes", "faces"))
    parser.add_argument("--num", type=int, default=1000, help="samples, and real images in each half")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--features", choices=("pixels", "classifier", "both"), default="both")
    options = parser.parse_args()
    began, of = time.process_time(), drawn(options.data, options.num, options.seed)
    print(f"{options.data}, {of.real.spec.shape}, {options.num:,} samples, seed {options.seed}\n", flush=True)
    makers = {"pixels": lambda: Pixels(of.real.spec), "classifier": lambda: learnt(of)}
    for features in makers if options.features == "both" else (options.features,):
        extractor = makers[features]()
        print(f"Features: {features}, {extractor.dim} a vector\n")
        told = " | ".join(f"{defect} {', '.join(map(str, of.strengths[defect]))}" for defect in DEFECTS)
        print(f"| | {told} |\n|---|---|---|---|---|", flush=True)
        judge = Judge(of, extractor, options.num)
        table({d: [judge.moved(d, strength) for strength in of.strengths[d]] for d in DEFECTS})
    print(f"\n{time.process_time() - began:.0f} processor seconds")


def table(found: dict[str, list[dict[str, tuple[float, float]]]]) -> None:
    """A row a metric, then what moves most at each defect's middle strength.

    Args:
        found: by defect, for each strength, how far each metric moves and the error of that.
    """
    middle: dict[str, list[tuple[float, str]]] = {defect: [] for defect in DEFECTS}
    known = {name for strengths in found.values() for name in strengths[0]}
    for name in (name for name in SHOULD if name in known):
        cells: list[str] = []
        for defect, should in zip(DEFECTS, SHOULD[name], strict=True):
            path = [moved[name] for moved in found[defect] if name in moved]
            if not path:
                cells.append("")
                continue
            shown = ", ".join(f"{round(gap / error) + 0:+,}" for gap, error in path)
            cells.append(f"{shown} {verdict(should, path)}".strip())
            if name not in RECONSTRUCTED:
                middle[defect].append((abs(path[1][0] / path[1][1]), name))
        print(f"| {name} | {' | '.join(cells)} |")
    print()
    for defect, sizes in middle.items():
        first = ", ".join(f"{name} ({size:.0f})" for size, name in sorted(sizes, reverse=True)[:3])
        print(f"- {defect}: {first}")
    print(flush=True)


if __name__ == "__main__":
    main()
