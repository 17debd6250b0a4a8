"""What the KL costs beside the pixels, as a run itself shows it: what several of the VAE's symptoms ask."""

import math
from typing import Any

import numpy as np

from reverie.core.finding import Floats, Record


def kl_weight(record: Record) -> float:
    """The weight that the KL has at the end: as it was charged, or the recipe's beta where less was charged for.

    Free bits charge for more than there is, and the IWAE bound has no KL term; in both cases beta is the weight.
    """
    kl, charged = record.series("elbo.kl_nats").last(), record.series("elbo.weighted_kl_nats").last()
    vae: Any = getattr(record.recipe, "vae", None)
    said = math.inf if vae is None else float(vae.beta)
    seen = charged / kl if math.isfinite(kl) and kl > 0 and math.isfinite(charged) else math.inf
    weight = min(said, seen)
    return weight if math.isfinite(weight) else 1.0


def spread_weight(record: Record, error: Floats) -> Floats:
    """By how much a fixed spread of the pixels multiplies the KL's weight: (spread / its best value) squared.

    A Gaussian's log-likelihood is -error / (2 spread^2), and its best spread is the root of the mean squared error:
    any other weighs pixels by their ratio, as beta does (Rybkin et al. 2021, arXiv 2006.13202, section 3).

    Args:
        record: of a VAE.
        error: mean squared errors of reconstructions, (n,).
    Returns:
        (n,); 1 where the spread is not fixed.
    """
    vae: Any = getattr(record.recipe, "vae", None)
    if vae is None or isinstance(vae.scale, str) or vae.likelihood not in ("gaussian", "laplace"):
        return np.ones_like(error)
    ratio = float(vae.scale) / np.sqrt(np.maximum(error, 1e-12))
    return ratio**2 if vae.likelihood == "gaussian" else ratio
