"""V005: the KL is charged for at a small part of its due, as if the pixels had been summed and the KL averaged.

What we saw: an effective weight far below 1, good reconstructions, a KL that no image needs, and samples far from the
data. Averages where the ELBO has sums are the usual reason (1 / latents, 1 / pixels, 0.00025).
Why it matters: posteriors shrink to points that leave the prior, and samples start from between them.
Remedy: beta at 1 over sums.
Reference: Kingma and Welling 2014 (arXiv 1312.6114), eq. 10: sums; Higgins et al. 2017, section 4.2, on beta's scale.
"""

from typing import ClassVar, final

from reverie.core.finding import Evidence, Finding, Record, Symptom
from reverie.core.trend import bad_run, sureness, together
from reverie.families.vae.balance import kl_weight

CHARGED = 0.1  # of the KL
EXPLAINED = 0.7  # of the pixels' variance, by reconstructions
COVERED = 0.5  # of the healthy coverage's low end, by samples
GAP = 10.0  # times what the distance from latents to the prior is by chance
LEAST = 3  # probes
BEGIN = 0.5  # of the budget: a warm-up charges for little until then


@final
class KlScale(Symptom):
    """V005 KL scale."""

    code: ClassVar[str] = "V005"
    title: ClassVar[str] = "KL scale"

    def look(self, record: Record) -> Finding | None:
        """From the weight that the run's own terms show, and what it did to the latents and to samples."""
        names = ("reconstruction_mse", "data_variance", "coverage", "posterior_gap", "posterior_gap_floor", "kl_nats")
        found = together(record, *(f"probe.{n}" for n in names))
        weight = kl_weight(record)
        if found is None or record.fraction < BEGIN or not 0 < weight < CHARGED:
            return None
        error, variance, coverage, gap, floor, kl = (s.values for s in found)
        low = record.nulls.get("coverage", (0.9, 1.0))[0]
        good = 1 - error / variance > EXPLAINED
        length, since = bad_run(found[0], good & (gap > GAP * floor) & (coverage < COVERED * low))
        if length < LEAST:
            return None
        return Finding(
            code=self.code,
            title=self.title,
            saw=f"The KL is charged for {weight:.2g} times and has grown to {kl[-1]:.3g} nats. Reconstructions "
            f"explain {1 - error[-1] / variance[-1]:.0%} of the variance, samples reach {coverage[-1]:.0%} of data.",
            why="Latents of images have left the prior, so samples start where the decoder never was.",
            evidence=(
                Evidence("weight of the KL", weight, CHARGED, None, "the ELBO's is 1"),
                Evidence("probe.posterior_gap", float(gap[-1]), None, GAP * float(floor[-1]), "chance"),
                Evidence("probe.coverage", float(coverage[-1]), COVERED * low, None),
            ),
            confidence=max(0.8, sureness(length, LEAST)),
            since=since,
            remedy={"vae.beta": 1.0},
            advice="Set beta to 1: sums over pixels and latents, means over the batch alone.",
            reference="Kingma and Welling 2014, arXiv 1312.6114, eq. 10",
        )


SYMPTOM = KlScale()
