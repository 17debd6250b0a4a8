"""Likelihood by importance sampling, shared by the metrics `elbo`, `nll` and `bits_per_dim`.

Symbols: S samples per image; w = p(x | z) p(z) / q(z | x) for z ~ q(z | x).
"""

import math
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import cast

import numpy as np
import torch
from torch import Tensor

from reverie.core.capability import Scores
from reverie.core.errors import ReverieError
from reverie.core.rng import Rng
from reverie.core.spec import DataSpec
from reverie.measure.metric import Setting
from reverie.measure.statistics import Floats

# Decoder rows at a time: enough to fill a processor, few enough that a layer's activations stay near its caches and
# that the memory allocator keeps them: handing a chunk back to the system costs more than the mathematics.
_ROWS, _ROW_VALUES, _SAMPLES = 1024, 2**22, 64


@dataclass(frozen=True)
class Likelihoods:
    """What importance sampling says of each image, in the order of the setting's index.

    Args:
        nll: -log of the mean weight, nats, (n,): an upper bound of -log p(x) in expectation, tight as S grows.
        elbo: mean of the log weights, nats, (n,).
        ess: (sum w)^2 / sum w^2, out of S, (n,): the draws that do the work. Where it is a few draws only, `nll` is
            still well above -log p(x) (Kong 1992).
    """

    nll: Floats
    elbo: Floats
    ess: Floats


def chunk_sizes(spec: DataSpec, samples: int) -> tuple[int, int]:
    """Images and samples at a time. They depend on nothing but the item's shape and S, because draws hang on them.

    Example:
        >>> chunk_sizes(DataSpec(channels=1, height=28, width=28), 5000)
        (16, 64)
    """
    rows = max(16, min(_ROWS, _ROW_VALUES // spec.num_values))
    samples_at_once = min(samples, _SAMPLES, rows)
    return rows // samples_at_once, samples_at_once


def default_num(spec: DataSpec) -> int:
    """Images that a likelihood is taken over by default: 10,000 up to 1,024 values each, fewer of larger ones."""
    return min(10_000, max(1_000, 10_000 * 1024 // spec.num_values))


def likelihoods(model: Scores, setting: Setting) -> Likelihoods:
    """-log p(x) of each image by importance sampling with exactly S draws (Burda et al. 2016, eq. 8).

    Every image is encoded once. The draws of an image depend on the seed, S, the item's shape and the image's place in
    the index alone: neither on `batch` nor on how many images follow it.

    Raises:
        ReverieError: a log weight is not finite.
    """
    shared = (likelihoods, setting.samples, setting.num, setting.precision, setting.compiled)
    if shared in setting.memo:
        return cast(Likelihoods, setting.memo[shared])
    images_at_once, samples_at_once = chunk_sizes(setting.spec, setting.samples)
    scorer = partial(model.scorer, compiled=True) if setting.compiled else model.scorer
    parts: list[Likelihoods] = []
    for first, batch in setting.batches(images_at_once, report=False):
        with _precision(setting):
            score = scorer(batch.images, labels=batch.labels)
        running = _Running(len(batch))
        for drawn in range(0, setting.samples, samples_at_once):
            count = min(samples_at_once, setting.samples - drawn)
            rng = Rng(
                setting.seed,
                "importance",
                first,
                drawn,
                count=len(batch),
                total=images_at_once,
                device=setting.device,
            )
            with _precision(setting):
                log_w = setting.check(score(count, rng), "the log weights")
            if log_w.shape != (len(batch), count):
                got = tuple(log_w.shape)
                raise ReverieError(f"scorer: must return {(len(batch), count)} log weights, got {got}. Mend the model.")
            running.add(log_w)
            setting.report(first * setting.samples + len(batch) * (drawn + count), setting.num * setting.samples)
        parts.append(running.result(setting.samples))
    result = Likelihoods(*(np.concatenate([getattr(p, name) for p in parts]) for name in ("nll", "elbo", "ess")))
    setting.memo[shared] = result
    return result


def _precision(setting: Setting) -> AbstractContextManager[object]:
    """Where the model runs: products in bf16 when the setting says so, sums in fp32."""
    return torch.autocast(setting.device.type, torch.bfloat16, enabled=setting.precision == "bf16")


class _Running:
    """Sums of w, w^2 and log w per image, in float64, scaled by the largest weight so far."""

    def __init__(self, images: int) -> None:
        self._peak = torch.full((images,), -math.inf, dtype=torch.float64)
        self._w, self._w2, self._log_w = (torch.zeros(images, dtype=torch.float64) for _ in range(3))

    def add(self, log_w: Tensor) -> None:
        log_w = log_w.cpu().double()
        peak = torch.maximum(self._peak, log_w.amax(1))
        w, shrink = (log_w - peak[:, None]).exp(), (self._peak - peak).exp()
        self._w = self._w * shrink + w.sum(1)
        self._w2 = self._w2 * shrink.square() + w.square().sum(1)
        self._log_w += log_w.sum(1)
        self._peak = peak

    def result(self, samples: int) -> Likelihoods:
        log_p = self._peak + self._w.log() - math.log(samples)
        return Likelihoods(
            nll=(-log_p).numpy(),
            elbo=(self._log_w / samples).numpy(),
            ess=(self._w.square() / self._w2).numpy(),
        )
