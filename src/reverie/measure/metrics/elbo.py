"""The evidence lower bound."""

from typing import ClassVar, Literal, final

from reverie.core.capability import Scores
from reverie.core.spec import DataSpec
from reverie.measure.likelihood import default_num, likelihoods
from reverie.measure.metric import Metric, Setting
from reverie.measure.statistics import mean_value
from reverie.measure.value import Value


@final
class Elbo(Metric):
    """Mean log weight, in nats per image (Kingma and Welling 2014, eq. 3).

    It is taken from the same S draws as `nll` when both are asked for; alone, one draw per image is enough.
    """

    name: ClassVar[str] = "elbo"
    unit: ClassVar[str] = "nats"
    needs: ClassVar[tuple[type, ...]] = (Scores,)
    better: ClassVar[Literal["lower", "higher", "none"]] = "higher"
    summary: ClassVar[str] = "Lower bound of log p(x), what a VAE is trained for; nats per image."

    def default_num(self, spec: DataSpec) -> int:
        """As many as for the likelihood, so that the two are taken over the same images."""
        return default_num(spec)

    def measure(self, model: Scores, setting: Setting) -> dict[str, Value]:
        """`elbo`."""
        return {"elbo": mean_value(likelihoods(model, setting).elbo, self.unit)}


METRIC = Elbo()
