"""X001: steps whose loss or gradient was not a number.

What we saw: the loop left steps out because their loss or gradient was not finite, and said so.
Why it matters: one now and then costs nothing; many mean that the rate is too high, or the precision too low.
Remedy: half the learning rate (a quarter of one that ended the training) and no more than is usual, gradients clipped.
Reference: Pascanu et al. 2013 (arXiv 1211.5063), section 3.2, on clipping.
"""

from typing import Any, ClassVar, final

from reverie.core.event import Finished
from reverie.core.finding import Evidence, Finding, Record, Symptom
from reverie.core.recipe import OptimRecipe

USUAL_RATE = OptimRecipe().lr
MANY = 3  # separate occasions; one may be an unlucky batch


@final
class NotFinite(Symptom):
    """X001 not finite."""

    code: ClassVar[str] = "X001"
    title: ClassVar[str] = "not finite"

    def look(self, record: Record) -> Finding | None:
        """From the loop's own warnings, and how the training ended."""
        warned = record.warnings("X001")
        ended = any(isinstance(e, Finished) and e.reason == "diverged" for e in record.events)
        if not ended and len(warned) < MANY:
            return None
        rate = min(record.recipe.optim.lr / (4 if ended else 2), USUAL_RATE)
        remedy: dict[str, Any] = {"optim.lr": rate}
        if record.recipe.train.clip is None:
            remedy["train.clip"] = 1.0
        saw = "The training ended because no step was finite any more" if ended else "Steps were left out"
        return Finding(
            code=self.code,
            title=self.title,
            saw=f"{saw} ({len(warned)} warning{'s' if len(warned) != 1 else ''}).",
            why="Weights from before are kept; from there on nothing was learnt.",
            evidence=(Evidence("warnings X001", float(len(warned)), None, 0.0 if ended else MANY - 1.0, "counted"),),
            confidence=0.99 if ended else 0.8,
            since=warned[0].images if warned else record.images,
            remedy=remedy,
            advice=f"Lower the learning rate to {rate:g} and clip gradients.",
            reference="Pascanu et al. 2013, arXiv 1211.5063",
            stop=ended,
        )


SYMPTOM = NotFinite()
