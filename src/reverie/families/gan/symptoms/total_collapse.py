"""G001: samples are nearly all the same image.

What we saw: the mean distance between two samples is a small part of that between two real images, probe after probe.
Why it matters: the generator answers every latent alike; what it lost, longer training does not bring back.
Remedy: relativistic pairs with R1 and R2, whose generator cannot win by one image that is real enough.
Reference: Goodfellow 2016 (arXiv 1701.00160), section 5.1; Huang et al. 2024 (arXiv 2501.05441), section 2.
"""

from typing import ClassVar, final

from reverie.core.finding import Evidence, Finding, Record, Symptom
from reverie.core.trend import bad_run, sureness
from reverie.families.gan.remedies import steadier

LOW = 0.3  # of the real images' diversity; two equally likely modes far apart still have half of a continuum's
LEAST = 3  # probes
BEGIN = 0.15  # of the budget: untrained generators answer alike, too


@final
class TotalCollapse(Symptom):
    """G001 total mode collapse."""

    code: ClassVar[str] = "G001"
    title: ClassVar[str] = "total mode collapse"

    def look(self, record: Record) -> Finding | None:
        """From `probe.diversity`."""
        diversity = record.series("probe.diversity")
        length, since = bad_run(diversity, diversity.values < LOW)
        if length < LEAST or record.fraction < BEGIN:
            return None
        value, (low, high) = diversity.last(), record.nulls.get("diversity", (0.9, 1.1))
        remedy, advice = steadier(record)
        return Finding(
            code=self.code,
            title=self.title,
            saw=f"Two samples differ {value:.0%} as much as two real images ({low:.0%} to {high:.0%} in health), "
            f"at the last {length} probes.",
            why="The generator makes one image, or a few, whatever the latent.",
            evidence=(
                Evidence("probe.diversity", value, low, high),
                Evidence(
                    "probe.coverage",
                    record.series("probe.coverage").last(),
                    record.nulls.get("coverage", (None, None))[0],
                ),
            ),
            confidence=max(0.9, sureness(length, LEAST)),
            since=since,
            remedy=remedy,
            advice=advice,
            reference="Goodfellow 2016, arXiv 1701.00160, section 5.1",
            pictures=("probes/missing.png",),
            stop=length >= 2 * LEAST,
        )


SYMPTOM = TotalCollapse()
