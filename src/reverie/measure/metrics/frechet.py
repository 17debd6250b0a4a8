"""Frechet distance between samples and real images."""

from typing import ClassVar, Literal, final

import torch

from reverie.core.capability import Samples
from reverie.measure.metric import Comparison, Setting
from reverie.measure.passes import comparison_of, halves, made_features, real_features
from reverie.measure.sets.frechet import Groups, distance
from reverie.measure.sets_metric import SetMetric
from reverie.measure.value import Value

_GROUPS = 20


@final
class Frechet(SetMetric):
    """Squared distance between normal distributions fitted to features of samples and of real images (Heusel et al.
    2017), freed of its bias by a jackknife over groups of samples.

    With the features of `inception-tf` it is the FID, less its bias; with others its size means something else, so
    compare within one extractor only. Sums are all that is kept, so that a million images take no more memory than a
    few thousand.
    """

    name: ClassVar[str] = "frechet"
    better: ClassVar[Literal["lower", "higher", "none"]] = "lower"
    summary: ClassVar[str] = "Distance of samples from real images by mean and covariance of their features."
    in_memory: ClassVar[bool] = False

    def problem(self, comparison: Comparison, count: int) -> str | None:
        """Fewer than two images a feature: the covariance is then mostly chance."""
        dim = comparison.extractor.dim
        if count // 2 >= 2 * dim:
            return super().problem(comparison, count)
        return (
            f"{self.name} needs at least {4 * dim:,} images for the {dim:,} features of {comparison.extractor.name} "
            f"(two a feature in each half), got {count:,}. Ask for more, use kid, or an extractor with fewer features."
        )

    def measure(self, model: Samples, setting: Setting) -> dict[str, Value]:
        """`frechet` and `frechet_floor`."""
        dim, half = comparison_of(setting).extractor.dim, setting.num // 2
        real, other, made = (Groups(dim, _GROUPS) for _ in range(3))
        side = torch.full((setting.num,), 2)
        dealt = halves(setting)
        side[dealt[:half]], side[dealt[half:]] = 0, 1
        for first, features in real_features(setting):
            of = side[first : first + len(features)]
            real.add(features[of == 0])
            other.add(features[of == 1])
        for _, features in made_features(model, setting):
            made.add(features)
        return {"frechet": distance(made, real), "frechet_floor": distance(other, real)}


METRIC = Frechet()
