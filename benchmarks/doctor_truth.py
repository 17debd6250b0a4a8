"""What really became of a training, by measurements that the doctor does not take.

Points are counted by the mode that they are nearest to. Images go through a small net that was trained on the labels of
the set, or on the named factors of drawn faces: a Frechet distance in its features over the total variance there, which
is 0 for the data and 1 for their mean alone; the share of the classes that samples have; of a GAN also that of twenty
kinds, which k-means finds there; and of a VAE how much of the features and of the fine detail its reconstructions keep,
and its likelihood of unseen images.
The doctor's probes know neither labels nor this net; other samples and other images are looked at than theirs.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from scipy.cluster.vq import kmeans2
from torch import Tensor, nn

from reverie.core.capability import Reconstructs, Scores
from reverie.core.rng import Rng
from reverie.data import Dataset
from reverie.data.builtin.points import modes
from reverie.nets.conv import ConvEncoder

POINTS = {"ring8": 0.15, "grid25": 0.5}  # how far from a mode a point may be and still belong to it
NUM, UNSEEN, DIM, KINDS = 400, 128, 24, 20
TRAINED = 16_000_000  # pixels that the net sees
FEW = 500  # training images, up to which copies are looked for
# what drawn faces are sorted by
FACTORS = ("background", "hair_style", "hair_colour", "glasses", "hat", "beard", "shirt_colour")
SEEDS = 7_000_000  # the samples' own, far from everybody else's

# sick beyond the first, healthy within the second, undecided between
LIMITS = {
    "kept": (0.9, 0.95),  # share of modes that have at least a quarter of their due
    "classes": (0.72, 0.78),  # likewise
    "inside": (0.45, 0.65),  # share of points that belong to a mode
    "distance": (0.5, 0.42),
    "copies": (0.25, 0.1),
    "kinds": (0.0, 0.78),  # says that a training is good, never that one went wrong
    "told": (0.3, 0.45),  # of the features' variance, by reconstructions
    "detail": (0.55, 0.7),  # mean slope of reconstructions over that of the images
    "lost": (0.04, 0.02),  # of the likelihood's range over the run
    "worse": (1.8, 1.5),  # times the run's best distance
}
HIGHER_IS_BETTER = ("kept", "kinds", "classes", "inside", "told", "detail")


@dataclass(frozen=True)
class Verdict:
    """ "sick", "healthy" or "unclear", and by which measurements it is not healthy."""

    state: str
    reasons: tuple[str, ...]


class Truth:
    """Measures models of one data set.

    Args:
        dataset: as the training sees it.
        data: the kind of data.
        folder: where trained nets are kept.
    """

    def __init__(self, dataset: Dataset, data: str, folder: Path) -> None:
        self.data, self.centres = data, None
        if data in POINTS:
            self.centres = torch.as_tensor(modes(data)).float()  # type: ignore[arg-type]
            return
        self.unseen = (dataset.test or dataset.held_out).batch(
            np.arange(len(dataset.test or dataset.held_out))[:UNSEEN]
        )
        order = np.random.default_rng(11).permutation(len(dataset.train))
        self.real = dataset.train.batch(np.sort(order[:1500])).images
        self.levels = [int(kinds.max()) + 1 for kinds in _kinds(dataset)]
        path = folder / "nets" / f"{dataset.fingerprint}-{sum(self.levels)}.safetensors"
        self.net = _net(dataset, self.levels, path)
        with torch.no_grad():
            self.features = self.net[0](self.real).double()
            self.due = self._shares(self.real)
        self.variance = float(self.features.var(0).sum())
        self.middles, kinds = kmeans2(self.features.numpy(), KINDS, minit="++", rng=1)
        self.kinds_due = torch.bincount(torch.from_numpy(kinds), minlength=KINDS) / len(kinds)
        self.spacing = None
        if len(dataset.train) <= FEW:
            self.spacing = torch.cdist(self.unseen.images.flatten(1), self.real.flatten(1)).min(1).values.median()

    @torch.no_grad()
    def __call__(self, model: Any) -> dict[str, float]:
        """Every measurement that the model allows; not-a-number where it gave none."""
        modes_of = {part: part.training for part in model.modules()}
        model.eval()
        try:
            values = self._samples(model)
            if self.centres is None and isinstance(model, Reconstructs):
                values |= self._reconstructions(model)
        finally:
            for part, mode in modes_of.items():
                part.training = mode
        return values

    def _samples(self, model: Any) -> dict[str, float]:
        labels = None
        if getattr(model, "num_classes", 0):
            labels = torch.arange(NUM) % self.levels[0]
        made = torch.cat(
            [
                model.sample(range(SEEDS + i, SEEDS + i + 100), labels=None if labels is None else labels[i : i + 100])
                for i in range(0, NUM, 100)
            ]
        ).float()
        if not bool(made.isfinite().all()):
            return {"finite": 0.0}
        if self.centres is not None:
            distance, nearest = torch.cdist(made.flatten(1), self.centres).min(1)
            inside = distance < POINTS[self.data]
            counts = torch.bincount(nearest[inside], minlength=len(self.centres))
            kept = (counts >= 0.25 * NUM / len(self.centres)).float().mean().item()
            return {"kept": kept, "inside": inside.float().mean().item()}
        features = self.net[0](made).double()
        values = {"distance": _frechet(self.features, features) / self.variance}
        if not isinstance(model, Reconstructs):
            nearest = torch.cdist(features, torch.from_numpy(self.middles)).argmin(1)
            shares = torch.bincount(nearest, minlength=KINDS) / NUM
            values["kinds"] = (shares >= 0.25 * self.kinds_due).float().mean().item()
        there = self.due > 0.02
        if int(there.sum()) > 2:
            values["classes"] = (self._shares(made) >= 0.25 * self.due)[there].float().mean().item()
        if self.spacing is not None:
            near = torch.cdist(made.flatten(1), self.real.flatten(1)).min(1).values
            values["copies"] = (near < 0.5 * self.spacing).float().mean().item()
        return values

    def _shares(self, images: Tensor) -> Tensor:
        """Of each class among the images, by the net; one after another where they are sorted in several ways."""
        ways = self.net(images).split(self.levels, 1)
        return torch.cat([nn.functional.one_hot(w.argmax(1), w.shape[1]).double().mean(0) for w in ways])

    def _reconstructions(self, model: Any) -> dict[str, float]:
        images, labels = self.unseen.images, self.unseen.labels
        again = model.reconstruct(images, labels=labels).float()
        if not bool(again.isfinite().all()):
            return {"finite": 0.0}
        error = (self.net[0](again) - self.net[0](images)).square().sum(1).mean().item()
        values = {"told": 1 - error / self.variance, "detail": _slope(again) / _slope(images)}
        if isinstance(model, Scores):
            draws = 4
            log_w = model.scorer(images, labels=labels)(draws, Rng(SEEDS, "truth", count=len(images)))
            values["nll"] = (math.log(draws) - log_w.double().logsumexp(1)).mean().item()
        return values


def judge(history: list[dict[str, float]], at: int) -> Verdict:
    """What the measurements say of the run at moment `at`, in sight of those before."""
    now, past = history[at], history[: at + 1]
    if now.get("finite", 1.0) == 0 or any(not math.isfinite(v) for v in now.values()):
        return Verdict("sick", ("not finite",))
    values = dict(now)
    if "distance" in values and "kept" in values:
        values["classes"] = values.pop("kept")
    nll = [h["nll"] for h in past if "nll" in h]
    values.pop("nll", None)
    if nll:
        values["lost"] = (nll[-1] - min(nll)) / max(1.0, np.quantile(nll, 0.9) - min(nll))
    best = min((h["distance"] for h in past if "distance" in h), default=0.0)
    if best and "copies" not in values and now["distance"] > 0.2:  # an increase of next to nothing is no decline
        values["worse"] = now["distance"] / best
    sick: list[str] = []
    unsure: list[str] = []
    for name, value in values.items():
        limit, healthy = LIMITS[name]
        sign = 1 if name in HIGHER_IS_BETTER else -1
        if sign * value < sign * limit:
            sick.append(name)
        elif sign * value < sign * healthy:
            unsure.append(name)
    return Verdict("sick" if sick else "unclear" if unsure else "healthy", tuple(sick or unsure))


def _slope(images: Tensor) -> float:
    return ((images[..., 1:] - images[..., :-1]).abs().mean() + images.diff(dim=2).abs().mean()).item()


def _frechet(a: Tensor, b: Tensor) -> float:
    """|mean difference|^2 + tr(A + B - 2 (A B)^(1/2))."""
    cov_a, cov_b = torch.cov(a.T), torch.cov(b.T)
    product = torch.linalg.eigvals(cov_a @ cov_b).real.clamp_min(0).sqrt().sum()
    return ((a.mean(0) - b.mean(0)).square().sum() + cov_a.trace() + cov_b.trace() - 2 * product).item()


def _kinds(dataset: Dataset) -> list[np.ndarray]:
    """Of every training image its label, or its level of each factor."""
    if dataset.train.labels is not None:
        return [dataset.train.labels.astype(np.int64)]
    return [dataset.train.factors[name].astype(np.int64) for name in FACTORS]


def _net(dataset: Dataset, levels: list[int], path: Path) -> nn.Sequential:
    """Features, then logits of all levels; trained on the training split once."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        encoder = ConvEncoder(shape=dataset.spec.shape, base=16, depth=0, num_out=DIM)
        net = nn.Sequential(encoder, nn.Linear(DIM, sum(levels)))
    if path.exists():
        net.load_state_dict(load_file(path))
        return net.eval()
    kinds = _kinds(dataset)
    size, values = 64, dataset.spec.num_values
    steps = int(np.clip(TRAINED / (values * size), 200, 1500))
    optimiser = torch.optim.AdamW(net.parameters(), 2e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=steps)
    chance = np.random.default_rng(0)
    with torch.inference_mode(False), torch.enable_grad():
        for _ in range(steps):
            rows = np.sort(chance.choice(len(dataset.train), size, replace=False))
            ways = net(dataset.train.batch(rows).images).split(levels, 1)
            true = [torch.from_numpy(of[rows]) for of in kinds]
            optimiser.zero_grad()
            torch.stack([nn.functional.cross_entropy(w, t) for w, t in zip(ways, true, strict=True)]).sum().backward()
            optimiser.step()
            schedule.step()
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(net.state_dict(), path)
    return net.eval()
