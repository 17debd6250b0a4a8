"""X012: samples that are training images.

What we saw: more samples lie nearer to a training image than held-out images ever do.
Why it matters: what is made is not new, and may be somebody's photograph.
Remedy: more images, mirrored ones, or a stop before it began; a GAN's critic can be augmented.
Reference: Meehan et al. 2020 (arXiv 2004.05675); Stein et al. 2023 (arXiv 2306.04675) on how weak such tests are.
"""

from typing import Any, ClassVar, final

from reverie.core.finding import Evidence, Finding, Record, Symptom
from reverie.core.trend import bad_run, sureness

LEAST = 3  # probes
TIMES = 3.0  # the healthy share, and at least SHARE
SHARE = 0.1  # of samples


@final
class Memorisation(Symptom):
    """X012 memorisation."""

    code: ClassVar[str] = "X012"
    title: ClassVar[str] = "memorisation"

    def look(self, record: Record) -> Finding | None:
        """From `probe.copies`, whose threshold is calibrated on held-out images; points have no identity to copy."""
        copies = record.series("probe.copies")
        if not len(copies) or record.recipe.data.source in ("ring8", "grid25"):
            return None
        healthy = record.nulls.get("copies", (0.0, 0.03))[1]
        length, since = bad_run(copies, copies.values > max(TIMES * healthy, SHARE))
        if length < LEAST:
            return None
        gan: Any = getattr(record.recipe, "gan", None)
        remedy: dict[str, Any] = {"data.mirror": True} if not record.recipe.data.mirror else {}
        if gan is not None and gan.augment == "none":
            remedy = {"gan.augment": "ada"}
        return Finding(
            code=self.code,
            title=self.title,
            saw=f"{copies.last():.0%} of samples are nearer to a training image than 99 % of held-out images are.",
            why="What is made is not new: look at the nearest training images before you show it to anybody.",
            evidence=(Evidence("probe.copies", copies.last(), None, healthy, "held-out images"),),
            confidence=sureness(length, LEAST),
            since=since,
            remedy=remedy,
            advice="Find more images, mirror them, augment, or stop earlier.",
            reference="Meehan et al. 2020, arXiv 2004.05675",
        )


SYMPTOM = Memorisation()
