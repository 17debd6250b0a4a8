"""V003: reconstructions are good and samples are not, because the prior is not where the latents are.

What we saw: images come back well from their own latents, while samples from the prior are far from the data.
Why it matters: sampling draws latents that the decoder never saw.
Remedy: beta at 1 if it was lowered; else a learned prior (vamp).
Reference: Hoffman and Johnson 2016 (ELBO surgery); Tomczak and Welling 2018 (arXiv 1705.07120).
"""

from typing import Any, ClassVar, final

from reverie.core.finding import Evidence, Finding, Record, Symptom
from reverie.core.trend import bad_run, sureness, together

EXPLAINED = 0.7  # of the pixels' variance by reconstructions
COVERED = 0.25  # of the healthy coverage's low end, by samples
NEAR = 0.6  # of the features' variance, by Frechet distance: among near-duplicates nothing covers, however near it is
LEAST = 3  # probes
BEGIN = 0.5  # of the budget


@final
class PriorGap(Symptom):
    """V003 prior-posterior gap."""

    code: ClassVar[str] = "V003"
    title: ClassVar[str] = "prior-posterior gap"

    def look(self, record: Record) -> Finding | None:
        """From reconstructions beside samples."""
        names = ("reconstruction_mse", "data_variance", "coverage", "frechet")
        found = together(record, *(f"probe.{n}" for n in names))
        if found is None or record.fraction < BEGIN:
            return None
        error, variance, coverage, distance = (s.values for s in found)
        low = record.nulls.get("coverage", (0.9, 1.0))[0]
        bad = (1 - error / variance > EXPLAINED) & (coverage < COVERED * low) & ~(distance < NEAR)
        length, since = bad_run(found[0], bad)
        if length < LEAST:
            return None
        vae: Any = getattr(record.recipe, "vae", None)
        remedy: dict[str, Any] = {"vae.prior": "vamp"}
        advice = "Learn the prior (a mixture of posteriors)."
        if vae is not None and vae.beta < 1:
            remedy, advice = {"vae.beta": 1.0}, "Set beta to 1: a lower one lets latents leave the prior."
        elif vae is None or vae.net == "ladder" or vae.prior == "vamp" or vae.conditional:
            remedy, advice = {}, "Train for longer; the learned prior is not yet where the latents are."
        return Finding(
            code=self.code,
            title=self.title,
            saw=f"Reconstructions explain {1 - error[-1] / variance[-1]:.0%} of the pixels' variance, but samples "
            f"reach {coverage[-1]:.0%} of the data (at least {low:.0%} in health).",
            why="Samples start from latents that no image has, so the decoder never learnt them.",
            evidence=(
                Evidence("probe.coverage", float(coverage[-1]), low, None),
                Evidence("probe.frechet", float(distance[-1]), None, NEAR),
                Evidence("probe.reconstruction_mse", float(error[-1])),
            ),
            confidence=sureness(length, LEAST),
            since=since,
            remedy=remedy,
            advice=advice,
            reference="Hoffman and Johnson 2016, ELBO surgery",
        )


SYMPTOM = PriorGap()
