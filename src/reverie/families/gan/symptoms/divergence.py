"""G006: the game runs away.

What we saw: the critic's slopes on samples explode beside those on real images, and samples leave the data.
Without probes, of a Wasserstein game: its estimate of the distance, once clear, has a sign like a coin's, while the
critic's output swings ever further.
Why it matters: from here the samples get worse with every step.
Remedy: R2 beside R1 at every step, a stronger gamma, or half the learning rate; go on from the last healthy checkpoint.
Reference: Huang et al. 2024 (arXiv 2501.05441), section 3.2: slopes on made images explode where R2 is missing.
"""

from typing import Any, ClassVar, final

import numpy as np

from reverie.core.finding import Evidence, Finding, Record, Symptom
from reverie.core.trend import bad_run, sureness, together
from reverie.families.gan.remedies import steadier

WORSE = 3.0  # times the best Frechet distance, and beyond what real images show against real ones
RATIO = 10.0  # of squared slopes; a healthy game with R1 and R2 stays near 1
LEAST = 3  # probes
CLEAR, COIN = 0.1, 0.3  # share of reports in which the critic puts samples above real images: once, and now
GROWN = 5.0  # times the swings of the critic's output on samples, from report to report
PARTS, REPORTS = 8, 25  # of the run so far, and in each at least


@final
class Divergence(Symptom):
    """G006 divergence."""

    code: ClassVar[str] = "G006"
    title: ClassVar[str] = "divergence"

    def look(self, record: Record) -> Finding | None:
        """From the Frechet distance beside its own best, and the ratio of the critic's slopes or its logits' spread."""
        found = together(record, "probe.frechet", "probe.judge_gradient_ratio")
        if found is None:
            return _from_losses(record)
        if len(found[0]) < LEAST + 2:
            return None
        frechet, ratio = found
        width = max(1e-6, record.nulls.get("frechet", (0.0, 0.01))[1])
        best = np.fmin.accumulate(np.nan_to_num(frechet.values, nan=np.inf))
        lost = ~np.isfinite(frechet.values) | (frechet.values > np.maximum(WORSE * best, best + 20 * width))
        steep = ~np.isfinite(ratio.values) | (ratio.values > RATIO) | (ratio.values < 1 / RATIO)
        length, since = bad_run(frechet, lost)
        steep_share = float(np.mean(steep[-length:])) if length else 0.0
        if length < LEAST or steep_share < 0.5:
            return None
        remedy, advice = steadier(record)
        return Finding(
            code=self.code,
            title=self.title,
            saw=f"The Frechet distance is {frechet.last():.2g}, its best was {best[-1]:.2g}; the critic's slope on "
            f"samples is {ratio.last():.2g} times that on real images, squared.",
            why="From here samples get worse with every step.",
            evidence=(
                Evidence("probe.frechet", frechet.last(), None, max(WORSE * float(best[-1]), width)),
                Evidence("probe.judge_gradient_ratio", ratio.last(), 1 / RATIO, RATIO, "at equilibrium it is 1"),
            ),
            confidence=max(0.8, sureness(length, LEAST)),
            since=since,
            remedy=remedy,
            advice=advice,
            reference="Huang et al. 2024, arXiv 2501.05441, section 3.2",
            stop=True,
        )


def _from_losses(record: Record) -> Finding | None:
    """A Wasserstein critic's loss is minus its estimate of a distance, which is not negative but by noise."""
    gan: Any = getattr(record.recipe, "gan", None)
    found = together(record, "critic.adversarial", "generator.adversarial")
    if gan is None or gan.objective != "wasserstein" or found is None or len(found[0]) < PARTS * REPORTS:
        return None
    critic, output = found
    # A game that converges has a coin's sign, too; but its output comes to rest.
    wrong = np.array([np.mean(part > 0) for part in np.array_split(critic.values, PARTS)])
    swing = np.array([np.nanmedian(np.abs(np.diff(part))) for part in np.array_split(output.values, PARTS)])
    now, grown = float(wrong[-2:].mean()), float(swing[-2:].mean() / max(swing[0], 1e-12))
    if wrong[0] > CLEAR or now < COIN or grown < GROWN:
        return None
    bad = np.flatnonzero(wrong < COIN)[-1] + 1 if wrong[-1] >= COIN else PARTS - 1
    remedy, advice = steadier(record)
    return Finding(
        code="G006",
        title="divergence",
        saw=f"The critic puts samples above real images in {now:.0%} of the last reports, {wrong[0]:.0%} of the first, "
        f"and its output on samples swings {grown:.1f} times as far as at first.",
        why="The critic's numbers run away and no longer say what is real.",
        evidence=(
            Evidence("critic.adversarial above 0, share", now, None, COIN, "the run's own beginning"),
            Evidence("swing of generator.adversarial, times", grown, None, GROWN, "the run's own beginning"),
        ),
        confidence=0.6,
        since=int(critic.images[len(critic) * int(bad) // PARTS]),
        remedy=remedy,
        advice=advice,
        reference="Arjovsky et al. 2017, arXiv 1701.07875, section 3; Huang et al. 2024, arXiv 2501.05441, section 3.2",
    )


SYMPTOM = Divergence()
