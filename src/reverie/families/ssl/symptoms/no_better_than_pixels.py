"""S003: the code tells images apart no better than their pixels do.

What we saw: late in the training, neighbours by code name labels worse than neighbours by pixels, beyond chance.
Why it matters: whoever uses the code would do better without it.
Remedy: milder views, when views hide what tells images apart; else more training, or a larger encoder.
Reference: Tian et al. 2020 (arXiv 2005.10243), section 3: views should share what the task needs, and nothing else.
"""

import math
from typing import Any, ClassVar, final

import numpy as np

from reverie.core.finding import Evidence, Finding, Record, Symptom
from reverie.core.trend import bad_run, sureness, together

LEAST = 3  # probes
BEGIN = 0.6  # of the budget
SIGMAS = 2.0  # of an accuracy on so many images


@final
class NoBetterThanPixels(Symptom):
    """S003 no better than pixels."""

    code: ClassVar[str] = "S003"
    title: ClassVar[str] = "no better than pixels"

    def look(self, record: Record) -> Finding | None:
        """From `probe.knn_accuracy` beside `probe.knn_accuracy_pixels`."""
        found = together(record, "probe.knn_accuracy", "probe.knn_accuracy_pixels", "probe.contrast_chance_nats")
        if found is None or record.fraction < BEGIN:
            return None
        codes, pixels, log_images = found  # the chance level of n images is log n
        chance = SIGMAS * np.sqrt((pixels.values * (1 - pixels.values)).clip(0.02) / np.exp(log_images.values))
        length, since = bad_run(codes, codes.values < pixels.values - chance)
        if length < LEAST or not math.isfinite(codes.last()):
            return None
        remedy, advice = _cure(record)
        return Finding(
            code=self.code,
            title=self.title,
            saw=f"Neighbours by code name {codes.last(LEAST):.0%} of labels rightly, neighbours by pixels "
            f"{pixels.last():.0%}, at the last {length} probes.",
            why="Whoever uses the code would do better with the pixels.",
            evidence=(Evidence("probe.knn_accuracy", codes.last(LEAST), pixels.last(), 1.0, "neighbours by pixels"),),
            confidence=sureness(length, LEAST),
            since=since,
            remedy=remedy,
            advice=advice,
            reference="Tian et al. 2020, arXiv 2005.10243, section 3",
        )


def _cure(record: Record) -> tuple[dict[str, Any], str]:
    """Milder views where they are strong; a longer training where they are not."""
    ssl: Any = getattr(record.recipe, "ssl", None)
    if ssl is not None and (ssl.crop < 0.2 or ssl.jitter > 0.6 or ssl.noise > 0.5):
        remedy = {"ssl.crop": max(0.3, ssl.crop), "ssl.jitter": min(0.4, ssl.jitter), "ssl.noise": 0.0}
        return remedy, "Use milder views: these hide what tells images apart."
    train = record.recipe.train
    if train.minutes is not None:
        return {"train.minutes": 3 * train.minutes}, "Train for longer."
    return ({"train.images": 3 * train.images} if train.images else {}), "Train for longer."


SYMPTOM = NoBetterThanPixels()
