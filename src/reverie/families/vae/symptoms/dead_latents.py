"""V002: few of the latents are used, though there is much left to say.

What we saw: most dimensions are the prior whatever the image, while reconstructions leave much of the variance
unexplained. A latent that is merely larger than the data need is pruned without loss, and is not named.
Why it matters: dimensions that were given up early rarely come back, and what they could say stays unsaid.
Remedy: free bits for every dimension, and a warm-up, so that none is given up before it was of use.
Reference: Burda et al. 2016 (arXiv 1509.00519) on active units; Dai and Wipf 2019 (arXiv 1903.05789) on
pruning that costs nothing; Kingma et al. 2016 (arXiv 1606.04934), appendix C.8, on free bits.
"""

from typing import Any, ClassVar, final

from reverie.core.finding import Evidence, Finding, Record, Symptom
from reverie.core.trend import bad_run, sureness, together
from reverie.families.vae.balance import kl_weight

USED = 0.5  # of the dimensions
BROKEN = -0.2  # of it: a net that is worse than the mean of the data has no use for any latent (X010)
EXPLAINED = 0.5  # of the pixels' variance: with less left over, what is idle is not missed
NATS = 1.0  # of KL: with less the whole latent is ignored, which is V001
LEAST = 3  # probes
BEGIN = 0.5  # of the budget: some dimensions come into use late
DOUBT = 0.7  # times the confidence: a decoder that is too small leaves the same traces


@final
class DeadLatents(Symptom):
    """V002 dead latents."""

    code: ClassVar[str] = "V002"
    title: ClassVar[str] = "dead latents"

    def look(self, record: Record) -> Finding | None:
        """From active units beside all there are, and from what reconstructions leave unexplained."""
        names = ("active_units", "latent_units", "kl_nats", "reconstruction_mse", "data_variance")
        found = together(record, *(f"probe.{n}" for n in names))
        vae: Any = getattr(record.recipe, "vae", None)
        layered = vae is not None and vae.net == "ladder"  # nine in ten of its latents idle in sound runs
        if found is None or record.fraction < BEGIN or layered:
            return None
        active, units, kl, error, variance = (s.values for s in found)
        explained = 1 - error / variance
        missed = (explained < EXPLAINED) & (explained > BROKEN)
        length, since = bad_run(found[0], (active < USED * units) & (kl > NATS) & missed)
        if length < LEAST:
            return None
        remedy, advice = _wake(record)
        return Finding(
            code=self.code,
            title=self.title,
            saw=f"{active[-1]:.0f} of {units[-1]:.0f} latent dimensions are used, though reconstructions leave "
            f"{1 - explained[-1]:.0%} of the variance unexplained.",
            why="Dimensions that were given up early rarely come back, and what they could say stays unsaid.",
            evidence=(
                Evidence("probe.active_units", float(active[-1]), USED * float(units[-1]), None, "half of them"),
                Evidence("probe.reconstruction_mse", float(error[-1]), None, (1 - EXPLAINED) * float(variance[-1])),
            ),
            confidence=DOUBT * sureness(length, LEAST),
            since=since,
            remedy=remedy,
            advice=advice,
            reference="Burda et al. 2016, arXiv 1509.00519; Kingma et al. 2016, arXiv 1606.04934",
        )


def _wake(record: Record) -> tuple[dict[str, Any], str]:
    vae: Any = getattr(record.recipe, "vae", None)
    if kl_weight(record) > 1:
        return {"vae.beta": 1.0}, "Set beta to 1: more than that asks for fewer dimensions."
    warm: dict[str, Any] = {"vae.warmup": 0.3} if vae is None or vae.warmup < 0.3 else {}
    if vae is not None and vae.samples == 1 and vae.prior == "normal" and vae.free_bits == 0:
        return {**warm, "vae.free_bits": 0.1}, "Give every dimension free bits, and let the KL warm up."
    if warm:
        return warm, "Let the KL warm up, so that dimensions are of use before they are charged for."
    return {"optim.lr": record.recipe.optim.lr / 2}, "Halve the learning rate: long steps kill dimensions for good."


SYMPTOM = DeadLatents()
