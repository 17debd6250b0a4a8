"""G007: the critic knows the training images by heart.

What we saw: it scores held-out images like samples, and training images far above both.
Why it matters: it no longer teaches what real images look like, only which ones it was shown; samples degrade.
Remedy: augment what the critic sees, as much as it needs (ada); more images, if there are any.
Reference: Karras et al. 2020 (arXiv 2006.06676), section 3 and the statistic r_v of its appendix.
"""

from typing import Any, ClassVar, final

from reverie.core.finding import Evidence, Finding, Record, Symptom
from reverie.core.trend import bad_run, sureness, together

HALF = 0.5  # r_v: held-out images are nearer to samples than to training images
TOLD = 0.8  # of training images scored above samples: else the critic knows nothing by heart
LEAST = 3  # probes


@final
class CriticOverfit(Symptom):
    """G007 critic overfit."""

    code: ClassVar[str] = "G007"
    title: ClassVar[str] = "critic overfit"

    def look(self, record: Record) -> Finding | None:
        """From r_v = (E D(train) - E D(held-out)) / (E D(train) - E D(fake))."""
        names = ("judge_train", "judge_held_out", "judge_fake", "judge_train_accuracy", "judge_held_out_accuracy")
        found = together(record, *(f"probe.{n}" for n in names))
        if found is None:
            return None
        train, held, fake, on_train, on_held = (s.values for s in found)
        margin = train - fake
        r_v = (train - held) / margin
        bad = (margin > 0) & (r_v > HALF) & (on_train > TOLD) & (on_held < on_train - 0.15)
        length, since = bad_run(found[0], bad)
        if length < LEAST:
            return None
        points = record.started is None or "points" in str(record.recipe.data.source)
        kind: Any = getattr(record.recipe, "gan", None)
        remedy: dict[str, Any] = {} if kind is None or kind.augment == "ada" or points else {"gan.augment": "ada"}
        return Finding(
            code=self.code,
            title=self.title,
            saw=f"The critic puts {on_train[-1]:.0%} of training images above samples, but only {on_held[-1]:.0%} of "
            f"held-out ones; r_v is {r_v[-1]:.2f}.",
            why="It has learnt the training images by heart, and no longer teaches what real images look like.",
            evidence=(
                Evidence("r_v", float(r_v[-1]), None, HALF, "0 when nothing is known by heart, 1 when everything is"),
                Evidence(
                    "probe.judge_held_out_accuracy", float(on_held[-1]), float(on_train[-1]) - 0.15, None, "train"
                ),
            ),
            confidence=sureness(length, LEAST),
            since=since,
            remedy=remedy,
            advice="Augment what the critic sees, as much as it needs; or find more images.",
            reference="Karras et al. 2020, arXiv 2006.06676, section 3",
        )


SYMPTOM = CriticOverfit()
