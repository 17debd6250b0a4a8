"""X010: a loss that ran away.

What we saw: a phase's loss is far beyond where it once was, in steps that were finite all the same.
Why it matters: nothing that follows is learnt; weights that large rarely come back.
Remedy: half the learning rate, with gradients clipped.
Reference: Goodfellow et al. 2016, Deep Learning, section 8.2.4, on cliffs.
"""

from typing import ClassVar, final

import numpy as np

from reverie.core.finding import Evidence, Finding, Record, Symptom

TIMES = 30.0  # the spread that the loss had in its first half, from its median then
REPORTS = 6  # of the loss, at the end, all of them beyond


@final
class Diverged(Symptom):
    """X010 diverged."""

    code: ClassVar[str] = "X010"
    title: ClassVar[str] = "diverged"

    def look(self, record: Record) -> Finding | None:
        """From every phase's gradient norm: losses of games may grow in health, gradients that large do not."""
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
                remedy={"optim.lr": record.recipe.optim.lr / 2, "train.clip": 10 * usual},
                advice="Halve the learning rate and clip gradients at ten times their usual norm.",
                reference="Goodfellow et al. 2016, Deep Learning, section 8.2.4",
                stop=True,
            )
        return None


SYMPTOM = Diverged()
