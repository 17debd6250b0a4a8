"""G004: the critic cannot tell, though the samples are plainly not real.

What we saw: pairs told apart no better than by a coin, or logits so near to each other that the loss is what it is at
chance, while samples are far from the data and do not come nearer.
Why it matters: a critic that sees no difference gives no direction; the game has ended without a result.
Remedy: a weaker gamma, or one that is found, so that the critic may have slopes again; or more critic steps.
Reference: Mescheder et al. 2018 (arXiv 1801.04406), section 4: a regulariser that is too strong slows to a halt.
"""

import math
from typing import Any, ClassVar, final

import numpy as np

from reverie.core.finding import Evidence, Finding, Record, Series, Symptom
from reverie.core.trend import bad_run, sureness, together
from reverie.families.gan.symptoms.critic_overpowers import CHANCE

COIN = 0.06  # distance of the accuracy from one half that still is a coin
LEAST = 3  # probes
BEGIN = 1 / 3  # of the budget
FLAT = 0.01  # of the loss at chance, from it: logits next to nothing, whichever way they lean
FAR = 0.3  # of the healthy coverage's low end: samples that nobody would take for data


@final
class GeneratorOverpowers(Symptom):
    """G004 generator overpowers."""

    code: ClassVar[str] = "G004"
    title: ClassVar[str] = "generator overpowers"

    def look(self, record: Record) -> Finding | None:
        """From the critic's accuracy on training images against samples, or its loss beside chance, and coverage."""
        found = together(record, "probe.judge_train_accuracy", "probe.coverage")
        if found is None or record.fraction < BEGIN:
            return None
        accuracy, coverage = found
        low = record.nulls.get("coverage", (0.9, 1.0))[0]
        flat, level = _flat(record, coverage)
        bad = ((accuracy.values < 0.5 + COIN) | flat) & (coverage.values < FAR * low)
        length, since = bad_run(coverage, bad)
        recent = coverage.values[-LEAST:]
        if length < LEAST or recent[-1] > 1.2 * recent[0] + 0.01:
            return None
        remedy, advice = _weaker(record)
        says = f"The critic puts a real image above a sample {accuracy.last():.0%} of the time"
        seen = Evidence("probe.judge_train_accuracy", accuracy.last(), 0.5 + COIN, None, "at chance")
        if flat[-1]:
            says = f"The critic's loss is {level:.3g}, what it is at chance"
            seen = Evidence("critic.adversarial", level, None, (1 - FLAT) * _chance(record), "at chance")
        return Finding(
            code=self.code,
            title=self.title,
            saw=f"{says}, though samples reach only {coverage.last():.0%} of the data.",
            why="The critic gives no direction any more, so the samples stay as they are.",
            evidence=(
                seen,
                Evidence("probe.coverage", coverage.last(), low, None),
            ),
            confidence=sureness(length, LEAST),
            since=since,
            remedy=remedy,
            advice=advice,
            reference="Mescheder et al. 2018, arXiv 1801.04406",
        )


def _chance(record: Record) -> float:
    """The critic's loss when it cannot tell; not-a-number where it has no such value."""
    gan: Any = getattr(record.recipe, "gan", None)
    return CHANCE.get(gan.objective, math.nan) if gan is not None else math.nan


def _flat(record: Record, probes: Series) -> tuple[np.ndarray, float]:
    """At each probe, whether the critic's loss was at chance since the one before; and the last such loss."""
    loss, level = record.series("critic.adversarial"), math.nan
    flat = np.zeros(len(probes), dtype=bool)
    for i in range(1, len(probes)):
        since = loss.values[(loss.images > probes.images[i - 1]) & (loss.images <= probes.images[i])]
        if np.isfinite(since).any():
            level = float(np.nanmedian(since))
            flat[i] = abs(level / _chance(record) - 1) < FLAT
    return flat, level


def _weaker(record: Record) -> tuple[dict[str, Any], str]:
    gan: Any = record.recipe.gan  # type: ignore[attr-defined]
    if {"r1", "r2"} & set(gan.penalties) and gan.gamma != "auto":
        return {"gan.gamma": "auto"}, "Let gamma be found."
    gammas = record.series("critic.gamma").values
    if len(gammas) and np.isfinite(gammas[0]) and gammas[0] > 0:
        return {"gan.gamma": float(f"{gammas[0] / 10:.2g}")}, "Lower gamma tenfold."
    return {"gan.critic_steps": 2}, "Take two critic steps for each of the generator."


SYMPTOM = GeneratorOverpowers()
