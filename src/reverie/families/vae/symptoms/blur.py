"""V004: reconstructions are blurred, and the recipe says why.

What we saw: fine detail far below real images', much of the pixels' variance unexplained, and a KL that is charged
for several times, by beta or by a pixel spread that is fixed too wide. Without either it is no finding: the mean of a
Gaussian or Laplace pixel is soft in health, too, by as much as the training is short (7 % of the detail of 64 x 64
faces, after two passes).
Why it matters: the latent may not carry what the detail needs, so samples are blurred, too.
Remedy: beta at 1, the spread at its best.
Reference: Rybkin et al. 2021 (arXiv 2006.13202), section 3; Higgins et al. 2017 on what beta above 1 costs.
"""

from typing import Any, ClassVar, final

import numpy as np

from reverie.core.finding import Evidence, Finding, Record, Symptom
from reverie.core.trend import bad_run, sureness, together
from reverie.families.vae.balance import kl_weight, spread_weight

BETA = 2.0  # times the KL; 1 is the ELBO
LITTLE = 0.4  # of the pixels' variance explained: with more, a high beta does what it is for
RISING = 0.03  # of it, within the last probes: then time is the remedy
SPREAD = 4.0  # times the KL, by a spread that is fixed at twice its best value
MOST = 0.7  # of the pixels' variance explained: nothing is gained by a spread that is too wide
SHARP = 0.8  # of the healthy low end of real images' detail
LEAST = 3  # probes
BEGIN = 0.5  # of the budget: detail comes last


@final
class Blur(Symptom):
    """V004 blur."""

    code: ClassVar[str] = "V004"
    title: ClassVar[str] = "blur"

    def look(self, record: Record) -> Finding | None:
        """From reconstructions: their detail beside real images', and what the KL costs beside them."""
        names = ("reconstruction_sharpness", "reconstruction_mse", "data_variance")
        found = together(record, *(f"probe.{n}" for n in names))
        if found is None or record.fraction < BEGIN:
            return None
        sharp, error, variance = (s.values for s in found)
        low = record.nulls.get("sharpness", (0.9, 1.1))[0]
        weight, spread = kl_weight(record), spread_weight(record, error)
        explained = 1 - error / variance
        charged = ((weight > BETA) & (explained < LITTLE)) | ((spread > SPREAD) & (explained < MOST))
        length, since = bad_run(found[0], charged & (sharp < SHARP * low))
        if length < LEAST or explained[-1] > explained[-LEAST] + RISING:
            return None
        left = (1 - (MOST if spread[-1] > SPREAD else LITTLE)) * float(variance[-1])
        why, shown, remedy, advice = _cause(record, weight, float(spread[-1]))
        return Finding(
            code=self.code,
            title=self.title,
            saw=f"Reconstructions have {sharp[-1]:.0%} of real images' fine detail and explain "
            f"{max(float(explained[-1]), 0):.0%} of the pixels' variance: {why}.",
            why="What the latent may not carry, no sample can show.",
            evidence=(
                Evidence("probe.reconstruction_sharpness", float(sharp[-1]), SHARP * low, None),
                Evidence("probe.reconstruction_mse", float(error[-1]), None, left, "the mean image"),
                shown,
            ),
            confidence=sureness(length, LEAST),
            since=since,
            remedy=remedy,
            advice=advice,
            reference="Rybkin et al. 2021, arXiv 2006.13202, section 3",
        )


def _cause(record: Record, weight: float, spread: float) -> tuple[str, Evidence, dict[str, Any], str]:
    """(why, what shows it, remedy, advice)."""
    vae: Any = getattr(record.recipe, "vae", None)
    if vae is None or spread <= SPREAD:
        shown = Evidence("weight of the KL", weight, None, BETA, "the ELBO's is 1")
        return f"the KL is charged for {weight:.3g} times", shown, {"vae.beta": 1.0}, "Set beta to 1."
    best = vae.scale / (np.sqrt(spread) if vae.likelihood == "gaussian" else spread)
    shown = Evidence("vae.scale", float(vae.scale), None, float(best * SPREAD**0.5), "twice the best one")
    why = f"their spread is fixed at {vae.scale:g}, where {best:.2g} would be right"
    return why, shown, {"vae.scale": "optimal"}, "Let the spread be the best one."


SYMPTOM = Blur()
