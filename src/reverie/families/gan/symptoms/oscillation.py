"""G005: the players chase each other in circles.

What we saw: what samples cover swings up and down from probe to probe instead of rising; or, where they cover nothing,
their Frechet distance does.
Why it matters: which modes one gets depends on when one stops.
Remedy: no momentum (beta1 = 0), penalties on the critic's slope, or half the learning rate.
Reference: Mescheder et al. 2018 (arXiv 1801.04406), section 2: without regularisation, orbits do not close in.
"""

from typing import Any, ClassVar, final

import numpy as np

from reverie.core.finding import Evidence, Finding, Record, Symptom
from reverie.families.gan.remedies import steadier

LEAST = 6  # probes in the second half of what was seen
SWING = 0.25  # of coverage, from a peak to the next trough, as a share of the healthy low end
TURNS = 3  # such swings
FOLD, RETURNS, NOTHING = 4.0, 2, 0.3  # of the Frechet distance; such swings; of the healthy coverage, at its best


@final
class Oscillation(Symptom):
    """G005 oscillation."""

    code: ClassVar[str] = "G005"
    title: ClassVar[str] = "oscillation"

    def look(self, record: Record) -> Finding | None:
        """From the turns of `probe.coverage`."""
        coverage = record.series("probe.coverage").tail(0.6)
        low = record.nulls.get("coverage", (0.9, 1.0))[0]
        if len(coverage) < LEAST or record.fraction < 0.4:
            return None
        turns = swings(coverage.values, SWING * low)
        if len(turns) < TURNS:
            return _far_away(record) if np.nanmax(coverage.values) < NOTHING * low else None
        remedy, advice = _calmer(record)
        return Finding(
            code=self.code,
            title=self.title,
            saw=f"Coverage swung {len(turns)} times by more than {SWING * low:.0%} in the last {len(coverage)} probes, "
            f"between {np.nanmin(coverage.values):.0%} and {np.nanmax(coverage.values):.0%}.",
            why="The players circle: which modes the samples have depends on when the training stops.",
            evidence=(Evidence("probe.coverage", coverage.last(), low, None), *_going_round(record)),
            confidence=min(0.95, 0.5 + 0.1 * len(turns)),
            since=int(coverage.images[turns[0]]),
            remedy=remedy,
            advice=advice,
            reference="Mescheder et al. 2018, arXiv 1801.04406",
        )


def _going_round(record: Record) -> list[Evidence]:
    """Whether the critic's logits go round, too, between one report and the next; noise has up to 0.3."""
    seen = record.series("probe.judge_gap_autocorrelation")
    return [Evidence("probe.judge_gap_autocorrelation", seen.last(), None, 0.3, "noise")] if len(seen) else []


def _far_away(record: Record) -> Finding | None:
    """Of samples that pass the data by, coming near and leaving again."""
    frechet = record.series("probe.frechet").tail(0.75)
    width = max(1e-6, record.nulls.get("frechet", (0.0, 0.01))[1])
    turns = swings(np.log(np.fmax(frechet.values, width)), float(np.log(FOLD)))
    if len(turns) < RETURNS:
        return None
    at = ", ".join(f"{frechet.values[i]:.2g}" for i in turns)
    remedy, advice = _calmer(record)
    return Finding(
        code="G005",
        title="oscillation",
        saw=f"The Frechet distance rose and fell more than fourfold, turning at {at}; it is {frechet.last():.2g} now.",
        why="The players circle: samples pass the data by, and where they are depends on when the training stops.",
        evidence=(Evidence("probe.frechet", frechet.last(), None, width), *_going_round(record)),
        confidence=min(0.95, 0.5 + 0.1 * len(turns)),
        since=int(frechet.images[turns[0]]),
        remedy=remedy,
        advice=advice,
        reference="Mescheder et al. 2018, arXiv 1801.04406",
    )


def swings(values: np.ndarray, least: float) -> list[int]:
    """Where the values turned, counting moves of at least `least` alone: indices of the turning points.

    Example:
        >>> swings(np.array([0.0, 1.0, 0.2, 0.9, 0.85, 0.1]), 0.5)
        [1, 2, 3]
    """
    turns: list[int] = []
    extreme, direction = 0, 0
    for i, value in enumerate(values):
        move = value - values[extreme]
        if direction == 0 and abs(move) >= least:
            direction, extreme = (1 if move > 0 else -1), i
        elif direction and move * direction > 0:
            extreme = i
        elif direction and -move * direction >= least:
            turns.append(extreme)
            direction, extreme = -direction, i
    return turns


def _calmer(record: Record) -> tuple[dict[str, Any], str]:
    if record.recipe.optim.beta1 > 0:
        diff, advice = steadier(record)
        return {**diff, "optim.beta1": 0.0}, f"{advice} No momentum for either player."
    gan: Any = getattr(record.recipe, "gan", None)
    if gan is not None and gan.objective == "relativistic" and gan.penalties:
        return {"optim.lr": record.recipe.optim.lr / 2}, "Halve the learning rate."
    return steadier(record)


SYMPTOM = Oscillation()
