"""How many modes of a mixture in the plane a model finds, and how well it places its points."""

from collections.abc import Mapping
from math import sqrt
from typing import Any, ClassVar, Literal, cast, final

import torch

from reverie.core.capability import Samples
from reverie.core.errors import UsageError
from reverie.core.spec import DataSpec
from reverie.data.builtin.points import SIGMA, Name, modes
from reverie.measure.metric import Metric, Setting
from reverie.measure.sets.points import HIGH_QUALITY, expected_reverse_kl, point_report
from reverie.measure.value import Value


@final
class Modes(Metric):
    """Modes with at least one sample within 3 sigma, of 2,500 samples: the protocol of PacGAN (Lin et al. 2018).

    With it come `high_quality`, the share of samples within 3 sigma of a mode (0.989 for a perfect sampler; more means
    modes too tight), `reverse_kl` over the modes of these samples with the floor that chance sets, and `mode_spread`,
    the deviation within modes in units of the data's (1 for a perfect sampler).
    """

    name: ClassVar[str] = "modes"
    unit: ClassVar[str] = "of k"
    needs: ClassVar[tuple[type, ...]] = (Samples,)
    better: ClassVar[Literal["lower", "higher", "none"]] = "higher"
    summary: ClassVar[str] = "Modes of ring8 or grid25 that samples reach, and how well they sit there."
    least: ClassVar[int] = 100
    companions: ClassVar[Mapping[str, Literal["lower", "higher", "none"]]] = {
        "high_quality": "higher",
        "reverse_kl": "lower",
        "mode_spread": "none",
    }

    def unfit(self, spec: DataSpec) -> str | None:
        """Images, and points whose modes are not known."""
        return None if spec.mixture in SIGMA else f"its modes are not known (they are of {' and '.join(SIGMA)})"

    def default_num(self, spec: DataSpec) -> int:
        """2,500, as in the published tables."""
        return 2_500

    def truths(self, spec: DataSpec, num: int) -> dict[str, Value]:
        """Of the mixture itself: every mode, 98.9 % of points, what chance makes of their counts, and spread 1.

        Their errors are those of `num` points, whose numbers are known otherwise.
        """
        count, good = len(modes(cast(Name, spec.mixture))), round(HIGH_QUALITY * num)
        # 2N times the divergence of N draws is of chi-square distribution with K - 1 degrees of freedom
        divergence = expected_reverse_kl(count, good)
        return {
            "modes": Value(count, None, num, f"of {count}"),
            "high_quality": Value(HIGH_QUALITY, sqrt(HIGH_QUALITY * (1 - HIGH_QUALITY) / num), num, ""),
            "reverse_kl": Value(divergence, divergence * sqrt(2 / (count - 1)), num, "nats"),
            "mode_spread": Value(1.0, None, num, "sigma"),
        }

    def measure(self, model: Any, setting: Setting) -> dict[str, Value]:
        """`modes`, `high_quality`, `reverse_kl`, `reverse_kl_floor` and `mode_spread`."""
        seeds, drawn = setting.seeds("samples"), []
        for first in range(0, len(seeds), setting.batch):
            samples = model.sample(seeds[first : first + setting.batch])
            if samples.shape[1:] != setting.spec.shape:
                shape = "x".join(map(str, samples.shape[1:]))
                raise UsageError(f"modes: the samples are {shape}, not points of the plane. Measure a model of points.")
            drawn.append(setting.check(samples, "the samples").flatten(1).cpu())
            setting.report(first + len(samples), setting.num)
        mixture = cast(Name, setting.spec.mixture)
        found = point_report(torch.cat(drawn), modes(mixture), SIGMA[mixture])
        floor = expected_reverse_kl(len(found.histogram), max(1, sum(found.histogram)))
        return {
            "modes": found.modes,
            "high_quality": found.high_quality,
            "reverse_kl": found.reverse_kl,
            "reverse_kl_floor": Value(floor, None, sum(found.histogram), "nats"),
            "mode_spread": found.mode_spread,
        }


METRIC = Modes()
