"""S002: codes fill a few directions of their space.

What we saw: the effective rank of held-out images' codes stays at a handful, probe after probe.
Why it matters: what the images differ in otherwise is lost, and no linear map brings it back.
Remedy: the covariance term (VICReg), a projector between code and loss, or another method.
Reference: Jing et al. 2022 (arXiv 2110.09348), section 3; Garrido et al. 2023 (arXiv 2210.02885), for the measure.
"""

from typing import Any, ClassVar, final

import numpy as np

from reverie.core.finding import Evidence, Finding, Record, Symptom
from reverie.core.trend import bad_run, sureness, together

FEW = 8.0  # effective directions
SHARE = 0.1  # of the code's dimensions, where these are few
LEAST = 2  # probes
BEGIN = 0.3  # of the budget: rank falls at first and recovers


@final
class DimensionalCollapse(Symptom):
    """S002 dimensional collapse."""

    code: ClassVar[str] = "S002"
    title: ClassVar[str] = "dimensional collapse"

    def look(self, record: Record) -> Finding | None:
        """From `probe.effective_rank` beside the code's dimensions."""
        found = together(record, "probe.effective_rank", "probe.latent_units")
        if found is None or record.fraction < BEGIN:
            return None
        rank, units = found
        limit = np.minimum(FEW, np.maximum(1.5, SHARE * units.values))
        length, since = bad_run(rank, rank.values < limit)
        if length < LEAST:
            return None
        remedy, advice = _cure(getattr(record.recipe, "ssl", None))
        return Finding(
            code=self.code,
            title=self.title,
            saw=f"Codes of {units.last():.0f} dimensions fill {rank.last():.1f} directions of them.",
            why="What images differ in along the other directions is lost to whoever reads the code.",
            evidence=(
                Evidence("probe.effective_rank", rank.last(), float(limit[-1]), units.last(), "healthy encoders"),
                Evidence("probe.contrast_nats", record.series("probe.contrast_nats").last()),
            ),
            confidence=max(0.8, sureness(length, LEAST)),
            since=since,
            remedy=remedy,
            advice=advice,
            reference="Jing et al. 2022, arXiv 2110.09348, section 3",
        )


def _cure(ssl: Any) -> tuple[dict[str, Any], str]:
    """The term or the layer that keeps dimensions apart and was missing, else another method."""
    if ssl is not None and ssl.method == "vicreg" and ssl.covariance < 1:
        return {"ssl.covariance": 1.0}, "Charge for covariance: nothing else keeps dimensions from saying the same."
    if ssl is not None and ssl.layers == 0:
        return {"ssl.layers": 2}, "Put a projector between the code and the loss, so that the loss flattens it instead."
    if ssl is not None and ssl.method == "vicreg":
        return {"ssl.method": "simclr"}, "Contrast images with each other (simclr)."
    return {"ssl.method": "vicreg"}, "Use vicreg, which charges for dimensions that say the same."


SYMPTOM = DimensionalCollapse()
