"""G002: some kinds of image are never made.

What we saw: bins of the training images (k-means) that samples do not fill, while those that they fill look real; or
samples of far too few kinds (Vendi score), whose coverage does not grow.
Why it matters: whatever the samples are for, these kinds are missing from it; losses do not show it.
Remedy: relativistic pairs with R1 and R2; a stronger gamma, or packing, where these are played already.
Reference: Richardson and Weiss 2018 (arXiv 1805.12462); Lin et al. 2018 (arXiv 1712.04086).
"""

from typing import ClassVar, final

import numpy as np

from reverie.core.finding import Evidence, Finding, Record, Symptom
from reverie.core.trend import bad_run, sureness, together
from reverie.families.gan.remedies import steadier

LEAST = 3  # probes
BEGIN = 1 / 3  # of the budget: before, what is missing may only not have been learnt yet
REAL_ENOUGH = 0.9  # of the healthy density's low end: below, samples are unfinished rather than incomplete
HARDLY, ROUGH = 0.3, 0.5  # of the healthy coverage's, below which that much density is enough
LACKING = 2  # bins beyond the healthy range: good samples of real images lack one or two
SHARE, FULL = 0.95, 2 / 3  # of the healthy coverage's low end, from this share of the budget on; before, in proportion
FEW = 0.4  # of the healthy Vendi score's low end: so few kinds are wrong even if none looks real yet
FAR = 0.5  # of the healthy coverage's low end, then


@final
class PartialCollapse(Symptom):
    """G002 partial mode collapse."""

    code: ClassVar[str] = "G002"
    title: ClassVar[str] = "partial mode collapse"

    def look(self, record: Record) -> Finding | None:
        """From bins that samples leave empty, coverage, and density (do samples look real at all?)."""
        found = together(record, "probe.missing_bins", "probe.coverage", "probe.density", "probe.vendi")
        if found is None or record.fraction < BEGIN:
            return None
        missing, coverage, density, vendi = found
        most, low = record.nulls.get("missing_bins", (0.0, 0.0))[1], record.nulls.get("coverage", (0.9, 1.0))[0]
        real, rough = (share * record.nulls.get("density", (0.9, 1.1))[0] for share in (REAL_ENOUGH, ROUGH))
        few = FEW * record.nulls.get("vendi", (0.9, 1.1))[0]
        due = SHARE * low * np.minimum(1, record.fraction * coverage.images / record.images / FULL)
        hardly = (coverage.values < np.minimum(due, HARDLY * low)) & (density.values > rough)
        incomplete = (coverage.values < due) & (density.values > real) | hardly
        scarce = (coverage.values < FAR * low) & (vendi.values < few) & ~_rises(vendi.values)
        bad = (missing.values > most + LACKING) & (incomplete | scarce)
        length, since = bad_run(missing, bad)
        if length < LEAST or _is_filling(missing.values, coverage.values):
            return None
        remedy, advice = steadier(record)
        count, value = missing.last(), coverage.last()
        return Finding(
            code=self.code,
            title=self.title,
            saw=f"Of {count:.0f} kinds of training image there is (almost) no sample, and samples reach {value:.0%} of "
            f"the real images' neighbourhoods (at least {low:.0%} in health), at the last {length} probes.",
            why="These kinds are missing from everything that is made; `probes/missing.png` shows them on the left.",
            evidence=(
                Evidence("probe.missing_bins", count, None, most),
                Evidence("probe.coverage", value, low, None),
                Evidence("probe.density", density.last()),
                Evidence("probe.vendi", vendi.last()),
            ),
            confidence=sureness(length, LEAST),
            since=since,
            remedy=remedy,
            advice=advice,
            reference="Richardson and Weiss 2018, arXiv 1805.12462",
            pictures=("probes/missing.png",),
        )


def _rises(values: np.ndarray) -> np.ndarray:
    """Where a value is clearly above all of those one to three probes before."""
    before = np.stack([np.concatenate([np.full(k, np.inf), values])[: len(values)] for k in (1, 2, 3)])
    return values > 1.1 * before.max(0)


def _is_filling(missing: np.ndarray, coverage: np.ndarray) -> bool:
    """True while fewer and fewer are missing: then time is the remedy."""
    recent, half = missing[-4:], slice(max(0, len(missing) // 2 - 2), len(missing) // 2 + 1)
    fewer = np.median(missing[-3:]) < 0.8 * np.median(missing[half])
    more = np.median(coverage[-3:]) > 1.2 * np.median(coverage[half])
    return len(recent) >= 3 and (recent[-1] < 0.6 * recent[0] or bool(fewer and more))


SYMPTOM = PartialCollapse()
