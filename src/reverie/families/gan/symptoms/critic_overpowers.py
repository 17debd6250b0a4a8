"""G003: the critic wins, and the generator learns nothing from it.

What we saw: the critic's loss near zero, every pair told apart, and samples that do not come nearer to the data.
Without probes also: its loss fell from one level to another and the generator's rose, in one moment.
Why it matters: where the critic is certain its slope is flat, or points anywhere; more steps do not help.
Remedy: R1 and R2 (a stronger gamma where they are on), so that it cannot become certain.
Reference: Arjovsky and Bottou 2017 (arXiv 1701.04862), theorem 2.4; Mescheder et al. 2018 (arXiv 1801.04406).
"""

import math
from typing import Any, ClassVar, final

import numpy as np

from reverie.core.finding import Evidence, Finding, Record, Series, Symptom
from reverie.core.trend import sureness, together
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
SOME, MOST = 0.35, 0.95  # in place of these two, where samples are seen to be bad and to stay so
FAR, RISE_OF_COVERAGE, LEAST = 0.5, 1.2, 6  # of the healthy coverage's low end; from three probes to the next; probes
NEAR, LEARNT = 0.4, 0.1  # of the images' variance, by Frechet distance: as near, the generator has learnt; floor then
TAIL = 0.25  # of the images seen
WINDOW = 8  # reports: losses are noisy
BEGIN = 0.25  # of the budget: against an untrained generator every critic wins
# A step from level to level, in median deviations of the loss before it; losses of sound trainings drift by under 2.
FALL, RISE = -4.0, 3.0
WINDOWS, BEFORE, AFTER, REPORTS = 20, 4, 3, 10  # of the run so far; windows compared; reports in each at least


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
        if chance is None or len(loss) < WINDOW or record.fraction < BEGIN:
            return None
        tail = loss.tail(TAIL)
        accuracy = record.series("critic.accuracy").tail(TAIL)
        level = float(np.nanmedian(tail.values))
        sure = float(np.nanmedian(accuracy.values)) if len(accuracy) else 1.0
        floor, certain = (SOME, MOST) if _samples_stay_bad(record) else (FLOOR, CERTAIN)
        floor = min(floor, LEARNT) if _samples_are_near(record) else floor
        if level > floor * chance or sure < certain or _samples_are_good(record):
            return _at_once(record)
        low = loss.values < floor * chance
        length, since = _last_stretch(loss, low)
        remedy, advice = steadier(record)
        return Finding(
            code=self.code,
            title=self.title,
            saw=f"The critic's loss is {level:.2g}, {level / chance:.0%} of what it is at chance, and it tells "
            f"{sure:.0%} of pairs apart.",
            why="A certain critic gives the generator no direction: samples stop improving.",
            evidence=(
                Evidence("critic.adversarial", level, floor * chance, None, "at chance"),
                Evidence("critic.accuracy", sure, None, certain, "at chance"),
            ),
            confidence=sureness(max(WINDOW, min(length, 12)), WINDOW),
            since=since,
            remedy=remedy,
            advice=advice,
            reference="Arjovsky and Bottou 2017, arXiv 1701.04862",
        )


def _at_once(record: Record) -> Finding | None:
    """Both losses stepped apart: heads with a second term never come near zero, whatever becomes of their game."""
    found = together(record, "critic.adversarial", "generator.adversarial")
    if len(record.series("probe.coverage")) or found is None or len(found[0]) < WINDOWS * REPORTS:
        return None
    critic, generator = (_steps(s.values) for s in found)
    both = (critic <= FALL) & (generator >= RISE)
    if not both.any():
        return None
    at = int(np.flatnonzero(both)[0])
    remedy, advice = steadier(record)
    return Finding(
        code="G003",
        title="critic overpowers",
        saw=f"At once the critic's loss fell by {-critic[at]:.1f} of its deviations and the generator's rose by "
        f"{generator[at]:.1f}, and both stayed there.",
        why="The generator lost what it had: samples have most likely collapsed.",
        evidence=(
            Evidence("step of critic.adversarial, deviations", float(critic[at]), FALL, None, "the run before"),
            Evidence("step of generator.adversarial, deviations", float(generator[at]), None, RISE, "the run before"),
        ),
        confidence=0.6,
        since=int(found[0].images[len(found[0]) * at // WINDOWS]),
        remedy=remedy,
        advice=advice,
        reference="Arjovsky and Bottou 2017, arXiv 1701.04862",
    )


def _steps(values: np.ndarray) -> np.ndarray:
    """By window, how far the level after its beginning, and at the end, is from that before: the smaller step."""
    parts = np.array_split(values, WINDOWS)
    level = np.array([np.nanmedian(part) for part in parts])
    deviation = np.array([np.nanmedian(np.abs(part - np.nanmedian(part))) for part in parts])
    steps = np.zeros(WINDOWS)
    for i in range(WINDOWS // 4, WINDOWS - AFTER + 1):
        before, width = np.median(level[i - BEFORE : i]), max(float(np.median(deviation[i - BEFORE : i])), 1e-9)
        soon, last = (np.median(level[i : i + AFTER]) - before) / width, (np.median(level[-AFTER:]) - before) / width
        steps[i] = min(soon, last, key=abs) if soon * last > 0 else 0.0
    return steps


def _samples_are_good(record: Record) -> bool:
    coverage = record.series("probe.coverage")
    return len(coverage) > 0 and coverage.last(2) > 0.7 * record.nulls.get("coverage", (0.9, 1.0))[0]


def _samples_are_near(record: Record) -> bool:
    """Images of which there are few, or each has its twins, have neighbourhoods that nothing reaches."""
    distance = record.series("probe.frechet")
    return len(distance) > 0 and distance.last(2) < NEAR


def _samples_stay_bad(record: Record) -> bool:
    coverage, low = record.series("probe.coverage").values, record.nulls.get("coverage", (0.9, 1.0))[0]
    if len(coverage) < LEAST:
        return False
    before, now = np.nanmedian(coverage[-LEAST : -LEAST // 2]), np.nanmedian(coverage[-LEAST // 2 :])
    return bool(now < FAR * low and now < RISE_OF_COVERAGE * before + 0.01)


def _last_stretch(series: Series, bad: np.ndarray) -> tuple[int, int]:
    """(points, images) of the last stretch in which at least three of four points are bad: losses are noisy."""
    window = np.ones(WINDOW)
    near = np.convolve(np.ones(len(bad)), window, mode="same")  # fewer at both ends
    good = np.flatnonzero(np.convolve(bad, window, mode="same") < 0.75 * near)
    first = min(int(good[-1]) + 1 if len(good) else 0, len(bad) - 1)
    return len(bad) - first, int(series.images[first])


SYMPTOM = CriticOverpowers()
