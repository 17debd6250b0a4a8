"""X013: the training images are explained ever better, held-out ones ever worse.

What we saw: the gap between the two ELBOs opened, while the held-out one fell below its best.
Why it matters: the model spends its capacity on what these images happen to be.
Remedy: mirrored images, weight decay; more images, if there are any.
Reference: Tomczak and Welling 2018 (arXiv 1705.07120), on overfitting of VAEs to binarised MNIST.
"""

from typing import Any, ClassVar, final

import numpy as np

from reverie.core.finding import Evidence, Finding, Record, Symptom
from reverie.core.trend import bad_run, sureness, together

GAP = 0.05  # of the ELBO's size
LOSS = 0.01  # of the ELBO's size below its best
LEAST = 3  # probes


@final
class Overfit(Symptom):
    """X013 overfit."""

    code: ClassVar[str] = "X013"
    title: ClassVar[str] = "overfit"

    def look(self, record: Record) -> Finding | None:
        """From the probed ELBO of training and of held-out images."""
        found = together(record, "probe.train_elbo_nats", "probe.held_out_elbo_nats")
        if found is None or len(found[0]) < LEAST + 2:
            return None
        train, held = (s.values for s in found)
        best = np.fmax.accumulate(held)
        span = float(np.nanmax(held) - np.nanmin(held))  # of a density the size itself means nothing
        size = np.maximum(np.abs(best), span)
        length, since = bad_run(found[0], (train - held > GAP * size) & (best - held > LOSS * size))
        if length < LEAST:
            return None
        remedy: dict[str, Any] = {} if record.recipe.data.mirror else {"data.mirror": True}
        if record.recipe.optim.weight_decay == 0:
            remedy["optim.weight_decay"] = 0.05
        return Finding(
            code=self.code,
            title=self.title,
            saw=f"The ELBO is {train[-1]:.4g} nats on training images and {held[-1]:.4g} on held-out ones, "
            f"whose best was {best[-1]:.4g}.",
            why="The model learns these images, not their kind.",
            evidence=(
                Evidence(
                    "probe.held_out_elbo_nats", float(held[-1]), float(best[-1] - LOSS * size[-1]), None, "its best"
                ),
                Evidence("probe.train_elbo_nats", float(train[-1]), None, float(held[-1] + GAP * size[-1]), "held-out"),
            ),
            confidence=sureness(length, LEAST),
            since=since,
            remedy=remedy,
            advice="Find more images, mirror them, or decay the weights; the best weights are kept.",
            reference="Tomczak and Welling 2018, arXiv 1705.07120",
        )


SYMPTOM = Overfit()
