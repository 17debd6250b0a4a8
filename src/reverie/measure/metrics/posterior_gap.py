"""Whether the latents of real images look like the prior that samples are drawn from."""

from typing import Any, ClassVar, Literal, final

import numpy as np
import torch

from reverie.core.capability import Decodes, Scores
from reverie.core.errors import ReverieError
from reverie.core.rng import Rng
from reverie.measure.metric import DIVERGED, Metric, Setting
from reverie.measure.statistics import Floats, jackknife
from reverie.measure.value import Value

_GROUPS, _PERMUTATIONS, _FLOOR_QUANTILE = 20, 100, 0.95


@final
class PosteriorGap(Metric):
    """Distance between the aggregate posterior q(z) = E_x q(z | x) and the prior p(z).

    Taken from one draw of q(z | x) per image and as many draws of p(z).

    The gap is what the KL of the ELBO leaves over beyond the information about x (Hoffman and Johnson 2016), and what a
    decoder meets when it is given latents that it was never trained on. Neither density is needed:

    - `posterior_gap` is the energy distance 2 E|X - Y| - E|X - X'| - E|Y - Y'| over 2 E|X - Y| (Szekely and Rizzo 2013,
      eq. 4 and 5), unbiased in its numerator: 0 when the two agree, 1 when each is a point. It sees any difference.
    - `posterior_gap_floor` is what 95 % of random exchanges of the two sets stay below: a gap under it is none.
    - `posterior_gap_nats` is the KL between normals fitted to each dimension of both, summed and freed of its bias by a
      jackknife, and `per` dimension. When the prior is N(0, I) it is a lower bound of KL(q(z) || p(z)).
    """

    name: ClassVar[str] = "posterior_gap"
    unit: ClassVar[str] = ""
    needs: ClassVar[tuple[type, ...]] = (Scores, Decodes)
    better: ClassVar[Literal["lower", "higher", "none"]] = "lower"
    summary: ClassVar[str] = "How far the latents of real images are from the prior; compare with its floor."
    least: ClassVar[int] = 2 * _GROUPS

    def default_num(self, spec: Any) -> int:
        """2,000: every pair of draws is compared."""
        return 2_000

    def measure(self, model: Any, setting: Setting) -> dict[str, Value]:
        """`posterior_gap`, `posterior_gap_floor` and `posterior_gap_nats`."""
        seeds, codes, prior = setting.seeds("prior"), [], []
        chance = Rng(setting.seed, "posterior_gap", count=setting.num, device=setting.device)
        for first, batch in setting.batches():
            drawn = model.draw(batch.images, chance.slice(first, len(batch)), labels=batch.labels)
            codes.append(setting.check(drawn, "the latents").cpu().double())
            latents = model.latents(seeds[first : first + len(batch)])
            prior.append(setting.check(latents, "the prior's latents").cpu().double())
        x, y = torch.cat(codes).numpy(), torch.cat(prior).numpy()
        for latents, whose in ((x, "real images'"), (y, "prior's")):
            if not np.ptp(latents, axis=0).all():
                where = int(np.ptp(latents, axis=0).argmin())
                raise ReverieError(f"{self.name}: dimension {where} of the {whose} latents never varies. {DIVERGED}")
        groups = np.random.default_rng(setting.seed).permutation(len(x)) % _GROUPS
        gap, error, floor = energy_gap(x, y, groups, setting.seed)
        per = _normal_kl(x, y)
        left_out = np.array([_normal_kl(x[groups != g], y[groups != g]) for g in range(_GROUPS)])
        nats, nats_error = jackknife(float(per.sum()), left_out.sum(1))
        return {
            "posterior_gap": Value(gap, error, len(x), self.unit),
            "posterior_gap_floor": Value(floor, None, len(x), self.unit),
            "posterior_gap_nats": Value(nats, nats_error, len(x), "nats", tuple(float(kl) for kl in per)),
        }


def energy_gap(x: Floats, y: Floats, groups: np.ndarray, seed: int) -> tuple[float, float, float]:
    """The normalised energy distance of two sets of n points, its jackknife error, and its permutation floor.

    Args:
        x: (n, d).
        y: (n, d).
        groups: the group, 0 to 19, of each row, for the jackknife.
        seed: decides the permutations.
    """
    n, chance = len(x), np.random.default_rng(seed + 1)
    pooled = torch.from_numpy(np.concatenate([x, y]))
    distances = torch.cdist(pooled, pooled).fill_diagonal_(0).numpy()
    of_x = np.arange(2 * n) < n
    twice = np.concatenate([groups, groups])
    left = [of_x]
    right = [~of_x]
    for group in range(_GROUPS):
        left.append(of_x & (twice != group))
        right.append(~of_x & (twice != group))
    for _ in range(_PERMUTATIONS):
        exchanged = chance.permutation(of_x)
        left.append(exchanged)
        right.append(~exchanged)
    found = _coefficients(distances, np.stack(left, 1).astype(float), np.stack(right, 1).astype(float))
    _, error = jackknife(float(found[0]), found[1 : 1 + _GROUPS])
    return float(found[0]), error, float(np.quantile(found[1 + _GROUPS :], _FLOOR_QUANTILE))


def _coefficients(distances: Floats, left: Floats, right: Floats) -> Floats:
    """The normalised energy distance between the points that each column of `left` and of `right` marks with 1."""
    near_left, near_right = distances @ left, distances @ right
    a, b = left.sum(0), right.sum(0)
    between = (left * near_right).sum(0) / (a * b)
    within = (left * near_left).sum(0) / (a * (a - 1)) + (right * near_right).sum(0) / (b * (b - 1))
    return (2 * between - within) / (2 * between)


def _normal_kl(x: Floats, y: Floats) -> Floats:
    """KL(N(mean x, var x) || N(mean y, var y)) of each column, in nats, (d,)."""
    ratio = x.var(0, ddof=1) / y.var(0, ddof=1)
    shift = (x.mean(0) - y.mean(0)) ** 2 / y.var(0, ddof=1)
    return 0.5 * (ratio + shift - 1 - np.log(ratio))


METRIC = PosteriorGap()
