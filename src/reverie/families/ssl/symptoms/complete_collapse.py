"""S001: every image gets the same code.

What we saw: projections that all point one way, report after report, and views that agree perfectly.
Why it matters: two views of an image agree because everything agrees; the code says nothing of the image.
Remedy: a variance term (VICReg) where it was missing, a predictor and a slow teacher (BYOL), or another method.
Reference: Chen and He 2021 (arXiv 2011.10566), section 4.1; Bardes et al. 2022 (arXiv 2105.04906), section 4.1.
"""

from typing import Any, ClassVar, final

from reverie.core.finding import Evidence, Finding, Record, Symptom
from reverie.core.trend import bad_run, sureness

LOW = 0.15  # of the spread over the whole sphere; the least of any healthy training seen was 0.47
LEAST = 3  # reports
BEGIN = 0.1  # of the budget


@final
class CompleteCollapse(Symptom):
    """S001 complete collapse."""

    code: ClassVar[str] = "S001"
    title: ClassVar[str] = "complete collapse"

    def look(self, record: Record) -> Finding | None:
        """From `views.spread`, sqrt(d) times the deviation of normalised projections."""
        spread, cosine = record.series("views.spread"), record.series("views.view_cosine")
        length, since = bad_run(spread, spread.values < LOW)
        if length < LEAST or record.fraction < BEGIN:
            return None
        remedy, advice = _cure(getattr(record.recipe, "ssl", None))
        return Finding(
            code=self.code,
            title=self.title,
            saw=f"Projections of different images differ {spread.last(3):.1%} as much as directions drawn at random.",
            why="Every image gets the same code: views agree because everything does.",
            evidence=(
                Evidence("views.spread", spread.last(3), LOW, None, "directions drawn at random have 1"),
                Evidence("views.view_cosine", cosine.last(3), None, None, "1: views agree perfectly"),
            ),
            confidence=max(0.9, sureness(length, LEAST)),
            since=since,
            remedy=remedy,
            advice=advice,
            reference="Chen and He 2021, arXiv 2011.10566, section 4.1",
            stop=length >= 3 * LEAST,
        )


def _cure(ssl: Any) -> tuple[dict[str, Any], str]:
    """What holds codes apart and was missing, else another method."""
    if ssl is not None and ssl.method == "vicreg" and (ssl.variance < ssl.invariance or ssl.covariance == 0):
        remedy = {"ssl.variance": max(25.0, ssl.invariance), "ssl.covariance": max(1.0, ssl.covariance)}
        return remedy, "Weigh the variance as much as the invariance: it is what keeps codes apart."
    if ssl is not None and ssl.method == "byol" and (not ssl.predictor or ssl.teacher < 0.9):
        remedy = {"ssl.predictor": True, "ssl.teacher": max(0.99, ssl.teacher)}
        return remedy, "Give the student its predictor and the teacher its slowness: without them codes collapse."
    if ssl is not None and ssl.method == "vicreg":
        return {"ssl.method": "simclr"}, "Contrast images with each other (simclr): a collapse then costs the most."
    return {"ssl.method": "vicreg"}, "Use vicreg, whose loss forbids that codes are alike."


SYMPTOM = CompleteCollapse()
