"""X011: the run was better before.

What we saw: the probed number by which the best weights are chosen is clearly worse than its best, and stays so.
Why it matters: every minute from there on is spent for nothing. The best weights are kept.
Remedy: none in the recipe; stop. `train.on_finding = "stop"` does it by itself.
Reference: Prechelt 1998 (early stopping); of 64 public GAN trainings 19 ended 1.5 times worse than their best.
"""

from typing import ClassVar, final

import numpy as np

from reverie.core.finding import Evidence, Finding, Record, Symptom
from reverie.core.trend import bad_run, sureness

LEAST = 4  # probes in a row
WORSE = 1.5  # times the best Frechet distance, as in the count above; for likelihoods see NATS
NATS = 0.02  # of the best NLL's size: beyond what few importance samples scatter by
BEGIN = 0.3  # of the budget


@final
class PastItsBest(Symptom):
    """X011 past its best."""

    code: ClassVar[str] = "X011"
    title: ClassVar[str] = "past its best"

    def look(self, record: Record) -> Finding | None:
        """From the held-out NLL where there is one, else from the Frechet distance of samples."""
        likely = record.series("probe.held_out_nll_nats")
        name = "probe.held_out_nll_nats" if len(likely) else "probe.frechet"
        series = record.series(name)
        if len(series) < LEAST + 2 or record.fraction < BEGIN or not np.isfinite(series.values).any():
            return None
        best = np.fmin.accumulate(np.where(np.isfinite(series.values), series.values, np.inf))
        if len(likely):
            limit = best + NATS * np.abs(best) + 0.5
        else:
            width = max(1e-6, record.nulls.get("frechet", (0.0, 0.01))[1])
            limit = np.maximum(WORSE * best, best + 10 * width)
        length, since = bad_run(series, ~(series.values <= limit))
        if length < LEAST:
            return None
        said = "The NLL of held-out images" if len(likely) else "The Frechet distance of samples"
        at = int(series.images[int(np.argmin(np.where(np.isfinite(series.values), series.values, np.inf)))])
        return Finding(
            code=self.code,
            title=self.title,
            saw=f"{said} is {series.last():.4g}; its best was {best[-1]:.4g} at image {at:,}, "
            f"and the last {length} probes are all clearly worse.",
            why="What was trained since then made it worse; `weights/best.safetensors` is from before.",
            evidence=(Evidence(name, series.last(), None, float(limit[-1]), "the run's own best"),),
            confidence=sureness(length, LEAST),
            since=since,
            remedy={},
            advice="Stop here and use the best weights, which are kept.",
            reference="Prechelt 1998, Early stopping - but when?",
            stop=True,
        )


SYMPTOM = PastItsBest()
