"""X010: a loss that ran away, or a net that a step too long has broken.

What we saw: a phase's gradients are far beyond where they once were, in steps that were finite all the same; or
reconstructions stay worse than the mean of the data, which a net that learns at all soon leaves behind.
Why it matters: nothing that follows is learnt; weights that large rarely come back.
Remedy: half the learning rate, with gradients clipped; a tenth of it for a broken net; no more than the usual rate.
Reference: Goodfellow et al. 2016, Deep Learning, section 8.2.4, on cliffs.
"""

from typing import ClassVar, final

import numpy as np

from reverie.core.finding import Evidence, Finding, Record, Symptom
from reverie.core.recipe import OptimRecipe
from reverie.core.trend import bad_run, sureness, together

LEAST, BEGIN = 3, 0.1  # probes, and the share of the budget, before which nobody has learnt anything
WORSE, IMPROVED = 1.2, 0.9  # of the data's variance, and of the run's largest error: what is coming down is on its way
USUAL_RATE = OptimRecipe().lr
TIMES = 30.0  # the spread that the loss had in its first half, from its median then
REPORTS = 6  # of the loss, at the end, all of them beyond


@final
class Diverged(Symptom):
    """X010 diverged."""

    code: ClassVar[str] = "X010"
    title: ClassVar[str] = "diverged"

    def look(self, record: Record) -> Finding | None:
        """From gradient norms of phases, as losses of games may grow in health and gradients that large do not; and
        from reconstructions, where there are any."""
        return self._ran_away(record) or self._broken(record)

    def _ran_away(self, record: Record) -> Finding | None:
        for name in (n for n in record.names() if n.endswith(".gradient_norm")):
            series = record.series(name)
            if len(series) < 4 * REPORTS:
                continue
            half = series.values[: len(series) // 2]
            usual = float(np.nanmedian(half[len(half) // 4 :]))
            recent = series.values[-REPORTS:]
            if usual <= 0 or not bool(np.all(~np.isfinite(recent) | (recent > TIMES * usual))):
                continue
            phase = name.removesuffix(".gradient_norm")
            since = int(series.images[np.flatnonzero(series.values <= TIMES * usual)[-1]])
            return Finding(
                code=self.code,
                title=self.title,
                saw=f"The gradient norm of the {phase} is {np.nanmedian(recent):.3g}; in the first half of the run "
                f"it was {usual:.3g}.",
                why="The step is far too long for where the weights are now.",
                evidence=(Evidence(name, float(np.nanmedian(recent)), None, TIMES * usual, "the run's first half"),),
                confidence=0.9,
                since=since,
                remedy={"optim.lr": min(record.recipe.optim.lr / 2, USUAL_RATE), "train.clip": 10 * usual},
                advice="Lower the learning rate and clip gradients at ten times their usual norm.",
                reference="Goodfellow et al. 2016, Deep Learning, section 8.2.4",
                stop=True,
            )
        return None

    def _broken(self, record: Record) -> Finding | None:
        found = together(record, "probe.reconstruction_mse", "probe.data_variance")
        if found is None or record.fraction < BEGIN:
            return None
        error, variance = found[0].values, found[1].values
        length, since = bad_run(found[0], error > WORSE * variance)
        if length < LEAST or error[-1] < IMPROVED * np.nanmax(error):
            return None
        rate = min(record.recipe.optim.lr / 10, USUAL_RATE)
        return Finding(
            code=self.code,
            title=self.title,
            saw="Reconstructions are worse than the mean of all images: they leave "
            f"{error[-1] / variance[-1]:.0%} of the variance, at the last {length} probes.",
            why="A step that was far too long has thrown the net where nothing moves it any more.",
            evidence=(
                Evidence(
                    "probe.reconstruction_mse", float(error[-1]), None, float(variance[-1]), "the images' variance"
                ),
            ),
            confidence=sureness(length, LEAST),
            since=since,
            remedy={"optim.lr": rate},
            advice=f"Begin anew with a learning rate of {rate:g}.",
            reference="Goodfellow et al. 2016, Deep Learning, section 8.2.4",
            stop=True,
        )


SYMPTOM = Diverged()
