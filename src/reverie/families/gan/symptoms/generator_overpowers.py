"""G004: the critic cannot tell, though the samples are plainly not real.

What we saw: pairs told apart no better than by a coin, while samples are far from the data and do not come nearer.
Why it matters: a critic that sees no difference gives no direction; the game has ended without a result.
Remedy: a weaker gamma, so that the critic may have slopes again; or more critic steps for each of the generator.
Reference: Mescheder et al. 2018 (arXiv 1801.04406), section 4: a regulariser that is too strong slows to a halt.
"""

from typing import Any, ClassVar, final

import numpy as np

from reverie.core.finding import Evidence, Finding, Record, Symptom
from reverie.core.trend import bad_run, sureness, together

COIN = 0.06  # distance of the accuracy from one half that still is a coin
LEAST = 3  # probes
BEGIN = 1 / 3  # of the budget
FAR = 0.3  # of the healthy coverage's low end: samples that nobody would take for data


@final
class GeneratorOverpowers(Symptom):
    """G004 generator overpowers."""

    code: ClassVar[str] = "G004"
    title: ClassVar[str] = "generator overpowers"

    def look(self, record: Record) -> Finding | None:
        """From the critic's accuracy on training images against samples, and coverage."""
        found = together(record, "probe.judge_train_accuracy", "probe.coverage")
        if found is None or record.fraction < BEGIN:
            return None
        accuracy, coverage = found
        low = record.nulls.get("coverage", (0.9, 1.0))[0]
        bad = (accuracy.values < 0.5 + COIN) & (coverage.values < FAR * low)
        length, since = bad_run(coverage, bad)
        recent = coverage.values[-LEAST:]
        if length < LEAST or recent[-1] > 1.2 * recent[0] + 0.01:
            return None
        remedy, advice = _weaker(record)
        return Finding(
            code=self.code,
            title=self.title,
            saw=f"The critic puts a real image above a sample {accuracy.last():.0%} of the time, though samples reach "
            f"only {coverage.last():.0%} of the data.",
            why="The critic gives no direction any more, so the samples stay as they are.",
            evidence=(
                Evidence("probe.judge_train_accuracy", accuracy.last(), 0.5 + COIN, None, "at chance"),
                Evidence("probe.coverage", coverage.last(), low, None),
            ),
            confidence=sureness(length, LEAST),
            since=since,
            remedy=remedy,
            advice=advice,
            reference="Mescheder et al. 2018, arXiv 1801.04406",
        )


def _weaker(record: Record) -> tuple[dict[str, Any], str]:
    gammas = record.series("critic.gamma").values
    if len(gammas) and np.isfinite(gammas[0]) and gammas[0] > 0:
        return {"gan.gamma": float(f"{gammas[0] / 10:.2g}")}, "Lower gamma tenfold."
    return {"gan.critic_steps": 2}, "Take two critic steps for each of the generator."


SYMPTOM = GeneratorOverpowers()
