"""V001: the decoder ignores the latent.

What we saw: next to no information in the latent, and reconstructions no better than the mean image.
Why it matters: there is nothing to interpolate, edit or sample: every image comes out the same.
Remedy: beta at 1, with a warm-up and free bits, so that the latent is worth using before it is charged for.
Reference: Bowman et al. 2016 (arXiv 1511.06349), section 3; Kingma et al. 2016 (arXiv 1606.04934), appendix C.8.
"""

from typing import Any, ClassVar, final

from reverie.core.finding import Evidence, Finding, Record, Symptom
from reverie.core.trend import bad_run, sureness, together

NATS = 1.0  # an image: e^1, fewer than three images told apart
EXPLAINED = 0.1  # of the pixels' variance; the mean image explains none
LEAST = 2  # probes
BEGIN = 0.25  # of the budget


@final
class PosteriorCollapse(Symptom):
    """V001 posterior collapse."""

    code: ClassVar[str] = "V001"
    title: ClassVar[str] = "posterior collapse"

    def look(self, record: Record) -> Finding | None:
        """From the KL, and the reconstruction error beside the error of the mean image."""
        found = together(record, "probe.kl_nats", "probe.reconstruction_mse", "probe.data_variance")
        if found is None or record.fraction < BEGIN:
            return None
        kl, error, variance = (s.values for s in found)
        explained = 1 - error / variance
        length, since = bad_run(found[0], (kl < NATS) & (explained < EXPLAINED))
        if length < LEAST:
            return None
        vae: Any = getattr(record.recipe, "vae", None)
        remedy: dict[str, Any] = {"vae.beta": 1.0, "vae.warmup": 0.3}
        if vae is not None and vae.samples == 1 and vae.prior == "normal":
            remedy["vae.free_bits"] = 0.1
        if record.recipe.optim.lr > 2e-3:
            remedy["optim.lr"] = 1e-3
        return Finding(
            code=self.code,
            title=self.title,
            saw=f"The latent carries {kl[-1]:.2g} nats an image; reconstructions explain {max(explained[-1], 0):.0%}"
            f" of the variance.",
            why="The decoder ignores the latent: every image comes out (almost) the same.",
            evidence=(
                Evidence("probe.kl_nats", float(kl[-1]), NATS, None, "to tell three images apart"),
                Evidence(
                    "probe.reconstruction_mse",
                    float(error[-1]),
                    None,
                    (1 - EXPLAINED) * float(variance[-1]),
                    "the mean image",
                ),
            ),
            confidence=max(0.85, sureness(length, LEAST)),
            since=since,
            remedy=remedy,
            advice="Set beta to 1 and let it warm up, with free bits for every dimension.",
            reference="Bowman et al. 2016, arXiv 1511.06349",
            pictures=(),
        )


SYMPTOM = PosteriorCollapse()
