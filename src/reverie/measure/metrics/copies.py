"""Whether samples are copies of training images."""

from typing import ClassVar, Literal, final

from reverie.core.capability import Samples
from reverie.core.spec import DataSpec
from reverie.measure.metric import Setting, not_pixels
from reverie.measure.passes import MOST_VALUES, sides, training_features
from reverie.measure.sets.copies import Copies as Calibrated
from reverie.measure.sets_metric import SetMetric
from reverie.measure.value import Value


@final
class Copies(SetMetric):
    """Share of samples that are nearer to one training image than unseen real images are.

    The measure is the distance to the nearest training image over the mean distance to the next ones; the threshold is
    what 1 % of the first half of the real images stay below. `copies_floor` is the share of the second half, which no
    model made: about 1 %; `copies_excess` is the share beyond the false alarms.

    Evidence, which poor fit can move as well: `copies_authentic` (AuthPct, Alaa et al. 2022) falls with copying, and
    `copies_c_t` (Meehan et al. 2020) goes far below 0. Copies hide from features that blur them: look at the pairs too.
    """

    name: ClassVar[str] = "copies"
    better: ClassVar[Literal["lower", "higher", "none"]] = "lower"
    summary: ClassVar[str] = "Share of samples that copy a training image, at 1 % false alarms."
    trained: ClassVar[bool] = True

    def unfit(self, spec: DataSpec) -> str | None:
        """Points lie so dense that each has a neighbour as good as itself."""
        return not_pixels(spec)

    def measure(self, model: Samples, setting: Setting) -> dict[str, Value]:
        """`copies`, `copies_floor`, `copies_excess`, `copies_threshold`, `copies_searched`, and evidence."""
        found, trained = sides(model, setting), training_features(setting, MOST_VALUES)
        calibrated = Calibrated.fit(trained, found.real)
        made, floor = calibrated.score(found.made), calibrated.score(found.other)
        return {
            "copies": made.share,
            "copies_floor": floor.share,
            "copies_excess": made.excess,
            "copies_threshold": Value(made.threshold, None, len(found.real), ""),
            "copies_searched": Value(len(trained), None, 0, "training images"),
            "copies_authentic": made.authentic,
            "copies_authentic_floor": floor.authentic,
            "copies_c_t": Value(made.c_t, None, len(found.made), ""),
            "copies_c_t_floor": Value(floor.c_t, None, len(found.other), ""),
        }


METRIC = Copies()
