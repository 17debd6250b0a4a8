"""Cheap measurements that are taken during a training, on fixed seeds and on held-out images: what the doctor hears.

Read `likeness.py` for the statistics of sets of samples. The names of the numbers are a contract with the symptoms.
"""

import contextlib
import math
from collections.abc import Iterator
from typing import Any, final

import numpy as np
import torch
from torch import Tensor

from reverie.core.capability import Decodes, Encodes, Judges, Reconstructs, Samples, Scores
from reverie.core.errors import ReverieError
from reverie.core.family import Batch
from reverie.core.rng import Rng, key
from reverie.core.spec import DataSpec
from reverie.measure.evaluation import as_it_was, device_of
from reverie.measure.likeness import Likeness, detail_ratio
from reverie.measure.metric import Items
from reverie.measure.metrics.posterior_gap import energy_gap
from reverie.measure.spectrum import energies, unfit
from reverie.measure.statistics import Moments

# Held-out images and importance samples by which the best weights are chosen, in batches on which the draws hang. Each
# image is decoded once a draw, so that they are fewer in small images already.
_SCORED, _LEAST_SCORED, _SCORED_VALUES, _DRAWS, _SCORED_BATCH = 512, 128, 2**10, 4, 128
# Samples are made once and images of other counts pass through a model several times: so samples may be larger in full.
_SAMPLES, _LEAST_SAMPLES, _SAMPLE_VALUES = 1000, 256, 2**13
_IMAGES, _LEAST_IMAGES, _IMAGE_VALUES = 256, 96, 2**12
_CODED, _LEAST_CODED = 512, 128  # held-out images whose features are counted in directions
_SLOPES, _GAP_GROUPS = 64, 20
_BATCH, _BATCH_VALUES = 128, 2**21
_ACTIVE = 0.01  # Burda et al. 2016, appendix C


@final
class Probe:
    """What can be learnt of a model in about a second, as numbers by name; called again and again while it trains.

    The model runs in evaluation mode without gradients and gets its modes back. Equal weights give equal numbers: seeds
    and images are fixed. Nothing is fitted to held-out images. What a model cannot do leaves its numbers out; what it
    does badly enough to leave a number undefined makes it not-a-number.

    Args:
        train: the training split.
        held_out: the held-out split.
        seed: decides which images are looked at, and every draw.
        num: samples made at a time; left out: 1,000, fewer of large images. At most a third of the training split.
        batch: images at a time; left out: up to 128. It never changes a number beyond rounding.

    Attributes:
        missing: numbers of the bins of the training split that the last samples lacked, most common ones first.
    """

    def __init__(
        self, train: Items, held_out: Items, *, seed: int, num: int | None = None, batch: int | None = None
    ) -> None:
        spec, self.seed = train.spec, seed
        self._train, self._held_out = train, held_out
        self._batch = batch or max(1, min(_BATCH, _BATCH_VALUES // spec.num_values))
        num = num or scaled(_SAMPLES, _LEAST_SAMPLES, _SAMPLE_VALUES, spec)
        self._likeness: Likeness | None = None
        with contextlib.suppress(ReverieError):  # of training images that are all alike: there is nothing to compare
            self._likeness = Likeness(train, held_out, num=num, seed=seed)
        few = scaled(_IMAGES, _LEAST_IMAGES, _IMAGE_VALUES, spec)
        scored = min(len(held_out), scaled(_SCORED, _LEAST_SCORED, _SCORED_VALUES, spec))
        order = np.random.default_rng(key(seed, "probe", "train")).permutation(len(train))
        self._scored = {
            "train": np.sort(order[:scored]),
            "held_out": np.arange(scored),
        }
        self._coded = np.arange(min(len(held_out), scaled(_CODED, _LEAST_CODED, _IMAGE_VALUES, spec)))
        self._few_train = train.batch(np.sort(order[:few]))
        self._few_held = held_out.batch(np.arange(len(held_out))[:few])
        self._detailed = unfit(spec) is None
        self.missing: list[int] = []
        self._over: list[int] = []

    def __call__(self, model: Any) -> dict[str, float]:
        """Every number that the model's capabilities allow.

        Args:
            model: an object with capabilities (`reverie.core.capability`), most often an nn.Module.
        """
        values: dict[str, float] = {}
        with as_it_was(model), torch.no_grad():
            device, fakes = device_of(model), None
            if isinstance(model, Samples) and self._likeness is not None:
                fakes = self._samples(model, self._likeness, device)
                compared = self._likeness.compare(fakes.images)
                self.missing, self._over = compared.missing, compared.over
                values |= compared.values
            if isinstance(model, Judges):
                values |= self._judged(model, fakes, device)
            if isinstance(model, Scores):
                values |= self._likelihood(model, device) | self._latents(model, device)
            if isinstance(model, Reconstructs):
                values |= self._reconstructed(model, device)
            if isinstance(model, Encodes) and not isinstance(model, Samples | Decodes):
                values |= self._features(model, device)
        return values

    def nulls(self) -> dict[str, tuple[float, float]]:
        """What the numbers of a perfect sampler lie between, by name: the range of real images against real ones."""
        return {} if self._likeness is None else self._likeness.nulls()

    def medoids(self, bins: list[int]) -> Tensor:
        """The training image in the middle of each of these bins, (k, c, h, w) in [-1, 1]."""
        return self._few_train.images[:0] if self._likeness is None else self._likeness.medoids(bins)

    def picture(self) -> Tensor | None:
        """Training images of the bins that the last samples lacked, left, beside those they had too much of, right.

        Returns:
            one picture (1, c, h, w) in [-1, 1]; None when no bin is missing, and for points.
        """
        return None if self._likeness is None else self._likeness.picture(self.missing, self._over)

    def _samples(self, model: Samples, likeness: Likeness, device: torch.device) -> Batch:
        """The same seeds every time, and the labels of as many training images."""
        first, num = key(self.seed, "probe", "samples") % 2**40, likeness.num
        labels = None if likeness.labels is None else likeness.labels.to(device)
        made: list[Tensor] = []
        for at in range(0, num, self._batch):
            seeds = range(first + at, first + min(at + self._batch, num))
            of_part = None if labels is None else labels[at : at + self._batch]
            made.append(model.sample(seeds, labels=of_part))
        # cat copies, which frees the images from inference mode: a critic's gradient is taken at them.
        return Batch(torch.cat(made), labels)

    def _judged(self, model: Judges, fakes: Batch | None, device: torch.device) -> dict[str, float]:
        """The critic's logits, how often it puts a real image above a made one, and how its slopes compare."""
        real = {"train": self._few_train, "held_out": self._few_held}
        shown = real if fakes is None else real | {"fake": fakes.slice(0, len(self._few_train))}
        logits = {
            name: torch.cat([model.judge(p.images, labels=p.labels).cpu() for p in self._parts(batch, device)]).double()
            for name, batch in shown.items()
        }
        values = {f"judge_{name}": found.mean().item() for name, found in logits.items()}
        if fakes is not None:
            for name in real:
                values[f"judge_{name}_accuracy"] = _share_above(logits[name], logits["fake"])
            slopes = [self._slope(model, batch.slice(0, _SLOPES), device) for batch in (fakes, self._few_train)]
            if slopes[0] is not None and slopes[1] is not None:
                values["judge_gradient_ratio"] = slopes[0] / slopes[1] if slopes[1] > 0 else math.nan
        return values

    def _slope(self, model: Judges, batch: Batch, device: torch.device) -> float | None:
        """Mean of |grad D(x)|^2 over the images; None when the critic gives no gradient."""
        total = 0.0
        for part in self._parts(batch, device):
            with torch.enable_grad():
                images = part.images.detach().clone().requires_grad_(True)
                logits = model.judge(images, labels=part.labels)
                if not logits.requires_grad:
                    return None
                (gradient,) = torch.autograd.grad(logits.sum(), images)
            total += gradient.float().square().flatten(1).sum(1).cpu().double().sum().item()
        return total / len(batch)

    def _likelihood(self, model: Scores, device: torch.device) -> dict[str, float]:
        """ELBO and NLL of held-out images, and the ELBO of training images, by a few importance samples.

        The best weights are those of the lowest NLL: the ELBO would prefer weights from before an importance-weighted
        bound began to pay. One draw an image is enough for the mean of training images.
        """
        log_w = self._log_weights(model, self._held_out, self._scored["held_out"], _DRAWS, ("probe",), device)
        of_train = self._log_weights(model, self._train, self._scored["train"], 1, ("probe", "train"), device)
        return {
            "held_out_elbo_nats": log_w.mean().item(),
            "held_out_nll_nats": (math.log(_DRAWS) - torch.logsumexp(log_w, 1)).mean().item(),
            "train_elbo_nats": of_train.mean().item(),
        }

    def _log_weights(
        self, model: Scores, items: Items, index: np.ndarray, draws: int, purpose: tuple[str, ...], device: torch.device
    ) -> Tensor:
        """Log importance weights (n, draws), float64."""
        found: list[Tensor] = []
        for first in range(0, len(index), _SCORED_BATCH):
            part = _on(items.batch(index[first : first + _SCORED_BATCH]), device)
            rng = Rng(self.seed, *purpose, first, count=len(part), device=device)
            found.append(model.scorer(part.images, labels=part.labels)(draws, rng).cpu())
        return torch.cat(found).double()

    def _latents(self, model: Scores, device: torch.device) -> dict[str, float]:
        """How much the latents say of held-out images, and how far they are from the prior's."""
        kl, means, drawn = Moments(), Moments(), []
        rng = Rng(self.seed, "probe", "latents", count=len(self._few_held), device=device)
        first = 0
        for part in self._parts(self._few_held, device):
            kl.add(model.kl_per_dimension(part.images, labels=part.labels).cpu().double().sum(1))
            if isinstance(model, Encodes):
                means.add(model.encode(part.images, labels=part.labels).cpu())
            if isinstance(model, Decodes):
                drawn.append(model.draw(part.images, rng.slice(first, len(part)), labels=part.labels).cpu().double())
            first += len(part)
        values = {"kl_nats": float(kl.mean)}
        if isinstance(model, Encodes):
            values |= {"active_units": float((means.variance > _ACTIVE).sum()), "latent_units": float(model.latent_dim)}
        if isinstance(model, Decodes) and first >= 2 * _GAP_GROUPS:
            at = key(self.seed, "probe", "prior") % 2**40
            prior = model.latents(range(at, at + first)).cpu().double().numpy()
            values |= _gap(torch.cat(drawn).numpy(), prior, self.seed)
        return values

    def _reconstructed(self, model: Reconstructs, device: torch.device) -> dict[str, float]:
        """Errors of held-out images, beside those of always giving the mean training image."""
        error, naive, count = 0.0, 0.0, self._few_held.images.numel()
        mean = self._few_train.images.mean(0).to(device)
        made: list[Tensor] = []
        real: list[Tensor] = []
        for part in self._parts(self._few_held, device):
            again = model.reconstruct(part.images, labels=part.labels)
            error += (again - part.images).square().sum().item()
            naive += (part.images - mean).square().sum().item()
            if self._detailed:
                made.append(energies(again.float()).cpu())
                real.append(energies(part.images).cpu())
        values = {"reconstruction_mse": error / count, "data_variance": naive / count}
        if self._detailed:
            values["reconstruction_sharpness"] = detail_ratio(torch.cat(made), torch.cat(real))
        return values

    def _features(self, model: Encodes, device: torch.device) -> dict[str, float]:
        """How many directions the features of held-out images fill."""
        parts = self._parts(self._held_out.batch(self._coded), device)
        features = torch.cat([model.encode(part.images, labels=part.labels).cpu() for part in parts])
        return {"effective_rank": effective_rank(features), "latent_units": float(model.latent_dim)}

    def _parts(self, batch: Batch, device: torch.device) -> Iterator[Batch]:
        """The images in pieces of `batch`, where the model is."""
        for first in range(0, len(batch), self._batch):
            yield _on(batch.slice(first, self._batch), device)


def scaled(most: int, least: int, full: int, spec: DataSpec) -> int:
    """Images to look at: `most` up to `full` values an item, in inverse proportion beyond, never under `least`.

    Example:
        >>> scaled(1000, 256, 8192, DataSpec(channels=3, height=64, width=64))
        666
    """
    return min(most, max(least, most * full // spec.num_values))


def effective_rank(features: Tensor) -> float:
    """exp of the entropy of the singular values' shares (RankMe; Garrido et al. 2023, eq. 1): 1 to min(n, d).

    Args:
        features: (n, d).

    Example:
        >>> round(effective_rank(torch.eye(8)[:, :5]), 6)
        5.0
    """
    if not bool(features.isfinite().all()):
        return math.nan
    values = torch.linalg.svdvals(features.double())
    shares = values / values.sum().clamp_min(1e-300)
    return torch.special.entr(shares).sum().exp().item()


def _share_above(real: Tensor, fake: Tensor) -> float:
    """Share of all pairs in which the real image's logit is higher; ties count half."""
    if not bool(real.isfinite().all() and fake.isfinite().all()):
        return math.nan
    return ((real[:, None] - fake).sign().mean() / 2 + 0.5).item()


def _gap(drawn: np.ndarray, prior: np.ndarray, seed: int) -> dict[str, float]:
    """The normalised energy distance between latents of images and the prior's, and what chance stays below."""
    if not (np.isfinite(drawn).all() and np.isfinite(prior).all()):
        return {"posterior_gap": math.nan, "posterior_gap_floor": math.nan}
    groups = np.random.default_rng(key(seed, "probe", "groups")).permutation(len(drawn)) % _GAP_GROUPS
    gap, _, floor = energy_gap(drawn, prior, groups, seed)
    return {"posterior_gap": gap, "posterior_gap_floor": floor}


def _on(batch: Batch, device: torch.device) -> Batch:
    labels = None if batch.labels is None else batch.labels.to(device, non_blocking=True)
    return Batch(batch.images.to(device, non_blocking=True), labels)
