"""G003: the critic wins, and the generator learns nothing from it.

What we saw: the critic's loss near zero, every pair told apart, and samples that do not come nearer to the data.
Why it matters: where the critic is certain its slope is flat, or points anywhere; more steps do not help.
Remedy: R1 and R2 (a stronger gamma where they are on), so that it cannot become certain.
Reference: Arjovsky and Bottou 2017 (arXiv 1701.04862), theorem 2.4; Mescheder et al. 2018 (arXiv 1801.04406).
"""

import math
from typing import Any, ClassVar, final

import numpy as np

from reverie.core.finding import Evidence, Finding, Record, Series, Symptom
from reverie.core.trend import sureness
from reverie.families.gan.remedies import steadier

# what the critic's loss is when it cannot tell; Wasserstein's has no floor and no scale
CHANCE = {
    "relativistic": math.log(2),
    "nonsaturating": 2 * math.log(2),
    "minimax": 2 * math.log(2),
    "least-squares": 0.5,
    "hinge": 2.0,
}
FLOOR = 0.15  # of that loss: 2 ln 2 x 0.15 = 0.21, near the 0.22 below which public trainings went wrong
CERTAIN = 0.98  # of pairs told apart
TAIL = 0.25  # of the images seen
BEGIN = 0.25  # of the budget: against an untrained generator every critic wins


@final
class CriticOverpowers(Symptom):
    """G003 critic overpowers."""

    code: ClassVar[str] = "G003"
    title: ClassVar[str] = "critic overpowers"

    def look(self, record: Record) -> Finding | None:
        """From the critic's loss beside its chance value; with probes, only while samples stay bad."""
        gan: Any = getattr(record.recipe, "gan", None)
        chance = CHANCE.get(gan.objective) if gan is not None else None
        loss = record.series("critic.adversarial")
        if chance is None or len(loss) < 8 or record.fraction < BEGIN:
            return None
        tail = loss.tail(TAIL)
        accuracy = record.series("critic.accuracy").tail(TAIL)
        level = float(np.nanmedian(tail.values))
        sure = float(np.nanmedian(accuracy.values)) if len(accuracy) else 1.0
        if level > FLOOR * chance or sure < CERTAIN or _samples_are_good(record):
            return None
        low = loss.values < FLOOR * chance
        length, since = _last_stretch(loss, low)
        remedy, advice = steadier(record)
        return Finding(
            code=self.code,
            title=self.title,
            saw=f"The critic's loss is {level:.2g}, {level / chance:.0%} of what it is at chance, and it tells "
            f"{sure:.0%} of pairs apart.",
            why="A certain critic gives the generator no direction: samples stop improving.",
            evidence=(
                Evidence("critic.adversarial", level, FLOOR * chance, None, "at chance"),
                Evidence("critic.accuracy", sure, None, CERTAIN, "at chance"),
            ),
            confidence=min(0.95, sureness(min(length, 12), 8)),
            since=since,
            remedy=remedy,
            advice=advice,
            reference="Arjovsky and Bottou 2017, arXiv 1701.04862",
        )


def _samples_are_good(record: Record) -> bool:
    coverage = record.series("probe.coverage")
    return len(coverage) > 0 and coverage.last(2) > 0.7 * record.nulls.get("coverage", (0.9, 1.0))[0]


def _last_stretch(series: Series, bad: np.ndarray) -> tuple[int, int]:
    """(points, images) of the last stretch in which at least three of four points are bad: losses are noisy."""
    share = np.convolve(bad, np.ones(8) / 8, mode="same")
    good = np.flatnonzero(share < 0.75)
    first = int(good[-1]) + 1 if len(good) and good[-1] + 1 < len(bad) - 4 else (0 if not len(good) else len(bad) - 4)
    return len(bad) - first, int(series.images[first])


SYMPTOM = CriticOverpowers()
