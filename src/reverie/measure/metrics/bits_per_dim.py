"""Likelihood per value, in bits."""

import math
from dataclasses import replace
from typing import ClassVar, Literal, final

from reverie.core.capability import Scores
from reverie.core.spec import DataSpec
from reverie.measure.likelihood import default_num, likelihoods
from reverie.measure.metric import Metric, Setting, not_pixels
from reverie.measure.statistics import mean_value
from reverie.measure.value import Value


@final
class BitsPerDim(Metric):
    """Bits to code one of an image's D = channels x height x width values.

    A discrete likelihood (binary values, 8-bit levels) gives nll / (D ln 2). A continuous one is a density over
    [-1, 1], where neighbouring 8-bit levels lie 2/255 apart: a level has the probability density x 2/255, hence
    (nll / D + ln 127.5) / ln 2. That is the code length of a level under uniform dequantisation (Theis et al. 2016,
    section 3.1) as long as the density is about flat within a level; a model sharper than 2/255 appears better than it
    is.
    """

    name: ClassVar[str] = "bits_per_dim"
    unit: ClassVar[str] = "bits/dim"
    needs: ClassVar[tuple[type, ...]] = (Scores,)
    better: ClassVar[Literal["lower", "higher", "none"]] = "lower"
    summary: ClassVar[str] = "nll per value, in bits; continuous likelihoods are converted to 8-bit levels."

    def unfit(self, spec: DataSpec) -> str | None:
        """Points have no levels."""
        return not_pixels(spec)

    def default_num(self, spec: DataSpec) -> int:
        """As many as for `nll`, so that the two are taken over the same images."""
        return default_num(spec)

    def measure(self, model: Scores, setting: Setting) -> dict[str, Value]:
        """`bits_per_dim`."""
        nll = mean_value(likelihoods(model, setting).nll, self.unit)
        scale = 1 / (setting.spec.num_values * math.log(2))
        offset = 0.0 if model.discrete else math.log2(127.5)
        return {"bits_per_dim": replace(nll, value=nll.value * scale + offset, se=(nll.se or 0.0) * scale)}


METRIC = BitsPerDim()
