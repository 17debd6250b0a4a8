"""Negative log-likelihood by importance sampling."""

from typing import ClassVar, Literal, final

from reverie.core.capability import Scores
from reverie.core.spec import DataSpec
from reverie.measure.likelihood import default_num, likelihoods
from reverie.measure.metric import Metric, Setting
from reverie.measure.statistics import mean_value
from reverie.measure.value import Value


@final
class Nll(Metric):
    """-log p(x) in nats per image, from exactly S importance samples (Burda et al. 2016, eq. 8).

    With it come the `elbo` of the same weights and `ess`, the mean effective share of the S samples: near 1 the
    posterior fits and few samples are enough; near 1/S a single draw carries the estimate, which is then too high, and
    falls further with more samples. Of a continuous likelihood it is -log of a density, which can be negative.
    """

    name: ClassVar[str] = "nll"
    unit: ClassVar[str] = "nats"
    needs: ClassVar[tuple[type, ...]] = (Scores,)
    better: ClassVar[Literal["lower", "higher", "none"]] = "lower"
    summary: ClassVar[str] = "-log p(x) by importance sampling; nats per image."

    def default_num(self, spec: DataSpec) -> int:
        """10,000 images up to 1,024 values each, fewer of larger ones."""
        return default_num(spec)

    def measure(self, model: Scores, setting: Setting) -> dict[str, Value]:
        """`nll`, `elbo` and `ess`."""
        found = likelihoods(model, setting)
        return {
            "nll": mean_value(found.nll, self.unit),
            "elbo": mean_value(found.elbo, self.unit),
            "ess": mean_value(found.ess / setting.samples, ""),
        }


METRIC = Nll()
