"""X014: nothing is wrong but the time that it was given.

What we saw: the budget is spent, samples reach far fewer of the real images' neighbourhoods than other real images do,
and reached clearly fewer still at a third of the budget, while the rate was high, and at half of it.
Why it matters: what looks like a model that cannot is one that has not yet.
Remedy: none in the recipe; the same training over a longer budget, which may begin with what this one has learnt.
Reference: Naeem et al. 2020 (arXiv 2002.09797) for coverage; Prechelt 1998 for when not to stop.
"""

from typing import ClassVar, final

import numpy as np

from reverie.core.finding import Evidence, Finding, Record, Series, Symptom
from reverie.core.trend import bad_run, sureness, together

LEAST = 3  # probes
SPENT = 0.95  # of the budget: before, the rate has not fallen and the rest is still to come
SHORT = 0.6  # of the healthy coverage's low end
EARLY = 1 / 3  # of the budget: a model that can do no more has come near its end by then
RISE, TIMES = 1.0, 2.5  # since then: in widths of the healthy range, and in all; sound GANs on small digits double
LATE, STILL = 1 / 2, 1.2  # of the budget, and times: what has stood still since then does not end too early
FAR = 0.1  # of the images' variance, by Frechet distance: points may be near to everything and cover little
LONGER = 3  # times the budget


@final
class Unfinished(Symptom):
    """X014 unfinished."""

    code: ClassVar[str] = "X014"
    title: ClassVar[str] = "unfinished"
    when = "after"

    def look(self, record: Record) -> Finding | None:
        """From the coverage and the Frechet distance of samples: how far they still are, and how far they have come."""
        found = together(record, "probe.coverage", "probe.frechet")
        if found is None or len(found[0]) < 2 * LEAST or record.fraction < SPENT:
            return None
        coverage, distance = found
        low, high = record.nulls.get("coverage", (0.9, 1.0))
        reached, before = coverage.last(), _at(coverage, EARLY)
        least = min(reached - RISE * (high - low), reached / TIMES)
        still = reached > STILL * _at(coverage, LATE)
        length, _ = bad_run(coverage, coverage.values < SHORT * low)
        if length < LEAST or not (before < least and still and distance.last() > FAR):
            return None
        return Finding(
            code=self.code,
            title=self.title,
            saw=f"Samples reach {reached:.0%} of the real images' neighbourhoods (at least {low:.0%} in health), and "
            f"reached {before:.0%} at a third of the budget.",
            why="These samples say little of what the model can do: it was still learning when its budget ended.",
            evidence=(
                Evidence("probe.coverage", reached, low, None),
                Evidence("probe.coverage", before, least, None, "at a third of the budget, beside its own end"),
                Evidence("probe.frechet", distance.last(), None, FAR, "fitted"),
            ),
            confidence=sureness(length, LEAST),
            since=next(e.images for e in record.events if record.fraction_at(e.images, e.seconds) >= SPENT),
            remedy={},
            advice=f"Train {LONGER} times as long, from here: "
            f"`reverie train RUN/recipe.toml --start RUN {_longer(record)} --run RUN-longer`.",
            reference="Naeem et al. 2020, arXiv 2002.09797",
        )


def _at(series: Series, share: float) -> float:
    """The value at this share of the images, between the two probes around it."""
    return float(np.interp(share * series.images[-1], series.images, series.values))


def _longer(record: Record) -> str:
    train = record.recipe.train
    if train.images is not None:
        return f"--images {LONGER * train.images}"
    return f"--minutes {LONGER * (train.minutes or 0):g}"


SYMPTOM = Unfinished()
